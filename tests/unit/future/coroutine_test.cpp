#include "ioa/future/coroutine.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using test::broken;
using test::kind_of_failure;

Future<int> answer() { co_return 42; }
Future<> nothing() { co_return; }
Future<std::string> text_of(int number) { co_return std::to_string(number); }

Future<int> twice(Future<int> number) {
  const int value = co_await std::move(number);
  co_return 2 * value;
}

Future<int> throwing() {
  throw std::runtime_error("no");
  co_return 1;
}

Future<int> sum_of_levels(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await sum_of_levels(depth - 1);
  co_return below + depth;
}

class CoroutineTest : public test::FutureTest {};

TEST_F(CoroutineTest, StartsWhenItIsCalled) {
  std::string log;
  const auto body = [](std::string& target) -> Future<> {
    target += "started";
    co_return;
  };
  const Future<> future = body(log);
  EXPECT_EQ(log, "started");
  EXPECT_TRUE(future.ready());
}

TEST_F(CoroutineTest, WithoutWaitingItIsReadyAtOnce) {
  EXPECT_EQ(answer().get(), 42);
  nothing().get();
}

TEST_F(CoroutineTest, WaitsForAFuture) {
  Promise<int> promise;
  Future<int> future = twice(promise.future());
  settle();
  EXPECT_FALSE(future.ready());
  promise.done(21);
  EXPECT_FALSE(future.ready());  // the reaction is queued, it does not run inside done()
  settle();
  ASSERT_TRUE(future.ready());
  EXPECT_EQ(future.get(), 42);
}

TEST_F(CoroutineTest, AwaitingAReadyFutureNeedsNoQueue) {
  Future<int> future = twice(Future<int>::resolved(4));
  EXPECT_TRUE(future.ready());
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(future.get(), 8);
}

TEST_F(CoroutineTest, CoroutinesNest) {
  EXPECT_EQ(take(sum_of_levels(100)), 5050);
  EXPECT_EQ(take(twice(twice(twice(answer())))), 336);
}

TEST_F(CoroutineTest, AnExceptionBecomesTheFailure) {
  Future<int> future = throwing();
  EXPECT_TRUE(future.has_failed());
  EXPECT_THROW(future.get(), std::runtime_error);
}

TEST_F(CoroutineTest, AFailureIsThrownByTheAwait) {
  Promise<int> promise;
  Future<int> future = twice(promise.future());
  promise.fail(broken());
  settle();
  EXPECT_EQ(kind_of_failure(future), ErrorKind::disconnected);
}

TEST_F(CoroutineTest, AFailurePassesThroughAllLevels) {
  EXPECT_THROW(take(twice(twice(throwing()))), std::runtime_error);
}

TEST_F(CoroutineTest, AFailureCanBeCaughtAndTheWorkGoOn) {
  const auto body = [](Future<int> work) -> Future<std::string> {
    std::string seen;
    try {
      const int value = co_await std::move(work);
      seen = std::to_string(value);
    } catch (const Error& error) {
      seen = error.what();
    }
    const std::string more = co_await text_of(7);
    co_return seen + more;
  };
  Promise<int> promise;
  Future<std::string> future = body(promise.future());
  promise.fail(broken());
  EXPECT_EQ(take(std::move(future)), "read peer: gone7");
}

TEST_F(CoroutineTest, AnAbandonedFutureFailsTheAwait) {
  std::optional<Promise<int>> promise(std::in_place);
  Future<int> future = twice(promise->future());
  promise.reset();
  settle();
  EXPECT_EQ(kind_of_failure(future), ErrorKind::abandoned);
}

TEST_F(CoroutineTest, ReturnsMoveOnlyResults) {
  const auto body = []() -> Future<std::unique_ptr<int>> { co_return std::make_unique<int>(5); };
  EXPECT_EQ(*take(body()), 5);
}

TEST_F(CoroutineTest, ReturnsABracedResult) {
  const auto body = []() -> Future<std::vector<int>> { co_return {1, 2, 3}; };
  EXPECT_EQ(take(body()).size(), 3U);
  const auto optional = []() -> Future<std::optional<int>> { co_return {}; };
  EXPECT_EQ(take(optional()), std::nullopt);
}

TEST_F(CoroutineTest, AResultThatCannotBeMadeIsTheFailure) {
  struct Picky {
    explicit Picky(int) { throw std::invalid_argument("never"); }
  };
  const auto body = []() -> Future<Picky> { co_return 1; };
  EXPECT_THROW(take(body()), std::invalid_argument);
}

TEST_F(CoroutineTest, ParametersLiveAsLongAsTheFuture) {
  const auto body = [](test::LifetimeTracker::Object) -> Future<> { co_return; };
  {
    Future<> future = body(tracker.make());
    EXPECT_EQ(tracker.alive(), 1);
    future.get();
    EXPECT_EQ(tracker.alive(), 0);
    future = body(tracker.make());
    EXPECT_EQ(tracker.alive(), 1);
  }
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineTest, AnAwaitedResultIsDestroyedOnce) {
  const auto make =
      [](const test::LifetimeTracker& counts) -> Future<test::LifetimeTracker::Object> {
    co_return counts.make();
  };
  const auto body = [&make](const test::LifetimeTracker& counts) -> Future<int> {
    const auto first = co_await make(counts);
    const auto second = co_await make(counts);
    co_return counts.alive();
  };
  EXPECT_GE(take(body(tracker)), 2);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(CoroutineTest, ReactionsRunInTheOrderOfTheResults) {
  std::string log;
  const auto body = [](Future<> start, std::string& target, char name) -> Future<> {
    co_await std::move(start);
    target += name;
  };
  Promise<> first;
  Promise<> second;
  const Future<> a = body(first.future(), log, 'a');
  const Future<> b = body(second.future(), log, 'b');
  second.done();
  first.done();
  settle();
  EXPECT_EQ(log, "ba");
}

using CoroutineDeathTest = CoroutineTest;

TEST_F(CoroutineDeathTest, AwaitingNothingIsABug) {
  EXPECT_DEATH(twice(Future<int>()).ready(), "without an operation");
}

}  // namespace
}  // namespace ioa
