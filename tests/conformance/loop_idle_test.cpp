#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/future/promise.hpp"
#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

// Deferred calls: later(), DeferredCall and next_turn().
class LoopIdleTest : public test::LoopConformance {
 protected:
  std::string log;
  UniqueFunction<void()> logging(char name) {
    return [this, name] { log += name; };
  }
};

TEST_P(LoopIdleTest, IsNeverSynchronous) {
  loop.later(logging('a'));
  DeferredCall call(loop, logging('b'));
  call.schedule();
  EXPECT_EQ(log, "");
  EXPECT_EQ(loop.turn(), 2U);
  EXPECT_EQ(log, "ab");
}

TEST_P(LoopIdleTest, RunsOnceInTheOrderOfDeferring) {
  DeferredCall b(loop, logging('b'));
  loop.later(logging('a'));
  b.schedule();
  loop.later(logging('c'));
  turn_now();
  turn_now();
  EXPECT_EQ(log, "abc");
}

TEST_P(LoopIdleTest, APendingCallMeansNoWaiting) {
  TimeWatch far(loop.timers(), logging('!'));
  far.arm(clock() + 1h);
  loop.later(logging('a'));
  const TimePoint begin = clock();
  EXPECT_EQ(loop.turn(), 1U);
  EXPECT_LT(clock() - begin, kMuchLater);
  EXPECT_EQ(log, "a");
}

TEST_P(LoopIdleTest, DeferringFromADeferredCallMeansTheNextTurn) {
  loop.later([&] {
    log += 'a';
    loop.later(logging('b'));
  });
  loop.turn();
  EXPECT_EQ(log, "a");
  loop.turn();
  EXPECT_EQ(log, "ab");
}

TEST_P(LoopIdleTest, TheKernelIsPolledBetweenTwoGenerations) {
  test::SocketPair pair = test::unix_pair();
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    log += 'r';
    watch.stop();
  });
  watch.start(pair.first.get(), IoEvent::read);
  loop.later([&] {
    log += 'a';
    test::write_all(pair.second.get(), "x");
    loop.later(logging('b'));
  });
  loop.turn();
  loop.turn();
  EXPECT_EQ(log, "arb");
}

TEST_P(LoopIdleTest, DeferringFromAnIoCallbackMeansThisTurn) {
  test::SocketPair pair = test::unix_pair();
  test::write_all(pair.second.get(), "x");
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    log += 'r';
    loop.later(logging('a'));
  });
  watch.start(pair.first.get(), IoEvent::read);
  loop.turn();
  EXPECT_EQ(log, "ra");
}

TEST_P(LoopIdleTest, DeferringFromATimerMeansThisTurn) {
  TimeWatch timer(loop.timers(), [&] {
    log += 't';
    loop.later(logging('a'));
  });
  timer.arm(loop.now());
  loop.turn();
  EXPECT_EQ(log, "ta");
}

TEST_P(LoopIdleTest, DeferringFromAReactionMeansTheNextTurn) {
  Promise<> promise;
  const Future<> future = promise.future().then([&] {
    log += 'f';
    loop.later(logging('a'));
  });
  promise.done();
  turn_now();
  EXPECT_EQ(log, "f");
  loop.turn();
  EXPECT_EQ(log, "fa");
}

TEST_P(LoopIdleTest, ACallThatIsCalledOffInTheSameTurnNeverRuns) {
  DeferredCall b(loop, logging('b'));
  loop.later([&] {
    log += 'a';
    b.call_off();
  });
  b.schedule();
  EXPECT_TRUE(b.is_scheduled());
  loop.later(logging('c'));
  turn_now();
  EXPECT_FALSE(b.is_scheduled());
  turn_now();
  EXPECT_EQ(log, "ac");
  b.schedule();
  turn_now();
  EXPECT_EQ(log, "acb");
}

TEST_P(LoopIdleTest, ACallThatIsDestroyedInTheSameTurnNeverRuns) {
  const test::LifetimeTracker tracker;
  std::optional<DeferredCall> b;
  b.emplace(loop, [this, object = tracker.make()] { log += 'b'; });
  loop.later([&] { b.reset(); });
  b->schedule();
  turn_now();
  turn_now();
  EXPECT_EQ(log, "");
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopIdleTest, ACallMayDestroyItself) {
  const test::LifetimeTracker tracker;
  std::optional<DeferredCall> call;
  call.emplace(loop, [&, object = tracker.make()] {
    call.reset();
    EXPECT_EQ(tracker.alive(), 1);
    log += 'a';
  });
  call->schedule();
  turn_now();
  EXPECT_EQ(log, "a");
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopIdleTest, SchedulingTwiceMeansOneCall) {
  DeferredCall call(loop, logging('a'));
  call.schedule();
  call.schedule();
  turn_now();
  turn_now();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopIdleTest, ACallThatSchedulesItselfRunsOnceATurn) {
  DeferredCall call(loop, [&] {
    log += '.';
    call.schedule();
    EXPECT_TRUE(call.is_scheduled());
  });
  call.schedule();
  for (std::size_t turns = 1; turns <= 4; ++turns) {
    EXPECT_EQ(loop.turn(), 1U);
    EXPECT_EQ(log.size(), turns);
  }
}

TEST_P(LoopIdleTest, ACallThatSchedulesItselfMayRunInItsOwnNestedTurn) {
  int calls = 0;
  DeferredCall call(loop, [&] {
    if (++calls > 1) return;
    call.schedule();
    loop.turn();
    EXPECT_EQ(calls, 2);
  });
  call.schedule();
  loop.turn();
  EXPECT_EQ(calls, 2);
}

TEST_P(LoopIdleTest, ANestedTurnRunsTheRestOfTheGeneration) {
  loop.later([&] {
    log += '(';
    loop.later(logging('c'));
    loop.turn();
    log += ')';
  });
  loop.later(logging('b'));
  loop.turn();
  EXPECT_EQ(log, "(bc)");
}

TEST_P(LoopIdleTest, AnExceptionKeepsTheRestOfTheGeneration) {
  loop.later([&] {
    loop.later(logging('d'));
    throw std::runtime_error("no");
  });
  loop.later(logging('b'));
  loop.later(logging('c'));
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_EQ(log, "");
  loop.turn();
  EXPECT_EQ(log, "bcd");
}

TEST_P(LoopIdleTest, AFunctionIsFreedWhenItHasRun) {
  const test::LifetimeTracker tracker;
  loop.later([object = tracker.make()] {});
  loop.later([object = tracker.make()] { throw std::runtime_error("no"); });
  EXPECT_EQ(tracker.alive(), 2);
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopIdleTest, TheNextTurnIsAFuture) {
  Future<> first = loop.next_turn();
  EXPECT_FALSE(first.ready());
  loop.turn();
  EXPECT_TRUE(first.ready());
  const auto count = [](Loop& target, int& turns) -> Future<> {
    for (; turns < 3; ++turns) co_await target.next_turn();
  };
  int turns = 0;
  test::run(loop, count(loop, turns));
  EXPECT_EQ(turns, 3);
}

TEST_P(LoopIdleTest, ADroppedNextTurnIsForgotten) {
  loop.next_turn().cancel();
  EXPECT_EQ(turn_now(), 0U);
  {
    Future<> dropped = loop.next_turn();
    loop.later([&] { dropped.cancel(); });
    // Deferred before it, so it has run when the other is called.
    loop.turn();
  }
  EXPECT_EQ(turn_now(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopIdleTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
