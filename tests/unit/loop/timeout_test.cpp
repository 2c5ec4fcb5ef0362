#include "ioa/loop/timeout.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "ioa/future/combine.hpp"
#include "ioa/future/promise.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

class SleepForTest : public test::FakeLoopTest {};

TEST_F(SleepForTest, EndsExactlyAfterItsDelay) {
  const TimePoint begin = loop.now();
  Future<> sleep = sleep_for(loop, 10s);
  fake.advance(10s - 1ns);
  EXPECT_FALSE(settles(sleep));
  fake.advance(1ns);
  EXPECT_TRUE(settles(sleep));
  EXPECT_EQ(loop.now(), begin + 10s);
}

TEST_F(SleepForTest, CountsFromTheBeginOfTheTurn) {
  const TimePoint begin = loop.now();
  fake.advance(3s);  // as long as the work before it in this turn took
  run(sleep_for(loop, 10s));
  EXPECT_EQ(loop.now(), begin + 10s);
}

TEST_F(SleepForTest, WithoutADelayItEndsInTheNextTurn) {
  for (const Duration delay : {Duration(0), Duration(-1s), Duration::min()}) {
    Future<> sleep = sleep_for(loop, delay);
    EXPECT_FALSE(sleep.ready());
    loop.turn(0s);
    EXPECT_TRUE(sleep.ready());
  }
}

TEST_F(SleepForTest, AnEndlessSleepDoesNotOverflow) {
  Future<> sleep = sleep_for(loop, Duration::max());
  fake.advance(std::chrono::hours(24 * 365 * 100));
  EXPECT_FALSE(settles(sleep));
}

TEST_F(SleepForTest, DroppingItDisarmsIt) {
  sleep_for(loop, 10s).cancel();
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(SleepForTest, SleepsEndInTheOrderOfTheirTimes) {
  std::string log;
  const auto sleeper = [](Loop& target, Duration delay, std::string& text, char name) -> Future<> {
    co_await sleep_for(target, delay);
    text += name;
  };
  const Future<> c = sleeper(loop, 3s, log, 'c');
  const Future<> a = sleeper(loop, 1s, log, 'a');
  const Future<> b = sleeper(loop, 2s, log, 'b');
  run(sleep_for(loop, 4s));
  EXPECT_EQ(log, "abc");
}

class SleepUntilTest : public test::FakeLoopTest {};

TEST_F(SleepUntilTest, EndsAtItsTime) {
  const TimePoint when = loop.now() + 10s;
  Future<> sleep = sleep_until(loop, when);
  fake.advance(10s - 1ns);
  EXPECT_FALSE(settles(sleep));
  fake.advance(1ns);
  EXPECT_TRUE(settles(sleep));
}

TEST_F(SleepUntilTest, ATimeThatHasPassedEndsInTheNextTurn) {
  for (const TimePoint when : {loop.now(), loop.now() - 1h, TimePoint::min()}) {
    Future<> sleep = sleep_until(loop, when);
    EXPECT_FALSE(sleep.ready());
    loop.turn(0s);
    EXPECT_TRUE(sleep.ready());
  }
}

TEST_F(SleepUntilTest, DroppingItDisarmsIt) {
  sleep_until(loop, TimePoint::max()).cancel();
  EXPECT_TRUE(loop.timers().empty());
}

class WithTimeoutTest : public test::FakeLoopTest {
 protected:
  template <class T>
  static std::string failure_of(Future<T>& future) {
    try {
      if (auto error = future.error()) std::rethrow_exception(error);
    } catch (const Error& error) {
      return (error.kind() == ErrorKind::timeout ? "timeout " : "other ") +
             std::string(error.what());
    }
    return "no failure";
  }
};

TEST_F(WithTimeoutTest, PassesAResultInTimeOn) {
  Promise<std::unique_ptr<int>> promise;
  auto limited = with_timeout(loop, promise.future(), 5s);
  fake.advance(5s - 1ns);
  EXPECT_FALSE(settles(limited));
  promise.done(std::make_unique<int>(3));
  EXPECT_EQ(*run(std::move(limited)), 3);
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(WithTimeoutTest, PassesAFailureOn) {
  Promise<int> promise;
  auto limited = with_timeout(loop, promise.future(), 5s);
  promise.fail(Error(ErrorKind::failed, {}, "read"));
  EXPECT_TRUE(settles(limited));
  EXPECT_EQ(failure_of(limited), "other read");
}

TEST_F(WithTimeoutTest, SaysWhatItHasWaitedForAndCancelsThatFirst) {
  Promise<int> promise;
  auto limited = with_timeout(loop, promise.future(), 5s, "reading the greeting");
  bool was_late = false;
  promise.on_cancel([&] { was_late = limited.ready(); });
  fake.advance(5s);
  EXPECT_TRUE(settles(limited));
  EXPECT_FALSE(promise.wanted());
  EXPECT_FALSE(was_late);
  EXPECT_EQ(failure_of(limited), "timeout reading the greeting: timed out after 5s");
}

TEST_F(WithTimeoutTest, AResultOfTheSameTurnCounts) {
  Promise<int> promise;
  auto limited = with_timeout(loop, promise.future(), 5s);
  fake.advance(5s);
  loop.post([&] { promise.done(1); });  // dispatched before the timers
  EXPECT_EQ(run(std::move(limited)), 1);
}

TEST_F(WithTimeoutTest, CountsFromTheCallAndNotFromTheBeginOfTheTurn) {
  Promise<int> promise;
  fake.advance(3s);
  auto limited = with_timeout(loop, promise.future(), 5s);
  fake.advance(5s - 1ns);
  EXPECT_FALSE(settles(limited));
  fake.advance(1ns);
  EXPECT_TRUE(settles(limited));
}

TEST_F(WithTimeoutTest, GivesWhatIsReadyWithoutATimer) {
  auto limited = with_timeout(loop, Future<int>::resolved(1), 0s);
  EXPECT_TRUE(limited.ready());
  EXPECT_EQ(limited.get(), 1);
}

TEST_F(WithTimeoutTest, WithoutTimeItFailsInTheNextTurn) {
  Promise<> promise;
  auto limited = with_timeout(loop, promise.future(), -1s);
  EXPECT_FALSE(limited.ready());
  loop.turn(0s);
  EXPECT_TRUE(limited.has_failed());
}

TEST_F(WithTimeoutTest, DroppingItCancelsAndDisarms) {
  Promise<> promise;
  auto limited = with_timeout(loop, promise.future(), 5s);
  limited.cancel();
  EXPECT_FALSE(promise.wanted());
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(WithTimeoutTest, TheOperationMayDropItWhileItIsCancelled) {
  Promise<> promise;
  auto limited = with_timeout(loop, promise.future(), 5s);
  promise.on_cancel([&] { limited.cancel(); });
  fake.advance(5s);
  loop.turn(0s);
  EXPECT_FALSE(limited.valid());
}

TEST_F(WithTimeoutTest, ALimitReachedInATurnInsideTheOperationWaitsForThat) {
  test::LifetimeTracker tracker;
  Promise<> never;
  bool was_through = false;
  const auto operation = [&](const test::LifetimeTracker::Object& lent) -> Future<> {
    co_await loop.next_turn();
    fake.advance(10s);
    for (int i = 0; i < 5; ++i) loop.turn(0s);
    const auto copy = lent;  // still there
    was_through = true;
    co_await never.future();
  };
  const auto outer = [&]() -> Future<std::string> {
    const auto lent = tracker.make();
    Future<> limited = with_timeout(loop, operation(lent), 5s);
    try {
      co_await std::move(limited);
    } catch (const Error& error) {
      EXPECT_TRUE(was_through);
      co_return error.what();
    }
    co_return "";
  };
  EXPECT_EQ(run(outer()), "waiting: timed out after 5s");
  EXPECT_FALSE(never.wanted());
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(WithTimeoutTest, EndsARaceAgainstASleepEitherWay) {
  Promise<int> promise;
  auto first = race(promise.future(), sleep_for(loop, 2s));
  EXPECT_EQ(run(std::move(first)).index(), 1U);
  EXPECT_FALSE(promise.wanted());
  EXPECT_TRUE(loop.timers().empty());
}

}  // namespace
}  // namespace ioa
