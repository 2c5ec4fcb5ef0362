#include "ioa/loop/timeout.hpp"

#include <gtest/gtest.h>

#include <utility>

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

}  // namespace
}  // namespace ioa
