#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ioa/future/coroutine.hpp"
#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using Tracked = test::LifetimeTracker::Object;

// A coroutine that waits twice and keeps a log, each step with something to destroy.
Future<int> two_steps(Future<int> first, Future<int> second, std::string& log, Tracked parameter) {
  const Tracked local = parameter;
  log += "start";
  const int a = co_await std::move(first);
  const Tracked later = parameter;
  log += " first";
  const int b = co_await std::move(second);
  log += " second";
  co_return a + b;
}

Future<int> around(Future<int> inner, Tracked parameter) {
  const Tracked local = parameter;
  const int value = co_await std::move(inner);
  co_return value + 1;
}

class CoroutineCancelTest : public test::FutureTest {
 protected:
  Promise<int> first;
  Promise<int> second;
  std::string log;

  Future<int> start() { return two_steps(first.future(), second.future(), log, tracker.make()); }
};

TEST_F(CoroutineCancelTest, DestroysTheFrameAndWhatItWaitsFor) {
  int cancels = 0;
  first.on_cancel([&] { ++cancels; });
  Future<int> future = start();
  EXPECT_EQ(tracker.alive(), 2);
  future.cancel();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(cancels, 1);
  EXPECT_FALSE(second.wanted());
  EXPECT_EQ(log, "start");
}

TEST_F(CoroutineCancelTest, AtTheSecondStepToo) {
  Future<int> future = start();
  first.done(1);
  settle();
  EXPECT_EQ(log, "start first");
  future.cancel();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(second.wanted());
}

TEST_F(CoroutineCancelTest, BetweenTheResultAndTheReaction) {
  Future<int> future = start();
  first.done(1);
  EXPECT_FALSE(queue.empty());
  future.cancel();
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(tracker.is_clean());
  settle();
  EXPECT_EQ(log, "start");
}

TEST_F(CoroutineCancelTest, AfterTheEndWithoutTakingTheResult) {
  Future<int> future = start();
  first.done(1);
  second.done(2);
  settle();
  EXPECT_TRUE(future.ready());
  future.cancel();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineCancelTest, ReachesTheInnermostCoroutine) {
  int cancels = 0;
  first.on_cancel([&] { ++cancels; });
  Future<int> future = around(around(start(), tracker.make()), tracker.make());
  EXPECT_EQ(tracker.alive(), 6);
  future.cancel();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(cancels, 1);
}

TEST_F(CoroutineCancelTest, LocalsGoInReverseOrder) {
  struct Noisy {
    std::string& log;
    char name;
    ~Noisy() { log += name; }
  };
  const auto body = [](std::string& target, Future<int> wait) -> Future<> {
    const Noisy a{target, 'a'};
    const Noisy b{target, 'b'};
    const int ignored = co_await std::move(wait);
    static_cast<void>(ignored);
  };
  body(log, first.future()).cancel();
  EXPECT_EQ(log, "ba");
}

// Coroutines that lose their own Future while they run: `cancel` drops it.
using Action = std::function<void()>;

Future<int> cancelled_inside(Future<int> start, Future<int> next, const Action& cancel,
                             std::string& log, Tracked parameter) {
  const Tracked local = parameter;
  const int a = co_await std::move(start);
  cancel();
  log += "still here";
  const int b = co_await std::move(next);
  log += " never here";
  co_return a + b;
}

TEST_F(CoroutineCancelTest, WhileItRunsItEndsAtItsNextSuspension) {
  Future<int> future;
  const Action cancel = [&] {
    future.cancel();
    EXPECT_EQ(tracker.alive(), 2) << "the frame is on the stack";
  };
  future = cancelled_inside(first.future(), second.future(), cancel, log, tracker.make());
  first.done(1);
  settle();
  EXPECT_EQ(log, "still here");
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(second.wanted());
}

TEST_F(CoroutineCancelTest, WhileItRunsItMayReachItsEnd) {
  const auto body = [](Future<int> start, const Action& cancel, Tracked parameter) -> Future<int> {
    const Tracked local = parameter;
    const int value = co_await std::move(start);
    cancel();
    co_return value;
  };
  Future<int> future;
  const Action cancel = [&] { future.cancel(); };
  future = body(first.future(), cancel, tracker.make());
  first.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineCancelTest, WhileItRunsItMayThrow) {
  const auto body = [](Future<int> start, const Action& cancel, Tracked parameter) -> Future<int> {
    const Tracked local = parameter;
    const int value = co_await std::move(start);
    cancel();
    throw std::runtime_error(std::to_string(value));
  };
  Future<int> future;
  const Action cancel = [&] { future.cancel(); };
  future = body(first.future(), cancel, tracker.make());
  first.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineCancelTest, TheOuterFutureWhileTheInnerCoroutineRuns) {
  Future<int> future;
  const Action cancel = [&] { future.cancel(); };
  future = around(cancelled_inside(first.future(), second.future(), cancel, log, tracker.make()),
                  tracker.make());
  first.done(1);
  settle();
  EXPECT_EQ(log, "still here");
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(second.wanted());
}

TEST_F(CoroutineCancelTest, WhatARunningCoroutineBorrowedFromItsCallerStaysAlive) {
  const auto inner = [](Future<int> start, const Action& cancel, Tracked& borrowed) -> Future<int> {
    const int value = co_await std::move(start);
    cancel();
    const Tracked copy = borrowed;  // lies in the frame of the caller that has been cancelled
    co_return value;
  };
  const auto outer = [&inner](Future<int> start, const Action& cancel,
                              Tracked parameter) -> Future<int> {
    Tracked local = parameter;
    const int value = co_await inner(std::move(start), cancel, local);
    co_return value;
  };
  const auto outermost = [&outer](Future<int> start, const Action& cancel,
                                  Tracked parameter) -> Future<int> {
    const int value = co_await outer(std::move(start), cancel, parameter);
    co_return value;
  };
  Future<int> future;
  const Action cancel = [&] { future.cancel(); };
  future = outermost(first.future(), cancel, tracker.make());
  first.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineCancelTest, ACallerOfARunningCoroutineGoesWhenThatSuspends) {
  const auto inner = [](Future<int> start, Future<int> next, const Action& cancel,
                        Tracked& borrowed) -> Future<int> {
    const int value = co_await std::move(start);
    cancel();
    const Tracked copy = borrowed;
    const int more = co_await std::move(next);
    co_return value + more;
  };
  const auto outer = [&inner](Future<int> start, Future<int> next, const Action& cancel,
                              Tracked parameter) -> Future<int> {
    const int value = co_await inner(std::move(start), std::move(next), cancel, parameter);
    co_return value;
  };
  Future<int> future;
  int cancels = 0;
  second.on_cancel([&] { ++cancels; });
  const Action cancel = [&] {
    future.cancel();
    // A nested turn drains the queue: it must leave alone what is on the stack.
    queue.drain(10);
    queue.reap();
  };
  future = outer(first.future(), second.future(), cancel, tracker.make());
  first.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(cancels, 1);
}

TEST_F(CoroutineCancelTest, InsideAnEagerStartBelongsToTheCallerToo) {
  // The inner coroutine is cancelled on its first run, before its caller has suspended.
  const auto inner = [](const Action& cancel, Tracked parameter) -> Future<int> {
    const Tracked local = parameter;
    cancel();
    co_return 1;
  };
  const auto outer = [&inner](Future<int> start, const Action& cancel,
                              Tracked parameter) -> Future<int> {
    const int begin = co_await std::move(start);
    const int value = co_await inner(cancel, parameter);
    co_return begin + value;
  };
  Future<int> future;
  const Action cancel = [&] { future.cancel(); };
  future = outer(first.future(), cancel, tracker.make());
  first.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineCancelTest, AProducerMayBeDestroyedByItsConsumer) {
  auto producer = std::make_unique<Promise<int>>();
  const auto consumer = [](Future<int> work, std::unique_ptr<Promise<int>>& source) -> Future<int> {
    const int value = co_await std::move(work);
    source.reset();
    co_return value;
  };
  Future<int> future = consumer(producer->future(), producer);
  producer->done(3);
  EXPECT_EQ(take(std::move(future)), 3);
  EXPECT_EQ(producer, nullptr);
}

TEST_F(CoroutineCancelTest, ALocalsDestructorMayDropTheFuture) {
  struct Dropper {
    Future<int>& victim;
    ~Dropper() { victim.cancel(); }
  };
  const auto body = [](Future<int> start, Future<int>& self, Tracked parameter) -> Future<int> {
    const Dropper dropper{self};
    const Tracked local = parameter;
    const int value = co_await std::move(start);
    co_return value;
  };
  Future<int> future;
  future = body(first.future(), future, tracker.make());
  first.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

}  // namespace
}  // namespace ioa
