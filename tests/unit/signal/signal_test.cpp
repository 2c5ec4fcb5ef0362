#include "ioa/signal/signal.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

class SignalTest : public test::FakeLoopTest {
 protected:
  Signal& add(std::string_view name, char letter) {
    auto& signal = loop.add(std::make_unique<Signal>(name));
    signal.on_receipt([this, letter](Signal&) { log += letter; });
    return signal;
  }
  void receive(int number) {
    fake.raise(number);
    test::turn_while_busy(loop);
  }

  std::string log;
};

TEST_F(SignalTest, CallsWhenItsSignalHasArrived) {
  auto& signal = add("USR1", 'a');
  EXPECT_EQ(signal.number(), SIGUSR1);
  EXPECT_EQ(signal.describe(), "USR1");
  fake.raise(SIGUSR1);
  fake.raise(SIGUSR1);
  EXPECT_EQ(log, "");
  test::turn_while_busy(loop);
  EXPECT_EQ(log, "a") << "two that came together are one call";
  receive(SIGUSR1);
  EXPECT_EQ(log, "aa");
}

TEST_F(SignalTest, TakesNamesAndNumbers) {
  EXPECT_EQ(Signal("SIGTERM").number(), SIGTERM);
  EXPECT_EQ(Signal("15").number(), 15);
  EXPECT_EQ(Signal(SIGHUP).describe(), "HUP");
}

TEST_F(SignalTest, WhatCannotBeASignalFailsWhenItIsMade) {
  for (const char* name : {"", "SIG", "NOSUCH", "0", "-1", "1000", "KILL", "SIGSTOP", "9"}) {
    try {
      Signal signal(name);
      ADD_FAILURE() << name << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code().value(), EINVAL);
      EXPECT_EQ(error.subject(), name);
    }
  }
  EXPECT_THROW(Signal(SIGKILL), Error);
}

TEST_F(SignalTest, ManyMayShareASignalAndAllAreCalledInTheirOrder) {
  add("USR1", 'a');
  add("USR1", 'b');
  add("USR2", '!');
  add("USR1", 'c');
  receive(SIGUSR1);
  EXPECT_EQ(log, "abc");
}

TEST_F(SignalTest, OneThatRemovesItselfDoesNotSkipItsNeighbour) {
  auto& first = add("USR1", 'a');
  first.on_receipt([this](Signal& self) {
    log += 'a';
    self.remove();
  });
  add("USR1", 'b');
  receive(SIGUSR1);
  EXPECT_EQ(log, "ab");
  receive(SIGUSR1);
  EXPECT_EQ(log, "abb");
}

TEST_F(SignalTest, OneThatRemovesAnotherSilencesIt) {
  auto& first = add("USR1", 'a');
  auto& second = add("USR1", 'b');
  add("USR1", 'c');
  first.on_receipt([this, &second](Signal&) {
    log += 'a';
    second.remove();
  });
  receive(SIGUSR1);
  EXPECT_EQ(log, "ac");
}

TEST_F(SignalTest, TheCallbackMayBeReplacedAtAnyTime) {
  auto& signal = add("USR1", 'a');
  signal.on_receipt([this](Signal& self) {
    log += 'b';
    self.on_receipt([this](Signal&) { log += 'c'; });
  });
  receive(SIGUSR1);
  receive(SIGUSR1);
  EXPECT_EQ(log, "bc");
}

TEST_F(SignalTest, IsWatchedOnlyInsideALoop) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& signal = parent.add_child(std::make_unique<Signal>("USR1"));
  EXPECT_TRUE(fake.is_watched(SIGUSR1));
  auto released = parent.release_child(signal);
  EXPECT_FALSE(fake.is_watched(SIGUSR1));
  parent.add_child(std::move(released));
  EXPECT_TRUE(fake.is_watched(SIGUSR1));
}

TEST_F(SignalTest, TheNextOneIsAFuture) {
  auto& signal = add("USR1", 'a');
  Future<> next = signal.next();
  signal.next().cancel();
  EXPECT_FALSE(settles(next));
  receive(SIGUSR1);
  EXPECT_TRUE(next.ready());
  EXPECT_EQ(log, "a");
  EXPECT_FALSE(signal.next().ready());
}

TEST_F(SignalTest, ANextOneAskedForInTheCallbackIsTheOneAfterThis) {
  auto& signal = add("USR1", 'a');
  std::optional<Future<>> next;
  signal.on_receipt([&](Signal& self) {
    if (!next) next = self.next();
  });
  receive(SIGUSR1);
  EXPECT_FALSE(next->ready());
  receive(SIGUSR1);
  EXPECT_TRUE(next->ready());
}

TEST_F(SignalTest, WhoWaitsIsToldAlsoIfTheCallbackThrows) {
  auto& signal = add("USR1", 'a');
  signal.on_receipt([](Signal&) { throw std::runtime_error("no"); });
  add("USR1", 'b');
  Future<> next = signal.next();
  fake.raise(SIGUSR1);
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_TRUE(next.ready());
  test::turn_while_busy(loop);
  EXPECT_EQ(log, "b") << "the others stay queued";
}

TEST_F(SignalTest, ACallbackMayStopTheLoop) {
  add("USR1", 'a').on_receipt([this](Signal&) { loop.stop(); });
  fake.raise(SIGUSR1);
  loop.run();
}

class SignalRealTest : public test::RealLoopTest {};

TEST_F(SignalRealTest, HearsTheSystemsSignalsAndGivesTheDispositionBack) {
  auto& signal = loop.add(std::make_unique<Signal>("USR2"));
  Future<> next = signal.next();
  ::raise(SIGUSR2);
  run(std::move(next));
  signal.remove();
  test::turn_while_busy(loop);
  struct sigaction action {};
  ::sigaction(SIGUSR2, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace ioa
