#include "ioa/future/then.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using test::broken;
using test::kind_of_failure;

class ThenTest : public test::FutureTest {
 protected:
  Promise<int> promise;
};

TEST_F(ThenTest, MapsTheValue) {
  Future<std::string> text = promise.future().then([](int n) { return std::to_string(n); });
  settle();
  EXPECT_FALSE(text.ready());
  promise.done(5);
  EXPECT_EQ(take(std::move(text)), "5");
}

TEST_F(ThenTest, RunsFromTheQueueEvenIfTheValueIsThere) {
  bool has_run = false;
  const Future<> future = Future<int>::resolved(1).then([&](int) { has_run = true; });
  EXPECT_FALSE(has_run);
  settle();
  EXPECT_TRUE(has_run);
  EXPECT_TRUE(future.ready());
}

TEST_F(ThenTest, AVoidFutureCallsWithoutArguments) {
  EXPECT_EQ(take(Future<>::resolved().then([] { return 3; })), 3);
  take(Future<>::resolved().then([] {}));
}

TEST_F(ThenTest, ChainsInSteps) {
  Future<int> future = promise.future()
                           .then([](int n) { return n + 1; })
                           .then([](int n) { return n * 10; })
                           .then([](int n) { return n - 1; });
  promise.done(1);
  EXPECT_EQ(take(std::move(future)), 19);
}

TEST_F(ThenTest, AFutureReturnedIsWaitedFor) {
  Promise<std::string> second;
  Future<std::string> future =
      promise.future().then([&](int) -> Future<std::string> { return second.future(); });
  promise.done(1);
  settle();
  EXPECT_FALSE(future.ready());
  second.done("late");
  EXPECT_EQ(take(std::move(future)), "late");
}

TEST_F(ThenTest, AVoidFutureReturnedIsWaitedFor) {
  Promise<> second;
  Future<> future = promise.future().then([&](int) { return second.future(); });
  promise.done(1);
  settle();
  EXPECT_FALSE(future.ready());
  second.done();
  take(std::move(future));
}

TEST_F(ThenTest, AReturnedCoroutineRuns) {
  const auto later = [](int n) -> Future<int> { co_return n * 2; };
  EXPECT_EQ(take(Future<int>::resolved(4).then(later)), 8);
}

TEST_F(ThenTest, AFailureSkipsTheCallback) {
  bool has_run = false;
  Future<> future = promise.future().then([&](int) { has_run = true; });
  promise.fail(broken());
  settle();
  EXPECT_FALSE(has_run);
  EXPECT_EQ(kind_of_failure(future), ErrorKind::disconnected);
}

TEST_F(ThenTest, AnExceptionOfTheCallbackIsAFailure) {
  EXPECT_THROW(take(Future<int>::resolved(1).then([](int) -> int { throw std::logic_error("x"); })),
               std::logic_error);
  EXPECT_THROW(
      take(Future<int>::resolved(1).then([](int) -> Future<int> { throw std::logic_error("x"); })),
      std::logic_error);
}

TEST_F(ThenTest, AFailureOfTheReturnedFutureIsAFailure) {
  Future<int> future =
      Future<int>::resolved(1).then([](int) { return Future<int>::failed(broken()); });
  settle();
  EXPECT_EQ(kind_of_failure(future), ErrorKind::disconnected);
}

TEST_F(ThenTest, TakesMoveOnlyValuesAndCaptures) {
  Future<int> future = Future<std::unique_ptr<int>>::resolved(std::make_unique<int>(4))
                           .then([add = std::make_unique<int>(3)](std::unique_ptr<int> value) {
                             return *value + *add;
                           });
  EXPECT_EQ(take(std::move(future)), 7);
}

TEST_F(ThenTest, DroppingItCancelsTheSource) {
  int cancels = 0;
  promise.on_cancel([&] { ++cancels; });
  promise.future().then([object = tracker.make()](int n) { return n; }).cancel();
  EXPECT_EQ(cancels, 1);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(ThenTest, DroppingItCancelsTheReturnedFuture) {
  int cancels = 0;
  Promise<int> second;
  second.on_cancel([&] { ++cancels; });
  Future<int> future = promise.future().then([&](int) { return second.future(); });
  promise.done(1);
  settle();
  future.cancel();
  EXPECT_EQ(cancels, 1);
}

TEST_F(ThenTest, DroppingItBeforeTheReactionMeansNoCall) {
  bool has_run = false;
  Future<> future = promise.future().then([&](int) { has_run = true; });
  promise.done(1);
  future.cancel();
  settle();
  EXPECT_FALSE(has_run);
}

TEST_F(ThenTest, TheCallbackMayDropItsOwnFuture) {
  Future<int> future;
  future = promise.future().then([&, object = tracker.make()](int n) {
    future.cancel();
    EXPECT_EQ(tracker.alive(), 1);
    return n;
  });
  promise.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(ThenTest, TheCallbackMayDropItsOwnFutureAndThrow) {
  Future<int> future;
  future = promise.future().then([&, object = tracker.make()](int) -> int {
    future.cancel();
    throw std::runtime_error("no");
  });
  promise.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(ThenTest, TheCallbackMayDropItsOwnFutureAndReturnAnother) {
  int cancels = 0;
  Promise<int> second;
  second.on_cancel([&] { ++cancels; });
  Future<int> future;
  future = promise.future().then([&, object = tracker.make()](int) {
    future.cancel();
    return second.future();
  });
  promise.done(1);
  settle();
  EXPECT_EQ(cancels, 1);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(ThenTest, ACoroutineMayAwaitIt) {
  const auto body = [](Future<int> work) -> Future<int> {
    const int value = co_await std::move(work);
    co_return value + 1;
  };
  Future<int> future = body(promise.future().then([](int n) { return n * 3; }));
  promise.done(2);
  EXPECT_EQ(take(std::move(future)), 7);
}

TEST_F(ThenTest, TheSourceMayRunWhileItIsDropped) {
  // A coroutine that drops the Future made of its own: it ends at its next suspension.
  const auto body = [](Future<int> start, Future<int>& derived, Future<int> next,
                       test::LifetimeTracker::Object) -> Future<int> {
    const int value = co_await std::move(start);
    derived.cancel();
    const int more = co_await std::move(next);
    co_return value + more;
  };
  Promise<int> next;
  Future<int> derived;
  derived =
      body(promise.future(), derived, next.future(), tracker.make()).then([](int n) { return n; });
  promise.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(next.wanted());
}

// An operation that writes into memory which the callback after it owns: a usual pattern.
Future<int> work_on(std::string& borrowed, Future<int> start, Future<int>* dropped) {
  struct AtEnd {
    std::string& text;
    ~AtEnd() { text += " and cleaned up"; }
  };
  const AtEnd at_end{borrowed};
  const int value = co_await std::move(start);
  if (dropped != nullptr) dropped->cancel();
  borrowed += " and written to after that";
  co_return value;
}

TEST_F(ThenTest, WhatTheCallbackOwnsOutlivesTheSourceThatBorrowsIt) {
  auto owned = std::make_unique<std::string>("a text that lies on the heap");
  std::string& text = *owned;
  work_on(text, promise.future(), nullptr)
      .then([owned = std::move(owned)](int n) { return n; })
      .cancel();
  EXPECT_FALSE(promise.wanted());
}

TEST_F(ThenTest, WhatTheCallbackOwnsOutlivesASourceThatRuns) {
  auto owned = std::make_unique<std::string>("a text that lies on the heap");
  std::string& text = *owned;
  Future<int> derived;
  derived = work_on(text, promise.future(), &derived)
                .then([owned = std::move(owned), object = tracker.make()](int n) { return n; });
  promise.done(1);
  settle();
  EXPECT_FALSE(derived.valid());
  EXPECT_TRUE(tracker.is_clean());
}

using ThenDeathTest = ThenTest;

TEST_F(ThenDeathTest, ReturningAFutureOfNothingIsABug) {
  const Future<int> future = Future<int>::resolved(1).then([](int) { return Future<int>(); });
  EXPECT_DEATH(settle(), "without an operation");
}

}  // namespace
}  // namespace ioa
