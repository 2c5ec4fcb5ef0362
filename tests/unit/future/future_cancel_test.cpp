#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using test::broken;

// What dropping a Future does to the Promise behind it.
class FutureCancelTest : public test::FutureTest {
 protected:
  Promise<int> promise;
  int cancels = 0;

  Future<int> watched() {
    promise.on_cancel([this] { ++cancels; });
    return promise.future();
  }
};

TEST_F(FutureCancelTest, DroppingAPendingFutureCallsTheHookInside) {
  { const Future<int> future = watched(); }
  EXPECT_EQ(cancels, 1);
  EXPECT_FALSE(promise.wanted());
}

TEST_F(FutureCancelTest, CancellingLeavesAFutureOfNothing) {
  Future<int> future = watched();
  future.cancel();
  EXPECT_FALSE(future.valid());
  EXPECT_EQ(cancels, 1);
  future.cancel();
  EXPECT_EQ(cancels, 1);
}

TEST_F(FutureCancelTest, AssigningOverAFutureCancelsIt) {
  Future<int> future = watched();
  future = Future<int>::resolved(1);
  EXPECT_EQ(cancels, 1);
  EXPECT_EQ(future.get(), 1);
}

TEST_F(FutureCancelTest, AssigningAFutureToItselfKeepsIt) {
  Future<int> future = watched();
  Future<int>& same = future;
  future = std::move(same);
  EXPECT_EQ(cancels, 0);
  EXPECT_TRUE(future.valid());
}

TEST_F(FutureCancelTest, ResultsAfterACancellationAreIgnored) {
  watched().cancel();
  promise.done(1);
  promise.fail(broken());
  EXPECT_FALSE(promise.wanted());
}

TEST_F(FutureCancelTest, AReadyFutureIsDroppedWithoutTheHook) {
  Future<int> done = watched();
  promise.done(1);
  done.cancel();
  EXPECT_EQ(cancels, 0);
}

TEST_F(FutureCancelTest, AFailedFutureIsDroppedWithoutTheHook) {
  Future<int> failed = watched();
  promise.fail(broken());
  failed.cancel();
  EXPECT_EQ(cancels, 0);
}

TEST_F(FutureCancelTest, ThePromisesEndIsNoCancellation) {
  Future<int> future = watched();
  promise = Promise<int>();
  EXPECT_TRUE(future.has_failed());
  future.cancel();
  EXPECT_EQ(cancels, 0);
}

TEST_F(FutureCancelTest, APromiseThatNeverGaveItsFutureIsNotCancelled) {
  {
    Promise<int> unused;
    unused.on_cancel([this, object = tracker.make()] { ++cancels; });
  }
  EXPECT_EQ(cancels, 0);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(FutureCancelTest, TheHookMayDestroyThePromise) {
  auto owner = std::make_unique<Promise<int>>();
  owner->on_cancel([&owner, object = tracker.make()] { owner.reset(); });
  owner->future().cancel();
  EXPECT_EQ(owner, nullptr);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(FutureCancelTest, TheHookMayOwnThePromise) {
  auto owner = std::make_shared<Promise<int>>();
  std::weak_ptr<Promise<int>> weak = owner;
  Future<int> future = owner->future();
  Promise<int>& same = *owner;
  same.on_cancel([owner = std::move(owner), object = tracker.make()] {});
  EXPECT_FALSE(weak.expired());
  future.cancel();
  EXPECT_TRUE(weak.expired());
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(FutureCancelTest, TheHookMaySetAResultInVain) {
  promise.on_cancel([this] {
    EXPECT_FALSE(promise.wanted());
    promise.done(1);
  });
  promise.future().cancel();
  EXPECT_FALSE(promise.wanted());
}

TEST_F(FutureCancelTest, TheHookMayDropAnotherFuture) {
  Promise<int> other;
  Future<int> second = other.future();
  other.on_cancel([this] { ++cancels; });
  promise.on_cancel([&] { second.cancel(); });
  promise.future().cancel();
  EXPECT_EQ(cancels, 1);
}

TEST_F(FutureCancelTest, ANewHookReplacesTheOldOne) {
  Future<int> future = watched();
  promise.on_cancel([this] { cancels += 10; });
  future.cancel();
  EXPECT_EQ(cancels, 10);
}

TEST_F(FutureCancelTest, TheHooksCapturesGoWithThePromise) {
  Future<int> future;
  {
    Promise<int> local;
    future = local.future();
    local.on_cancel([object = tracker.make()] {});
    local.done(4);
    EXPECT_EQ(tracker.alive(), 1);
  }
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(future.get(), 4);
}

TEST_F(FutureCancelTest, ADroppedFutureReactsNoMore) {
  int reactions = 0;
  const auto count = [](void* counter) { ++*static_cast<int*>(counter); };
  {
    Future<int> future = promise.future();
    future.react(count, &reactions);
    promise.done(1);
    EXPECT_FALSE(queue.empty());
  }
  EXPECT_TRUE(queue.empty());
  settle();
  EXPECT_EQ(reactions, 0);
}

TEST_F(FutureCancelTest, AReactionRunsFromTheQueueNotInsideDone) {
  int reactions = 0;
  const auto count = [](void* counter) { ++*static_cast<int*>(counter); };
  Future<int> future = promise.future();
  future.react(count, &reactions);
  promise.done(1);
  EXPECT_EQ(reactions, 0);
  settle();
  EXPECT_EQ(reactions, 1);
}

TEST_F(FutureCancelTest, AReactionToAReadyFutureIsQueuedToo) {
  int reactions = 0;
  const auto count = [](void* counter) { ++*static_cast<int*>(counter); };
  Future<int> future = promise.future();
  promise.done(1);
  future.react(count, &reactions);
  EXPECT_EQ(reactions, 0);
  settle();
  EXPECT_EQ(reactions, 1);
}

TEST_F(FutureCancelTest, AbandoningReactsToo) {
  int reactions = 0;
  const auto count = [](void* counter) { ++*static_cast<int*>(counter); };
  Future<int> future = promise.future();
  future.react(count, &reactions);
  promise = Promise<int>();
  settle();
  EXPECT_EQ(reactions, 1);
  EXPECT_TRUE(future.has_failed());
}

TEST_F(FutureCancelTest, MovingAFutureKeepsItsReaction) {
  int reactions = 0;
  const auto count = [](void* counter) { ++*static_cast<int*>(counter); };
  Future<int> first = promise.future();
  first.react(count, &reactions);
  const Future<int> second = std::move(first);
  promise.done(1);
  settle();
  EXPECT_EQ(reactions, 1);
}

}  // namespace
}  // namespace ioa
