#include "cli/commands/timer/ticker.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "cli/commands/timer/wall_grid.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

Duration utc(WallTime) { return Duration::zero(); }
/// Berlin in 2026: summer time from 29 March to 25 October, each at 01:00 UTC.
constexpr WallTime kSummer{1774746000s};
constexpr WallTime kWinter{1792890000s};
Duration berlin(WallTime time) { return time >= kSummer && time < kWinter ? 2h : 1h; }

TEST(WallGridTest, TicksAreAtMultiplesOfTheInterval) {
  const WallGrid grid(15min, &utc);
  const WallTime six{1795456800s};  // 18:00:00 UTC
  EXPECT_EQ(grid.after(six), six + 15min);
  EXPECT_EQ(grid.after(six - 1ns), six);
  EXPECT_EQ(grid.after(six + 15min - 1ns), six + 15min);
}

TEST(WallGridTest, TheyAreCountedInLocalTime) {
  const WallGrid grid(1h, [](WallTime) -> Duration { return 5h + 30min; });
  EXPECT_EQ(grid.after(WallTime(0s)), WallTime(30min));
}

TEST(WallGridTest, ADayThatIsLongerOrShorterEndsAtMidnight) {
  const WallGrid grid(24h, &berlin);
  const WallTime last_of_winter = kSummer - 2h;  // midnight, one hour of UTC before the date line
  EXPECT_EQ(grid.after(last_of_winter), last_of_winter + 23h);
  const WallTime last_of_summer = kWinter - 3h;
  EXPECT_EQ(grid.after(last_of_summer), last_of_summer + 25h);
}

TEST(WallGridTest, ShortIntervalsGoOnThroughAChange) {
  const WallGrid grid(10min, &berlin);
  for (const WallTime change : {kSummer, kWinter}) {
    WallTime time = change - 30min;
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(grid.after(time), time + 10min);
      time += 10min;
    }
  }
}

TEST(WallGridTest, AnHourThatIsLeftOutHasNoTicks) {
  // Every two hours: 00:00, then 03:00 does not count, 04:00 does.
  const WallGrid grid(2h, &berlin);
  EXPECT_EQ(grid.after(kSummer - 1h), kSummer + 1h);
}

class TickerTest : public test::FakeLoopTest {
 protected:
  struct Seen {
    Duration at;  // since the start
    Duration due;
    std::uint64_t missed;
    bool operator==(const Seen&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const Seen& one) {
      return out << one.at / 1ms << "ms due " << one.due / 1ms << "ms missed " << one.missed;
    }
  };

  void start(const TickPlan& plan, WallGrid::Offset offset = &utc) {
    begun_ = fake.now();
    ticker.emplace(loop, plan, offset, [this](const Tick& tick) {
      seen.push_back({fake.now() - begun_, tick.due - begun_, tick.missed});
      if (stall_at == seen.size()) fake.advance(stall);
    });
  }
  std::vector<Seen> wait_for(std::size_t count) {
    test::turn_until(
        loop, [&] { return seen.size() >= count; }, "ticks");
    return seen;
  }
  static TickPlan every(Duration interval) {
    TickPlan plan;
    plan.interval = interval;
    return plan;
  }

  std::vector<Seen> seen;
  std::size_t stall_at = 0;  // in the callback of that tick…
  Duration stall{};          // …so long
  std::optional<Ticker> ticker;

 private:
  TimePoint begun_{};
};

TEST_F(TickerTest, TicksComeAtTheInterval) {
  start(every(100ms));
  EXPECT_EQ(wait_for(3),
            (std::vector<Seen>{{100ms, 100ms, 0}, {200ms, 200ms, 0}, {300ms, 300ms, 0}}));
  EXPECT_EQ(ticker->next_due() - fake.now(), 100ms);
}

TEST_F(TickerTest, TheFirstMayComeAtAnotherTime) {
  TickPlan plan = every(100ms);
  plan.first = 0ms;
  start(plan);
  EXPECT_EQ(wait_for(2), (std::vector<Seen>{{0ms, 0ms, 0}, {100ms, 100ms, 0}}));
}

TEST_F(TickerTest, SkipKeepsTheGridAndCountsWhatWasMissed) {
  stall_at = 1;
  stall = 1050ms;
  start(every(100ms));
  EXPECT_EQ(wait_for(3),
            (std::vector<Seen>{{100ms, 100ms, 0}, {1200ms, 1200ms, 10}, {1300ms, 1300ms, 0}}));
}

TEST_F(TickerTest, CatchUpDeliversAll) {
  TickPlan plan = every(100ms);
  plan.missed = MissedTicks::catch_up;
  stall_at = 1;
  stall = 250ms;
  start(plan);
  EXPECT_EQ(wait_for(4),
            (std::vector<Seen>{
                {100ms, 100ms, 0}, {350ms, 200ms, 0}, {350ms, 300ms, 0}, {400ms, 400ms, 0}}));
}

TEST_F(TickerTest, DriftBeginsAnew) {
  TickPlan plan = every(100ms);
  plan.missed = MissedTicks::drift;
  stall_at = 1;
  stall = 250ms;
  start(plan);
  EXPECT_EQ(wait_for(3),
            (std::vector<Seen>{{100ms, 100ms, 0}, {450ms, 450ms, 0}, {550ms, 550ms, 0}}));
}

TEST_F(TickerTest, AlignedTicksAreThoseOfTheWallClock) {
  fake.set_wall_clock(WallTime(1000s + 970ms));
  TickPlan plan = every(100ms);
  plan.aligned = true;
  start(plan);
  EXPECT_EQ(wait_for(2), (std::vector<Seen>{{30ms, 30ms, 0}, {130ms, 130ms, 0}}));
  EXPECT_EQ(ticker->next_due() - fake.now(), 100ms);
}

TEST_F(TickerTest, AlignedTicksThatWereMissedAreCounted) {
  fake.set_wall_clock(WallTime(1000s));
  TickPlan plan = every(100ms);
  plan.aligned = true;
  start(plan);
  wait_for(1);
  fake.advance(350ms);
  EXPECT_EQ(wait_for(3),
            (std::vector<Seen>{{100ms, 100ms, 0}, {450ms, 200ms, 0}, {500ms, 500ms, 2}}));
}

TEST_F(TickerTest, AlignedTicksThatWereMissedAreCaughtUpWith) {
  fake.set_wall_clock(WallTime(1000s));
  TickPlan plan = every(100ms);
  plan.aligned = true;
  plan.missed = MissedTicks::catch_up;
  start(plan);
  wait_for(1);
  fake.advance(250ms);
  EXPECT_EQ(wait_for(4),
            (std::vector<Seen>{
                {100ms, 100ms, 0}, {350ms, 200ms, 0}, {350ms, 300ms, 0}, {400ms, 400ms, 0}}));
}

TEST_F(TickerTest, AlignedTicksFollowAClockThatIsSetForwardAndBack) {
  fake.set_wall_clock(WallTime(1000s));
  TickPlan plan = every(1s);
  plan.aligned = true;
  start(plan);
  wait_for(1);
  fake.set_wall_clock(WallTime(5000s + 400ms));  // an hour forward is no thousand missed ticks
  wait_for(2);
  EXPECT_EQ(seen[1], (Seen{1600ms, 1600ms, 0}));
  fake.set_wall_clock(WallTime(100s + 900ms));  // nor does going back mean to wait for an hour
  wait_for(3);
  EXPECT_EQ(seen[2], (Seen{1700ms, 1700ms, 0}));
}

TEST_F(TickerTest, JitterMovesEachTickWithinItsBoundsAndNoOther) {
  TickPlan plan = every(100ms);
  plan.jitter = 100ms;
  start(plan);
  wait_for(200);
  bool moved = false;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const Duration place = (i + 1) * 100ms;
    EXPECT_GE(seen[i].due, place);
    EXPECT_LE(seen[i].due, place + 100ms);
    EXPECT_GE(seen[i].at, place);
    EXPECT_LE(seen[i].at, place + 100ms);
    moved = moved || seen[i].at != place;
  }
  EXPECT_TRUE(moved);
}

TEST_F(TickerTest, MayBeStoppedByATick) {
  ticker.emplace(loop, every(10ms), &utc, [this](const Tick&) {
    seen.emplace_back();
    ticker->stop();
  });
  wait_for(1);
  fake.advance(100ms);
  test::turn_while_busy(loop);
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_EQ(ticker->next_due(), TimePoint::max());
}

}  // namespace
}  // namespace ioa::cli
