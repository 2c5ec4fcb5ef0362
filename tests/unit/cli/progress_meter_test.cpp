#include "cli/progress_meter.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace ioa::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ProgressTextTest : public ::testing::Test {
 protected:
  TimePoint after(Duration length) const { return started_ + length; }
  TimePoint started_{seconds(1000)};
};

TEST_F(ProgressTextTest, SaysHowMuchHowFastAndForHowLong) {
  ProgressText text(ProgressUnit::bytes, started_);
  EXPECT_EQ(text.next({2048, {}, {}}, after(seconds(2))), "2.0K, 1.0K/s, 0:02");
}

TEST_F(ProgressTextTest, KnowsTheEndWhereTheTotalIsKnown) {
  ProgressText text(ProgressUnit::bytes, started_);
  EXPECT_EQ(text.next({1 << 20, 4 << 20, {}}, after(seconds(1))),
            "1.0M of 4.0M (25%), 1.0M/s, 0:01, ETA 0:03");
}

TEST_F(ProgressTextTest, CountsItemsAndAddsANote) {
  ProgressText text(ProgressUnit::items, started_);
  EXPECT_EQ(text.next({10, 40, "2 failed"}, after(seconds(5))),
            "10 of 40 (25%), 2.0/s, 0:05, ETA 0:15, 2 failed");
}

TEST_F(ProgressTextTest, HasNoEtaWhileNothingMoves) {
  ProgressText text(ProgressUnit::items, started_);
  EXPECT_EQ(text.next({0, 4, {}}, after(seconds(1))), "0 of 4 (0%), 0.0/s, 0:01, ETA -:--");
}

TEST_F(ProgressTextTest, TheRateFollowsWhatHappensNow) {
  ProgressText text(ProgressUnit::items, started_);
  text.next({1000, {}, {}}, after(seconds(1)));
  std::string last;
  for (int i = 2; i <= 30; ++i) last = text.next({1000, {}, {}}, after(seconds(i)));
  EXPECT_EQ(last, "1000, 0.1/s, 0:30");
}

TEST_F(ProgressTextTest, TheLastRateIsThatOfTheWholeRun) {
  ProgressText text(ProgressUnit::items, started_);
  text.next({30, 40, {}}, after(seconds(1)));
  EXPECT_EQ(text.last({40, 40, {}}, after(seconds(4))), "40 of 40 (100%), 10.0/s, 0:04");
}

TEST_F(ProgressTextTest, SurvivesTimeThatStandsStillAndATotalThatIsWrong) {
  ProgressText text(ProgressUnit::items, started_);
  EXPECT_EQ(text.next({5, 0, {}}, started_), "5 of 0 (100%), 0.0/s, 0:00");
  EXPECT_EQ(text.next({3, 2, {}}, started_), "3 of 2 (100%), 0.0/s, 0:00");
  EXPECT_EQ(text.last({5, 2, {}}, started_), "5 of 2 (100%), 0.0/s, 0:00");
}

TEST(FormatBytesTest, HasOneDecimalAndNeverShowsAThousandAndTwentyFour) {
  EXPECT_EQ(format_bytes(0), "0");
  EXPECT_EQ(format_bytes(1023), "1023");
  EXPECT_EQ(format_bytes(1024), "1.0K");
  EXPECT_EQ(format_bytes((1U << 20) - 1), "1.0M");
  EXPECT_EQ(format_bytes(12'900'000), "12.3M");
  EXPECT_EQ(format_bytes(~std::uint64_t{0}), "16.0E");
}

TEST(FormatClockTest, ShowsHoursWhereThereAreAny) {
  EXPECT_EQ(format_clock(milliseconds(3999)), "0:03");
  EXPECT_EQ(format_clock(seconds(754)), "12:34");
  EXPECT_EQ(format_clock(seconds(3723)), "1:02:03");
  EXPECT_EQ(format_clock(seconds(-1)), "0:00");
}

}  // namespace
}  // namespace ioa::cli
