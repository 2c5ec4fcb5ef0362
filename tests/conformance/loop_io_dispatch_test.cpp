#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using test::EventLog;
using test::SocketPair;

constexpr IoEvents kBoth = IoEvents(IoEvent::read).with(IoEvent::write);

// What callbacks may do to watches, in the turn in which these have events.
class LoopIoDispatchTest : public test::LoopConformance {
 protected:
  LoopIoDispatchTest() { test::write_all(pair.second.get(), "x"); }

  SocketPair pair = test::unix_pair();  // the first one is readable and writable
  EventLog log;
};

TEST_P(LoopIoDispatchTest, AReadCallbackThatWantsLessSuppressesThePendingWrite) {
  int calls = 0;
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent event) {
    EXPECT_EQ(event, IoEvent::read);
    ++calls;
    watch.want(IoEvent::read);
  });
  watch.start(pair.first.get(), kBoth);
  turn_now();
  EXPECT_EQ(calls, 1);
}

TEST_P(LoopIoDispatchTest, AReadCallbackThatStopsSuppressesThePendingWrite) {
  int calls = 0;
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    ++calls;
    watch.stop();
  });
  watch.start(pair.first.get(), kBoth);
  turn_now();
  turn_now();
  EXPECT_EQ(calls, 1);
}

TEST_P(LoopIoDispatchTest, AnEventThatHasBeenToldIsForgotten) {
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent event) {
    log.callback()(event);
    test::read_available(pair.first.get());
  });
  watch.start(pair.first.get(), kBoth);
  turn_now();
  EXPECT_EQ(log.take(), "rw");
  turn_now();
  EXPECT_EQ(log.take(), "w") << "there is nothing to read any more";
}

TEST_P(LoopIoDispatchTest, OfTwoWatchesThatCancelEachOtherExactlyOneRuns) {
  for (const bool destroys : {false, true}) {
    std::optional<IoWatch> a(std::in_place, loop);
    std::optional<IoWatch> b(std::in_place, loop);
    int calls = 0;
    const auto cancel = [&](std::optional<IoWatch>& other) {
      ++calls;
      destroys ? other.reset() : other->stop();
    };
    a->set_callback([&](IoEvent) { cancel(b); });
    b->set_callback([&](IoEvent) { cancel(a); });
    test::write_all(pair.first.get(), "y");
    a->start(pair.first.get(), IoEvent::read);
    b->start(pair.second.get(), IoEvent::read);
    EXPECT_EQ(turn_now(), 1U);
    EXPECT_EQ(calls, 1);
  }
}

TEST_P(LoopIoDispatchTest, AWatchMayBeDestroyedInItsOwnCallback) {
  const test::LifetimeTracker tracker;
  std::optional<IoWatch> watch(std::in_place, loop);
  int calls = 0;
  watch->set_callback([&, object = tracker.make()](IoEvent) {
    ++calls;
    watch.reset();
    EXPECT_EQ(tracker.alive(), 1);
  });
  watch->start(pair.first.get(), kBoth);
  turn_now();
  turn_now();
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopIoDispatchTest, ACallbackMayReplaceItself) {
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { watch.set_callback(log.callback()); });
  watch.start(pair.first.get(), IoEvent::read);
  turn_now();
  EXPECT_EQ(log.take(), "");
  turn_now();
  EXPECT_EQ(log.take(), "r");
}

TEST_P(LoopIoDispatchTest, ACallbackMayMoveItsWatchToAnotherDescriptor) {
  SocketPair other = test::unix_pair();
  IoWatch watch(loop);
  int calls = 0;
  watch.set_callback([&](IoEvent) {
    ++calls;
    watch.start(other.first.get(), IoEvent::read);
  });
  watch.start(pair.first.get(), kBoth);
  turn_now();
  turn_now();
  EXPECT_EQ(calls, 1);
  test::write_all(other.second.get(), "y");
  turn_now();
  EXPECT_EQ(calls, 2);
}

TEST_P(LoopIoDispatchTest, ANewWatchOnTheSameNumberSeesNoOldEvents) {
  // A callback closes another descriptor, whose number is then used anew.
  SocketPair victim = test::unix_pair();
  test::write_all(victim.second.get(), "old");
  IoWatch first(loop);
  IoWatch second(loop);
  second.set_callback(log.callback());
  bool has_run = false;
  first.set_callback([&](IoEvent) {
    if (std::exchange(has_run, true)) return;
    second.stop();
    victim.first.reset();
    victim.second.reset();
    victim = test::unix_pair();
    second.start(victim.first.get(), IoEvent::read);
  });
  first.start(pair.first.get(), IoEvent::read);
  second.start(victim.first.get(), IoEvent::read);
  turn_now();
  turn_now();
  EXPECT_TRUE(has_run);
  // If it ran before `first`, it has seen the old data once; never anything of the new, empty one.
  EXPECT_LE(log.take().size(), 1U);
  turn_now();
  EXPECT_EQ(log.take(), "");
}

TEST_P(LoopIoDispatchTest, TwoWatchesOfOneDescriptorAreBothTold) {
  IoWatch a(loop);
  IoWatch b(loop);
  EventLog other;
  a.set_callback(log.callback());
  b.set_callback(other.callback());
  a.start(pair.first.get(), IoEvent::read);
  b.start(pair.first.get(), IoEvent::read);
  turn_now();
  EXPECT_EQ(log.take(), "r");
  EXPECT_EQ(other.take(), "r");
}

TEST_P(LoopIoDispatchTest, TwoWatchesOfOneDescriptorDoNotDisturbEachOther) {
  IoWatch reader(loop);
  EventLog other;
  reader.set_callback(log.callback());
  reader.start(pair.first.get(), IoEvent::read);
  {
    IoWatch writer(loop);
    writer.set_callback(other.callback());
    writer.start(pair.first.get(), IoEvent::write);
    turn_now();
    EXPECT_EQ(log.take(), "r");
    EXPECT_EQ(other.take(), "w");
    writer.want({});
    turn_now();
    EXPECT_EQ(log.take(), "r");
    EXPECT_EQ(other.take(), "");
    writer.want(kBoth);
  }
  turn_now();
  EXPECT_EQ(log.take(), "r");
}

TEST_P(LoopIoDispatchTest, OneOfTwoWatchesMayStopTheOther) {
  IoWatch a(loop);
  IoWatch b(loop);
  int calls = 0;
  a.set_callback([&](IoEvent) {
    ++calls;
    b.stop();
  });
  b.set_callback([&](IoEvent) {
    ++calls;
    a.stop();
  });
  a.start(pair.first.get(), IoEvent::read);
  b.start(pair.first.get(), IoEvent::read);
  turn_now();
  EXPECT_EQ(calls, 1);
  turn_now();
  EXPECT_EQ(calls, 2);
}

TEST_P(LoopIoDispatchTest, AnExceptionLeavesTheOtherEventsQueued) {
  SocketPair other = test::unix_pair();
  test::write_all(other.second.get(), "y");
  IoWatch failing(loop);
  IoWatch working(loop);
  failing.set_callback([&](IoEvent) {
    failing.stop();
    throw std::runtime_error("no");
  });
  working.set_callback(log.callback());
  failing.start(pair.first.get(), IoEvent::read);
  working.start(other.first.get(), IoEvent::read);
  std::string events;
  EXPECT_THROW(turn_now(), std::runtime_error);
  events += log.take();
  if (events.empty()) turn_now();
  events += log.take();
  EXPECT_EQ(events, "r");
}

TEST_P(LoopIoDispatchTest, ACallbackMayRunANestedTurn) {
  SocketPair other = test::unix_pair();
  test::write_all(other.second.get(), "y");
  IoWatch outer(loop);
  IoWatch inner(loop);
  inner.set_callback([&](IoEvent event) {
    test::read_available(other.first.get());
    log.callback()(event);
  });
  int turns = 0;
  outer.set_callback([&](IoEvent) {
    test::read_available(pair.first.get());
    for (; turns < 3; ++turns) turn_now();
  });
  outer.start(pair.first.get(), IoEvent::read);
  inner.start(other.first.get(), IoEvent::read);
  turn_now();
  EXPECT_EQ(turns, 3);
  EXPECT_EQ(log.take(), "r");
}

TEST_P(LoopIoDispatchTest, InANestedTurnACallbackIsEnteredAnewForNewData) {
  std::string seen;
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    seen += test::read_available(pair.first.get());
    if (seen.size() > 2) return;
    test::write_all(pair.second.get(), "y");
    turn_now();
    seen += ")";
  });
  watch.start(pair.first.get(), IoEvent::read);
  turn_now();
  EXPECT_EQ(seen, "xyy))");
}

TEST_P(LoopIoDispatchTest, OneThatIsAlwaysReadyStarvesNothingElse) {
  SocketPair greedy = test::unix_pair();
  IoWatch always(loop);
  int times = 0;
  always.set_callback([&](IoEvent) { ++times; });
  always.start(greedy.first.get(), IoEvent::write);
  IoWatch other(loop);
  test::EventLog seen;
  other.set_callback(seen.callback());
  SocketPair quiet = test::unix_pair();
  other.start(quiet.first.get(), IoEvent::read);
  bool is_due = false;
  TimeWatch timer(loop.timers(), [&] { is_due = true; });
  turn_now();
  test::write_all(quiet.second.get(), "x");
  timer.arm(loop.now());
  bool is_called = false;
  loop.later([&] { is_called = true; });
  times = 0;
  turn_now();
  EXPECT_EQ(times, 1) << "each once a turn";
  EXPECT_EQ(seen.take(), "r");
  EXPECT_TRUE(is_due);
  EXPECT_TRUE(is_called);
}

TEST_P(LoopIoDispatchTest, ManyWatchesAreToldOnceEach) {
  constexpr int kMany = 100;
  std::vector<SocketPair> pairs;
  std::vector<std::unique_ptr<IoWatch>> watches;
  std::vector<int> calls(kMany);
  for (std::size_t i = 0; i < kMany; ++i) {
    pairs.push_back(test::unix_pair());
    test::write_all(pairs.back().second.get(), "x");
    watches.push_back(std::make_unique<IoWatch>(loop));
    watches.back()->set_callback([&calls, &pairs, i](IoEvent) {
      ++calls[i];
      test::read_available(pairs[i].first.get());
    });
    watches.back()->start(pairs.back().first.get(), IoEvent::read);
  }
  // epoll reports a part of them at a time, at first.
  for (int i = 0; i < kMany; ++i) turn_now();
  EXPECT_EQ(calls, std::vector<int>(kMany, 1));
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopIoDispatchTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
