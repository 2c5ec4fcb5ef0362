#include "ioa/future/promise.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using test::broken;
using test::kind_of_failure;

class PromiseTest : public test::FutureTest {};

TEST_F(PromiseTest, AFutureIsPendingUntilDone) {
  Promise<int> promise;
  Future<int> future = promise.future();
  EXPECT_TRUE(future.valid());
  EXPECT_FALSE(future.ready());
  EXPECT_TRUE(promise.wanted());
  promise.done(42);
  EXPECT_TRUE(future.ready());
  EXPECT_FALSE(future.has_failed());
  EXPECT_EQ(future.error(), nullptr);
  EXPECT_EQ(future.get(), 42);
  EXPECT_FALSE(future.valid());
}

TEST_F(PromiseTest, AFailureIsThrownByGet) {
  Promise<int> promise;
  Future<int> future = promise.future();
  promise.fail(broken());
  EXPECT_TRUE(future.ready());
  EXPECT_TRUE(future.has_failed());
  EXPECT_NE(future.error(), nullptr);
  EXPECT_THROW(future.get(), Error);
  EXPECT_FALSE(future.valid());
}

TEST_F(PromiseTest, AnyExceptionCanBeTheFailure) {
  Promise<> promise;
  Future<> future = promise.future();
  promise.fail(std::make_exception_ptr(std::runtime_error("other")));
  EXPECT_THROW(future.get(), std::runtime_error);
}

TEST_F(PromiseTest, NothingIsAResultToo) {
  Promise<> promise;
  Future<> future = promise.future();
  promise.done();
  future.get();
}

TEST_F(PromiseTest, TheFirstResultCounts) {
  Promise<int> promise;
  Future<int> future = promise.future();
  promise.done(1);
  EXPECT_FALSE(promise.wanted());
  promise.done(2);
  promise.fail(broken());
  EXPECT_EQ(future.get(), 1);

  Promise<int> failing;
  Future<int> failed = failing.future();
  failing.fail(broken());
  failing.done(3);
  EXPECT_EQ(kind_of_failure(failed), ErrorKind::disconnected);
}

TEST_F(PromiseTest, AResultMayComeBeforeTheFutureIsAskedFor) {
  Promise<std::string> promise;
  promise.done("early");
  EXPECT_EQ(promise.future().get(), "early");
}

TEST_F(PromiseTest, TheResultOutlivesThePromise) {
  Future<std::string> future;
  {
    Promise<std::string> promise;
    future = promise.future();
    promise.done(3U, 'x');
  }
  EXPECT_EQ(future.get(), "xxx");
}

TEST_F(PromiseTest, DestroyedWithoutAResultItAbandonsItsFuture) {
  Future<int> future;
  {
    Promise<int> promise;
    future = promise.future();
  }
  ASSERT_TRUE(future.ready());
  EXPECT_EQ(kind_of_failure(future), ErrorKind::abandoned);
}

TEST_F(PromiseTest, ReplacedWithoutAResultItAbandonsItsFuture) {
  Promise<int> promise;
  Future<int> future = promise.future();
  promise = Promise<int>();
  EXPECT_EQ(kind_of_failure(future), ErrorKind::abandoned);
  Future<int> second = promise.future();
  promise.done(5);
  EXPECT_EQ(second.get(), 5);
}

TEST_F(PromiseTest, MovingItKeepsItsFuture) {
  std::optional<Promise<int>> first(std::in_place);
  Future<int> future = first->future();
  Promise<int> second = std::move(*first);
  first.reset();
  EXPECT_FALSE(future.ready());
  EXPECT_TRUE(second.wanted());
  second.done(7);
  EXPECT_EQ(future.get(), 7);
}

TEST_F(PromiseTest, AMovedOneAbandonsItsFutureToo) {
  Future<int> future;
  {
    Promise<int> first;
    future = first.future();
    const Promise<int> second = std::move(first);
  }
  EXPECT_EQ(kind_of_failure(future), ErrorKind::abandoned);
}

TEST_F(PromiseTest, PromisesMayLiveInAContainerThatMovesThem) {
  std::vector<Promise<int>> promises;
  std::vector<Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(promises.emplace_back().future());
  for (int i = 0; i < 20; ++i) promises[static_cast<std::size_t>(i)].done(i);
  promises.clear();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), i);
}

TEST_F(PromiseTest, HoldsAMoveOnlyResult) {
  Promise<std::unique_ptr<int>> promise;
  Future<std::unique_ptr<int>> future = promise.future();
  promise.done(std::make_unique<int>(9));
  EXPECT_EQ(*future.get(), 9);
}

TEST_F(PromiseTest, HoldsAResultThatNeedsAWiderAlignment) {
  struct alignas(64) Wide {
    explicit Wide(const void** where) { *where = this; }
    char byte = 1;
  };
  std::vector<Future<Wide>> futures;
  for (int i = 0; i < 8; ++i) {
    const void* where = nullptr;
    Promise<Wide> promise;
    futures.push_back(promise.future());
    promise.done(&where);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(where) % 64, 0U);
  }
}

TEST_F(PromiseTest, DestroysTheResultOnce) {
  {
    Promise<test::LifetimeTracker::Object> promise;
    Future<test::LifetimeTracker::Object> future = promise.future();
    promise.done(tracker.make());
    const auto object = future.get();
  }
  EXPECT_TRUE(tracker.is_clean());
  {
    Promise<test::LifetimeTracker::Object> promise;
    const auto never_taken = promise.future();
    promise.done(tracker.make());
  }
  EXPECT_TRUE(tracker.is_clean());
  {
    Promise<test::LifetimeTracker::Object> never_asked;
    never_asked.done(tracker.make());
  }
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(PromiseTest, AResultWhoseConstructorThrowsLeavesTheFuturePending) {
  struct Picky {
    explicit Picky(int number) {
      if (number < 0) throw std::invalid_argument("negative");
    }
  };
  Promise<Picky> promise;
  Future<Picky> future = promise.future();
  EXPECT_THROW(promise.done(-1), std::invalid_argument);
  EXPECT_FALSE(future.ready());
  promise.done(1);
  future.get();
}

TEST_F(PromiseTest, ResolvedFuturesAreReadyAtOnce) {
  EXPECT_EQ(Future<int>::resolved(3).get(), 3);
  Future<>::resolved().get();
  EXPECT_EQ(Future<std::string>::resolved(2U, 'y').get(), "yy");
}

TEST_F(PromiseTest, FailedFuturesHaveFailedAtOnce) {
  Future<int> future = Future<int>::failed(broken());
  EXPECT_EQ(kind_of_failure(future), ErrorKind::disconnected);
  EXPECT_THROW(Future<int>::failed(std::make_exception_ptr(std::logic_error("x"))).get(),
               std::logic_error);
}

TEST_F(PromiseTest, AFutureOfNothingIsNeitherValidNorReady) {
  const Future<int> future;
  EXPECT_FALSE(future.valid());
  EXPECT_FALSE(future.ready());
  EXPECT_FALSE(future.has_failed());
  EXPECT_EQ(future.error(), nullptr);
}

using PromiseDeathTest = PromiseTest;

TEST_F(PromiseDeathTest, AskingTwiceForTheFutureIsABug) {
  Promise<int> promise;
  const Future<int> future = promise.future();
  EXPECT_DEATH(static_cast<void>(promise.future()), "one Future");
  Promise<int> moved = std::move(promise);
  EXPECT_DEATH(static_cast<void>(moved.future()), "one Future");
}

TEST_F(PromiseDeathTest, TakingAPendingResultIsABug) {
  Promise<int> promise;
  Future<int> future = promise.future();
  EXPECT_DEATH(future.get(), "pending Future");
  Future<int> empty;
  EXPECT_DEATH(empty.get(), "without an operation");
}

}  // namespace
}  // namespace ioa
