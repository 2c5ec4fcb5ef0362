#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/future/promise.hpp"
#include "ioa/loop/timeout.hpp"
#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

// run, stop, turn, nesting, exceptions, the end.
class LoopControlTest : public test::LoopConformance {
 protected:
  std::string log;
  UniqueFunction<void()> logging(char name) {
    return [this, name] { log += name; };
  }
};

TEST_P(LoopControlTest, ATurnReallyWaitsWhenNothingIsWatched) {
  const TimePoint begin = clock();
  EXPECT_EQ(loop.turn(50ms), 0U);
  EXPECT_GE(clock() - begin, 50ms);
  EXPECT_LT(clock() - begin, kMuchLater);
  EXPECT_GE(loop.now() - begin, 50ms);
}

TEST_P(LoopControlTest, ATurnOfNoTimeDoesNotWait) {
  test::SocketPair pair = test::unix_pair();
  IoWatch watch(loop);
  watch.start(pair.first.get(), IoEvent::read);
  TimeWatch timer(loop.timers(), logging('!'));
  timer.arm(clock() + 1h);
  const TimePoint begin = clock();
  EXPECT_EQ(loop.turn(0s), 0U);
  EXPECT_EQ(loop.turn(-1s), 0U);
  EXPECT_LT(clock() - begin, kMuchLater);
  EXPECT_EQ(log, "");
}

TEST_P(LoopControlTest, ATurnRunsInTheDocumentedOrder) {
  test::SocketPair pair = test::unix_pair();
  test::write_all(pair.second.get(), "x");
  loop.later(logging('d'));
  Promise<> promise;
  const Future<> reaction = promise.future().then(logging('f'));
  promise.done();
  TimeWatch timer(loop.timers(), logging('t'));
  timer.arm(loop.now());
  loop.post(logging('p'));
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { log += 'r'; });
  watch.start(pair.first.get(), IoEvent::read);
  EXPECT_EQ(loop.turn(), 5U);
  EXPECT_EQ(log, "rptdf");
}

TEST_P(LoopControlTest, RunsUntilItIsStopped) {
  EXPECT_FALSE(loop.is_running());
  int calls = 0;
  std::function<void()> again = [&] {
    EXPECT_TRUE(loop.is_running());
    if (++calls == 3) loop.stop();
    loop.later([&] { again(); });
  };
  loop.later([&] { again(); });
  loop.run();
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(loop.is_running());
}

TEST_P(LoopControlTest, StoppingLetsTheTurnEnd) {
  loop.later([&] { loop.stop(); });
  loop.later(logging('a'));
  loop.run();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopControlTest, AStopBeforeTheRunEndsItAtItsStart) {
  loop.later(logging('a'));
  loop.stop();
  loop.run();
  EXPECT_EQ(log, "");
  loop.later([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopControlTest, AStopEndsTheInnermostRunOnly) {
  loop.later([&] {
    log += '1';
    loop.later([&] {
      log += '2';
      loop.stop();
    });
    loop.run();
    log += '3';
    EXPECT_TRUE(loop.is_running());
    loop.later([&] {
      log += '4';
      loop.stop();
    });
  });
  loop.run();
  EXPECT_EQ(log, "1234");
}

TEST_P(LoopControlTest, TimersAndDescriptorsWorkInsideANestedRun) {
  test::SocketPair pair = test::unix_pair();
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    log += 'r';
    loop.stop();
  });
  TimeWatch timer(loop.timers(), [&] {
    log += 't';
    watch.start(pair.first.get(), IoEvent::read);
    test::write_all(pair.second.get(), "x");
  });
  loop.later([&] {
    timer.arm(clock() + 5ms);
    loop.run();
    log += '.';
    watch.stop();
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(log, "tr.");
}

TEST_P(LoopControlTest, RunningAFutureIsRunning) {
  loop.later([&] { EXPECT_TRUE(loop.is_running()); });
  loop.run(loop.next_turn());
  EXPECT_FALSE(loop.is_running());
  EXPECT_THROW(loop.run(Future<>::failed(Error::from_errno(EPIPE, "write"))), Error);
  EXPECT_FALSE(loop.is_running());
}

TEST_P(LoopControlTest, RunningAFutureReturnsItsResult) {
  const auto body = [](Loop& target) -> Future<int> {
    co_await sleep_for(target, 1ms);
    co_await target.next_turn();
    co_return 42;
  };
  EXPECT_EQ(loop.run(body(loop)), 42);
  EXPECT_EQ(loop.run(Future<int>::resolved(1)), 1);
}

TEST_P(LoopControlTest, RunningAFutureThrowsItsFailure) {
  EXPECT_THROW(loop.run(Future<>::failed(Error::from_errno(EPIPE, "write"))), Error);
  const auto body = [](Loop& target) -> Future<> {
    co_await target.next_turn();
    throw std::runtime_error("no");
  };
  EXPECT_THROW(loop.run(body(loop)), std::runtime_error);
}

TEST_P(LoopControlTest, RunningAFutureMayNest) {
  const auto inner = [](Loop& target) -> Future<int> {
    co_await sleep_for(target, 2ms);
    co_return 1;
  };
  int result = 0;
  loop.later([&] { result = loop.run(inner(loop)); });
  loop.run(sleep_for(loop, 1ms));
  EXPECT_EQ(result, 1);
}

TEST_P(LoopControlTest, ExceptionsLeaveRunAndTheRestSurvives) {
  TimeWatch timer(loop.timers(), logging('t'));
  timer.arm(clock() + 50ms);  // not before the others, however busy the machine is
  loop.later([] { throw std::runtime_error("first"); });
  loop.later([] { throw std::logic_error("second"); });
  loop.later(logging('a'));
  EXPECT_THROW(loop.run(), std::runtime_error);
  EXPECT_FALSE(loop.is_running());
  EXPECT_THROW(loop.run(), std::logic_error);
  while (log.size() < 2) loop.turn();
  EXPECT_EQ(log, "at");
}

TEST_P(LoopControlTest, AnExceptionPassesThroughNestedRuns) {
  loop.later([&] {
    loop.later([] { throw std::runtime_error("inner"); });
    EXPECT_THROW(loop.run(), std::runtime_error);
    EXPECT_TRUE(loop.is_running());
    log += 'a';
    loop.stop();
  });
  loop.run();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopControlTest, ALongChainOfReactionsDoesNotStarveDescriptors) {
  test::SocketPair pair = test::unix_pair();
  test::write_all(pair.second.get(), "x");
  IoWatch watch(loop);
  int polls = 0;
  watch.set_callback([&](IoEvent) { ++polls; });
  watch.start(pair.first.get(), IoEvent::read);
  // Each round is a reaction that makes the next one ready.
  const auto chain = [](int rounds) -> Future<> {
    for (int i = 0; i < rounds; ++i) {
      Future<> step = Future<>::resolved().then([] {});
      co_await std::move(step);
    }
  };
  test::run(loop, chain(static_cast<int>(Loop::kReactionsPerTurn) * 3));
  EXPECT_GE(polls, 3);
}

TEST_P(LoopControlTest, ReactionsThatAreLeftMeanNoWaiting) {
  const auto chain = [](int rounds) -> Future<> {
    for (int i = 0; i < rounds; ++i) {
      Future<> step = Future<>::resolved().then([] {});
      co_await std::move(step);
    }
  };
  Future<> future = chain(static_cast<int>(Loop::kReactionsPerTurn));
  EXPECT_EQ(loop.turn(), Loop::kReactionsPerTurn);
  EXPECT_FALSE(future.ready());
  EXPECT_EQ(loop.turn(), Loop::kReactionsPerTurn);
  EXPECT_TRUE(future.ready());
}

TEST_P(LoopControlTest, ItsEndFreesWhatIsQueued) {
  const test::LifetimeTracker tracker;
  {
    Loop brief(GetParam().make());
    brief.later([object = tracker.make()] {});
    brief.post([object = tracker.make()] {});
    brief.later([object = tracker.make()] { throw std::runtime_error("no"); });
    brief.later([object = tracker.make()] {});
    EXPECT_THROW(brief.turn(), std::runtime_error);  // leaves the last one in its generation
    brief.later([object = tracker.make()] {});
    EXPECT_EQ(tracker.alive(), 2);
  }
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopControlTest, WhatItsEndDestroysMayDeferMore) {
  const test::LifetimeTracker tracker;
  struct Deferring {
    Deferring(Loop& target, test::LifetimeTracker::Object object)
        : loop(&target), tracked(std::move(object)) {}
    Deferring(Deferring&& other) noexcept
        : loop(std::exchange(other.loop, nullptr)), tracked(std::move(other.tracked)) {}
    ~Deferring() {
      if (loop == nullptr) return;
      loop->later([object = tracked] {});
      loop->post([object = tracked] {});
    }
    Loop* loop;
    test::LifetimeTracker::Object tracked;
  };
  {
    Loop brief(GetParam().make());
    brief.later([deferring = Deferring(brief, tracker.make())] {});
    brief.post([deferring = Deferring(brief, tracker.make())] {});
  }
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopControlTest, DeferredCallsAndFuturesMayOutliveIt) {
  {
    // A Loop has to be the newest one of its thread when it ends.
    auto second = std::make_unique<Loop>(GetParam().make());
    DeferredCall call(*second, logging('!'));
    call.schedule();
    Future<> turn = second->next_turn();
    Future<> sleep = sleep_for(*second, 1s);
    second.reset();
    EXPECT_FALSE(call.is_scheduled());
    EXPECT_FALSE(turn.ready());
  }
  EXPECT_EQ(log, "");
}

TEST_P(LoopControlTest, LoopsOfOneThreadMayNest) {
  Loop second(GetParam().make());
  loop.later(logging('a'));
  second.later(logging('b'));
  second.turn();
  loop.turn();
  EXPECT_EQ(log, "ba");
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopControlTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
