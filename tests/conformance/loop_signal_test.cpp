#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "tests/conformance/loop_conformance.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

class LoopSignalTest : public test::LoopConformance {
 protected:
  std::string log;
  UniqueFunction<void()> logging(char name) {
    return [this, name] { log += name; };
  }
};

TEST_P(LoopSignalTest, IsCalledFromTheLoopNeverFromTheHandler) {
  const SignalWatch watch(loop, SIGUSR1, logging('a'));
  EXPECT_EQ(watch.signal(), SIGUSR1);
  raise_signal(SIGUSR1);
  EXPECT_EQ(log, "");
  loop.turn();
  EXPECT_EQ(log, "a");
  turn_now();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopSignalTest, SignalsThatArriveTogetherAreOneCall) {
  const SignalWatch watch(loop, SIGUSR1, logging('a'));
  raise_signal(SIGUSR1);
  raise_signal(SIGUSR1);
  raise_signal(SIGUSR1);
  loop.turn();
  turn_now();
  EXPECT_EQ(log, "a");
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "aa");
}

TEST_P(LoopSignalTest, DifferentSignalsAreToldApart) {
  const SignalWatch one(loop, SIGUSR1, logging('1'));
  const SignalWatch two(loop, SIGUSR2, logging('2'));
  raise_signal(SIGUSR2);
  loop.turn();
  EXPECT_EQ(log, "2");
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "21");
}

TEST_P(LoopSignalTest, WatchesThatShareASignalAreCalledInTheirOrder) {
  const SignalWatch a(loop, SIGUSR1, logging('a'));
  const SignalWatch b(loop, SIGUSR1, logging('b'));
  const SignalWatch c(loop, SIGUSR1, logging('c'));
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "abc");
}

TEST_P(LoopSignalTest, AWatchThatGoesAwayInItsCallbackDoesNotSkipItsNeighbour) {
  std::optional<SignalWatch> a;
  a.emplace(loop, SIGUSR1, [&] {
    log += 'a';
    a.reset();
  });
  const SignalWatch b(loop, SIGUSR1, logging('b'));
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "ab");
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "abb");
}

TEST_P(LoopSignalTest, AWatchThatANeighbourRemovesIsNotCalled) {
  std::optional<SignalWatch> b;
  const SignalWatch a(loop, SIGUSR1, [&] {
    log += 'a';
    b.reset();
  });
  b.emplace(loop, SIGUSR1, logging('b'));
  const SignalWatch c(loop, SIGUSR1, logging('c'));
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "ac");
}

TEST_P(LoopSignalTest, AWatchThatIsMadeInACallbackWaitsForTheNextSignal) {
  std::optional<SignalWatch> b;
  const SignalWatch a(loop, SIGUSR1, [&] {
    log += 'a';
    if (!b) b.emplace(loop, SIGUSR1, logging('b'));
  });
  raise_signal(SIGUSR1);
  loop.turn();
  turn_now();
  EXPECT_EQ(log, "a");
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "aab");
}

TEST_P(LoopSignalTest, TheLastWatchMayGoAndAnotherCome) {
  for (int i = 0; i < 3; ++i) {
    const SignalWatch watch(loop, SIGUSR1, logging('a'));
    raise_signal(SIGUSR1);
    loop.turn();
  }
  EXPECT_EQ(log, "aaa");
}

TEST_P(LoopSignalTest, AnExceptionLeavesTheOtherWatchesQueued) {
  const SignalWatch a(loop, SIGUSR1, [] { throw std::runtime_error("no"); });
  const SignalWatch b(loop, SIGUSR1, logging('b'));
  raise_signal(SIGUSR1);
  EXPECT_THROW(loop.turn(), std::runtime_error);
  turn_now();
  EXPECT_EQ(log, "b");
}

TEST_P(LoopSignalTest, ASignalInANestedTurnOfItsOwnCallbackIsNotLost) {
  int calls = 0;
  const SignalWatch watch(loop, SIGUSR1, [&] {
    if (++calls > 1) return;
    raise_signal(SIGUSR1);
    loop.turn();
  });
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(calls, 2);
}

TEST_P(LoopSignalTest, ASignalEndsAWait) {
  const SignalWatch watch(loop, SIGUSR1, logging('a'));
  std::thread sender([this, target = ::pthread_self()] {
    if (fake() != nullptr)
      fake()->raise(SIGUSR1);
    else
      ::pthread_kill(target, SIGUSR1);
  });
  if (fake() != nullptr) fake()->set_autojump(false);
  while (log.empty()) loop.turn(kMuchLater);
  sender.join();
  EXPECT_EQ(log, "a");
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopSignalTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

// What only real signals have.
class LoopRealSignalTest : public LoopSignalTest {
 protected:
  static void (*disposition(int signal))(int) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler;
  }
};

TEST_P(LoopRealSignalTest, TheDispositionOfBeforeComesBack) {
  for (auto* before : {SIG_DFL, SIG_IGN}) {
    ::signal(SIGUSR1, before);
    {
      const SignalWatch a(loop, SIGUSR1, logging('a'));
      std::optional<SignalWatch> b(std::in_place, loop, SIGUSR1, logging('b'));
      EXPECT_NE(disposition(SIGUSR1), before);
      b.reset();
      EXPECT_NE(disposition(SIGUSR1), before) << "one watch is left";
    }
    EXPECT_EQ(disposition(SIGUSR1), before);
  }
  ::signal(SIGUSR1, SIG_DFL);
}

TEST_P(LoopRealSignalTest, ALoopLeavesDispositionsAsTheyAre) {
  for (auto* before : {SIG_DFL, SIG_IGN}) {
    ::signal(SIGPIPE, before);
    {
      Loop other(GetParam().make());
      const SignalWatch watch(other, SIGUSR1, logging('a'));
      other.turn(Duration::zero());
      EXPECT_EQ(disposition(SIGPIPE), before);
    }
    EXPECT_EQ(disposition(SIGPIPE), before);
  }
  ::signal(SIGPIPE, SIG_DFL);
}

TEST_P(LoopRealSignalTest, NumbersThatCannotBeCaughtAreRefused) {
  for (const int signal : {SIGKILL, SIGSTOP, 0, -1, NSIG, 1000}) {
    try {
      const SignalWatch watch(loop, signal, logging('a'));
      ADD_FAILURE() << signal << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code().value(), EINVAL);
    }
  }
  const SignalWatch watch(loop, SIGUSR1, logging('a'));
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopRealSignalTest, AnotherLoopMayHaveTheSignalsLater) {
  { const SignalWatch watch(loop, SIGUSR1, logging('a')); }
  Loop second(GetParam().make());
  const SignalWatch watch(second, SIGUSR1, logging('b'));
  raise_signal(SIGUSR1);
  second.turn();
  EXPECT_EQ(log, "b");
}

TEST_P(LoopRealSignalTest, AForkedChildMayHaveALoopOfItsOwn) {
  const SignalWatch watch(loop, SIGUSR1, logging('a'));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Loop own(GetParam().make());
    bool has_come = false;
    const SignalWatch here(own, SIGUSR1, [&] { has_come = true; });
    ::raise(SIGUSR1);
    while (!has_come) own.turn();
    ::_exit(42);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42) << status;
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "a");
}

using LoopRealSignalDeathTest = LoopRealSignalTest;

TEST_P(LoopRealSignalDeathTest, SignalsInTwoLoopsAtOnceAreABug) {
  const auto clash = [this] {  // all of it in one process: a forked one may start anew
    const SignalWatch watch(loop, SIGUSR1, logging('a'));
    Loop second(GetParam().make());
    const SignalWatch stolen(second, SIGUSR2, logging('b'));
  };
  EXPECT_DEATH(clash(), "one Loop of a process");
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopRealSignalTest, ::testing::ValuesIn(test::real_backends()),
                         test::backend_name);
INSTANTIATE_TEST_SUITE_P(Backends, LoopRealSignalDeathTest,
                         ::testing::ValuesIn(test::real_backends()), test::backend_name);

}  // namespace
}  // namespace ioa
