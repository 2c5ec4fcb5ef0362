#include "ioa/future/combine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using test::broken;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class CombineTest : public test::FutureTest {
 protected:
  /// The Futures of these promises; what is cancelled is noted.
  template <class T>
  std::vector<Future<T>> futures_of(std::vector<Promise<T>>& promises) {
    std::vector<Future<T>> futures;
    for (std::size_t i = 0; i < promises.size(); ++i) {
      futures.push_back(promises[i].future());
      promises[i].on_cancel([this, i] { cancelled_.push_back(i); });
    }
    return futures;
  }
  template <class T>
  std::string error_text(Future<T>& future) {
    settle();
    try {
      if (auto error = future.error()) std::rethrow_exception(error);
    } catch (const Error& error) {
      return error.what();
    }
    return "no failure";
  }

  std::vector<std::size_t> cancelled_;
};

using AllTest = CombineTest;
using SettleTest = CombineTest;
using RaceTest = CombineTest;
using AnySuccessTest = CombineTest;

TEST_F(AllTest, GivesTheValuesInTheOrderOfTheParts) {
  Promise<int> number;
  Promise<std::unique_ptr<int>> owner;
  Promise<> nothing;
  auto whole = all(number.future(), owner.future(), nothing.future());
  static_assert(std::is_same_v<decltype(whole),
                               Future<std::tuple<int, std::unique_ptr<int>, std::monostate>>>);
  nothing.done();
  owner.done(std::make_unique<int>(2));
  settle();
  EXPECT_FALSE(whole.ready());
  number.done(1);
  auto [one, two, three] = take(std::move(whole));
  EXPECT_EQ(one, 1);
  EXPECT_EQ(*two, 2);
}

TEST_F(AllTest, TakesAVector) {
  std::vector<Promise<std::unique_ptr<int>>> promises(3);
  auto whole = all(futures_of(promises));
  for (int i : {2, 0, 1}) promises[static_cast<std::size_t>(i)].done(std::make_unique<int>(i));
  std::vector<int> values;
  for (const auto& value : take(std::move(whole))) values.push_back(*value);
  EXPECT_THAT(values, ElementsAre(0, 1, 2));
}

TEST_F(AllTest, OfPartsWithoutValuesHasNone) {
  Promise<> first;
  Promise<> second;
  Future<> pack = all(first.future(), second.future());
  first.done();
  second.done();
  take(std::move(pack));
  std::vector<Promise<>> promises(2);
  Future<> list = all(futures_of(promises));
  for (auto& promise : promises) promise.done();
  take(std::move(list));
}

TEST_F(AllTest, OfNothingIsDoneAtOnce) {
  Future<> pack = all();
  EXPECT_TRUE(pack.ready());
  Future<std::vector<int>> list = all(std::vector<Future<int>>());
  ASSERT_TRUE(list.ready());
  EXPECT_THAT(list.get(), SizeIs(0));
}

TEST_F(AllTest, OfReadyPartsIsReadyAtOnce) {
  auto whole = all(Future<int>::resolved(1), Future<int>::resolved(2));
  ASSERT_TRUE(whole.ready());
  EXPECT_EQ(whole.get(), std::tuple(1, 2));
}

TEST_F(AllTest, TheFirstFailureCancelsTheOthersBeforeItIsSeen) {
  std::vector<Promise<int>> promises(4);
  auto whole = all(futures_of(promises));
  promises[0].done(1);
  promises[2].fail(broken());
  EXPECT_FALSE(whole.ready());
  settle();
  EXPECT_THAT(cancelled_, ElementsAre(1, 3));
  EXPECT_FALSE(promises[1].wanted());
  EXPECT_EQ(test::kind_of_failure(whole), ErrorKind::disconnected);
}

TEST_F(AllTest, APartThatHasFailedAlreadyCancelsTheOthersAtOnce) {
  std::vector<Promise<int>> promises(2);
  auto parts = futures_of(promises);
  parts.push_back(Future<int>::failed(broken()));
  auto whole = all(std::move(parts));
  EXPECT_TRUE(whole.has_failed());
  EXPECT_THAT(cancelled_, ElementsAre(0, 1));
}

TEST_F(AllTest, OfTwoFailuresTheFirstCounts) {
  Promise<int> first;
  Promise<int> second;
  auto whole = all(first.future(), second.future());
  second.fail(Error(ErrorKind::timeout, {}, "second"));
  first.fail(Error(ErrorKind::failed, {}, "first"));
  EXPECT_EQ(error_text(whole), "second");
}

TEST_F(CombineTest, DroppingTheWholeCancelsTheParts) {
  std::vector<Promise<int>> promises(3);
  auto whole = all(futures_of(promises));
  promises[1].done(1);  // its reaction is queued
  whole.cancel();
  EXPECT_THAT(cancelled_, ElementsAre(0, 2));
  settle();
  EXPECT_TRUE(queue.empty());
}

TEST_F(CombineTest, APartMayCompleteAnotherWhileItIsCancelled) {
  Promise<int> first;
  Promise<int> second;
  Promise<int> third;
  auto whole = all(first.future(), second.future(), third.future());
  first.on_cancel([&] { second.done(2); });
  third.on_cancel([&] { settle(); });
  whole.cancel();
  settle();
  EXPECT_FALSE(third.wanted());
}

TEST_F(CombineTest, ALoserMayDropTheWhole) {
  Promise<int> winner;
  Promise<int> loser;
  Promise<int> last;
  auto whole = race(winner.future(), loser.future(), last.future());
  loser.on_cancel([&] {
    whole.cancel();
    EXPECT_FALSE(last.wanted()) << "dropping has to withdraw all of it";
  });
  winner.done(1);
  settle();
  EXPECT_FALSE(whole.valid());
}

TEST_F(CombineTest, APartMayDropTheWholeWhileItRuns) {
  struct Scenario {
    Future<std::tuple<int, int>> whole;
    Promise<> go;
    Promise<int> other;
    bool is_through = false;
  } scenario;
  const auto part = [](Scenario& s, test::LifetimeTracker::Object object) -> Future<int> {
    co_await s.go.future();
    s.whole.cancel();
    const auto later = object;  // its frame is still there
    s.is_through = true;
    co_return 1;
  };
  scenario.whole = all(part(scenario, tracker.make()), scenario.other.future());
  scenario.go.done();
  settle();
  EXPECT_TRUE(scenario.is_through);
  EXPECT_FALSE(scenario.other.wanted());
  EXPECT_TRUE(tracker.is_clean());
}

struct Nested {
  Future<> outer;
  Promise<> go;
  bool outer_went_on = false;
  bool was_clean = false;
};

// The outer coroutine awaits a combination of parts that borrow its locals. One part drops the
// outer one: the frame has to stay until that part is through, and never to go on.
Future<> lend(Nested& nested, const test::LifetimeTracker& tracker) {
  auto lent = tracker.make();
  Promise<int> other;
  const auto part = [](Nested& n, test::LifetimeTracker::Object& borrowed,
                       Promise<int>& second) -> Future<int> {
    co_await n.go.future();
    n.outer.cancel();
    second.done(2);  // in a nested turn the race is now decided
    while (ReadyQueue::current().drain(10) > 0) {
    }
    const auto copy = borrowed;
    n.was_clean = true;
    co_return 1;
  };
  Future<int> first = part(nested, lent, other);
  Future<std::variant<int, int>> both = race(std::move(first), other.future());
  const std::variant<int, int> winner = co_await std::move(both);
  static_cast<void>(winner);
  nested.outer_went_on = true;
}

TEST_F(CombineTest, APartMayDropTheOneThatLentItSomething) {
  Nested nested;
  nested.outer = lend(nested, tracker);
  nested.go.done();
  settle();
  EXPECT_TRUE(nested.was_clean);
  EXPECT_FALSE(nested.outer_went_on);
  EXPECT_TRUE(tracker.is_clean());
}

// As above, but the outer one is not dropped: it must not go on before the loser is off the stack.
Future<int> race_inside(Promise<>& go, const test::LifetimeTracker& tracker, bool& was_through) {
  auto lent = tracker.make();
  Promise<int> other;
  const auto part = [](Promise<>& started, test::LifetimeTracker::Object& borrowed,
                       Promise<int>& second, bool& through) -> Future<int> {
    co_await started.future();
    second.done(2);
    while (ReadyQueue::current().drain(10) > 0) {
    }
    const auto copy = borrowed;
    through = true;
    Promise<> never;
    co_await never.future();
    co_return 1;
  };
  Future<int> first = part(go, lent, other, was_through);
  Future<std::variant<int, int>> both = race(std::move(first), other.future());
  const std::variant<int, int> winner = co_await std::move(both);
  EXPECT_TRUE(was_through);
  co_return static_cast<int>(winner.index());
}

TEST_F(CombineTest, ADecisionInsideAPartWaitsUntilThatIsOffTheStack) {
  Promise<> go;
  bool was_through = false;
  auto index = race_inside(go, tracker, was_through);
  go.done();
  EXPECT_EQ(take(std::move(index)), 1);
}

TEST_F(CombineTest, NestsAndIsAwaited) {
  Promise<int> first;
  Promise<int> second;
  const auto sum = [](Future<int> a, Future<int> b) -> Future<int> {
    Future<std::tuple<int, int>> both = all(std::move(a), std::move(b));
    const std::tuple<int, int> values = co_await std::move(both);
    co_return std::get<0>(values) + std::get<1>(values);
  };
  auto whole = race(sum(first.future(), second.future()), Promise<>().future().then([] {}));
  EXPECT_EQ(error_text(whole), "the operation was abandoned");
  auto total = all(sum(Future<int>::resolved(1), Future<int>::resolved(2)));
  EXPECT_EQ(take(std::move(total)), std::tuple(3));
}

TEST_F(SettleTest, GivesEveryOutcomeAndDoesNotFail) {
  Promise<int> number;
  Promise<> nothing;
  auto whole = ioa::settle(number.future(), nothing.future());
  number.fail(broken());
  settle();
  EXPECT_FALSE(whole.ready());
  nothing.done();
  auto [first, second] = take(std::move(whole));
  EXPECT_TRUE(first.has_failed());
  EXPECT_FALSE(second.has_failed());
  second.get();
}

TEST_F(SettleTest, TakesAVectorOrNothing) {
  std::vector<Promise<int>> promises(2);
  auto whole = ioa::settle(futures_of(promises));
  promises[1].done(7);
  promises[0].fail(broken());
  auto outcomes = take(std::move(whole));
  EXPECT_EQ(test::kind_of_failure(outcomes[0]), ErrorKind::disconnected);
  EXPECT_EQ(outcomes[1].get(), 7);
  EXPECT_TRUE(ioa::settle().ready());
  EXPECT_TRUE(ioa::settle(std::vector<Future<int>>()).ready());
}

TEST_F(RaceTest, TheFirstWinsAndTheOthersAreCancelledBeforeThatIsSeen) {
  std::vector<Promise<std::unique_ptr<int>>> promises(3);
  auto whole = race(futures_of(promises));
  bool was_late = false;
  promises[2].on_cancel([&] { was_late = whole.ready(); });
  promises[1].done(std::make_unique<int>(5));
  const auto winner = take(std::move(whole));
  EXPECT_EQ(winner.index, 1U);
  EXPECT_EQ(*winner.value, 5);
  EXPECT_THAT(cancelled_, ElementsAre(0));
  EXPECT_FALSE(promises[2].wanted());
  EXPECT_FALSE(was_late);
}

TEST_F(RaceTest, TellsByItsIndexWhichOfAPackHasWon) {
  Promise<int> first;
  Promise<int> second;
  Promise<> third;
  auto whole = race(first.future(), second.future(), third.future());
  second.done(2);
  first.done(1);
  const std::variant<int, int, std::monostate> winner = take(std::move(whole));
  EXPECT_EQ(winner.index(), 1U);
  EXPECT_EQ(std::get<1>(winner), 2);
}

TEST_F(RaceTest, AFailureMayWin) {
  Promise<int> first;
  Promise<int> second;
  auto whole = race(first.future(), second.future());
  first.fail(broken());
  settle();
  EXPECT_EQ(test::kind_of_failure(whole), ErrorKind::disconnected);
  EXPECT_FALSE(second.wanted());
}

TEST_F(RaceTest, OfReadyPartsTheFirstWinsAtOnce) {
  Promise<int> pending;
  auto whole = race(pending.future(), Future<int>::resolved(2), Future<int>::resolved(3));
  ASSERT_TRUE(whole.ready());
  EXPECT_FALSE(pending.wanted());
  EXPECT_EQ(whole.get().index(), 1U);
}

TEST_F(RaceTest, OfNothingFails) {
  auto whole = race(std::vector<Future<int>>());
  ASSERT_TRUE(whole.ready());
  EXPECT_EQ(error_text(whole), "a race of nothing has no winner");
}

TEST_F(RaceTest, OfPartsWithoutValuesGivesTheIndex) {
  std::vector<Promise<>> promises(2);
  auto whole = race(futures_of(promises));
  promises[1].done();
  EXPECT_EQ(take(std::move(whole)).index, 1U);
}

TEST_F(AnySuccessTest, TheFirstSuccessCountsAndFailuresBeforeItDoNot) {
  std::vector<Promise<int>> promises(3);
  auto whole = any_success(futures_of(promises));
  promises[0].fail(broken());
  settle();
  EXPECT_FALSE(whole.ready());
  promises[2].done(3);
  const Winner<int> winner = take(std::move(whole));
  EXPECT_EQ(winner.index, 2U);
  EXPECT_EQ(winner.value, 3);
  EXPECT_THAT(cancelled_, ElementsAre(1));
}

TEST_F(AnySuccessTest, WhereAllFailTheErrorHasEveryFailureInOrder) {
  Promise<int> first;
  Promise<> second;
  auto whole = any_success(first.future(), second.future());
  second.fail(Error(ErrorKind::disconnected, {}, "two"));
  first.fail(Error(ErrorKind::disconnected, {}, "one"));
  settle();
  try {
    whole.get();
    FAIL() << "no failure";
  } catch (const AllFailed& error) {
    EXPECT_STREQ(error.what(), "all 2 failed: one; two");
    EXPECT_EQ(error.kind(), ErrorKind::disconnected);
    ASSERT_THAT(error.failures(), SizeIs(2));
    EXPECT_THROW(std::rethrow_exception(error.failures()[1]), Error);
  }
}

TEST_F(AnySuccessTest, SaysOfDifferentFailuresThatItHasFailed) {
  auto whole = any_success(Future<int>::failed(Error(ErrorKind::timeout, {}, "late")),
                           Future<int>::failed(std::make_exception_ptr(std::runtime_error("bad"))));
  EXPECT_EQ(error_text(whole), "all 2 failed: late; bad");
  EXPECT_EQ(test::kind_of_failure(whole), ErrorKind::failed);
}

TEST_F(AnySuccessTest, ListsAFewFailuresOnly) {
  std::vector<Future<int>> parts;
  for (int i = 0; i < 20; ++i)
    parts.push_back(Future<int>::failed(Error(ErrorKind::failed, {}, "x")));
  auto whole = any_success(std::move(parts));
  EXPECT_EQ(error_text(whole), "all 20 failed: x; x; x; x; x; x; x; x and more");
}

TEST_F(AnySuccessTest, OfNothingFails) {
  auto whole = any_success(std::vector<Future<>>());
  ASSERT_TRUE(whole.ready());
  EXPECT_EQ(error_text(whole), "there was nothing to try");
}

}  // namespace
}  // namespace ioa
