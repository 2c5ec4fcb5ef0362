#include "cli/parse_values.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;
using Days = std::chrono::duration<std::int64_t, std::ratio<86400>>;

TEST(DurationTest, TakesABareNumberForSeconds) {
  EXPECT_EQ(parse_duration("30"), 30s);
  EXPECT_EQ(parse_duration("1.5"), 1500ms);
  EXPECT_EQ(parse_duration(".25"), 250ms);
  EXPECT_EQ(parse_duration("0"), 0ns);
}

TEST(DurationTest, KnowsItsUnits) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("3h"), 3h);
  EXPECT_EQ(parse_duration("2d"), Days(2));
}

TEST(DurationTest, AddsUpUnitsFromTheLargestDown) {
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("1d2h3m4s5ms"), Days(1) + 2h + 3min + 4s + 5ms);
  EXPECT_EQ(parse_duration("1m1.5s"), 61500ms);
}

TEST(DurationTest, ReadsFractionsExactly) {
  EXPECT_EQ(parse_duration("0.1"), 100ms);
  EXPECT_EQ(parse_duration("0.000000001"), 1ns);
  EXPECT_EQ(parse_duration("1.000000001s"), 1'000'000'001ns);
  EXPECT_EQ(parse_duration("0.5ms"), 500us);
  EXPECT_EQ(parse_duration("1.5d"), 36h);
  EXPECT_EQ(parse_duration("0.100000000000000000000000000000"), 100ms);
}

TEST(DurationTest, NeverReadsSomethingAsNothing) {
  EXPECT_EQ(parse_duration("0.0000000001"), 1ns);
  EXPECT_EQ(parse_duration("0.0000001ms"), 1ns);
  EXPECT_EQ(parse_duration("0." + std::string(1000, '0') + "1d"), 1ns);
}

TEST(DurationTest, RefusesANegativeOne) {
  EXPECT_EQ(parse_duration("-1"), std::nullopt);
  EXPECT_EQ(parse_duration("-0"), std::nullopt);
  EXPECT_EQ(parse_duration("1h-30m"), std::nullopt);
}

TEST(DurationTest, RefusesWhatOverflows) {
  EXPECT_EQ(parse_duration("99999999999999999999"), std::nullopt);
  EXPECT_EQ(parse_duration("106752d"), std::nullopt);
  EXPECT_EQ(parse_duration("53375d23h53m38s"), Days(53375) + 23h + 53min + 38s);
  EXPECT_EQ(parse_duration("53376d"), std::nullopt);
  EXPECT_EQ(parse_duration("53375d99h"), std::nullopt);
}

TEST(DurationTest, LeavesRoomToAddTwo) {
  const auto longest = parse_duration("53375d");
  ASSERT_TRUE(longest.has_value());
  EXPECT_GT(*longest + *longest, *longest);
}

TEST(DurationTest, RefusesEverythingElse) {
  for (const std::string_view text :
       {"",     " ",     ".",    "s",       "1 s",  " 1",       "1 ",   "+1",   "1.",  "1.s",
        "1..5", "1.5.5", "1e3",  "0x10",    "inf",  "infinity", "nan",  "abc",  "1x",  "1S",
        "1M",   "30m1h", "1h1h", "1.5h30m", "1h30", "1,5",      "5min", "1sec", "1us", "1\n"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(SizeTest, IsInPowersOf1024) {
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("64K"), 65536U);
  EXPECT_EQ(parse_size("10M"), 10485760U);
  EXPECT_EQ(parse_size("1G"), 1073741824U);
}

TEST(SizeTest, RefusesEverythingElse) {
  for (const std::string_view text : {"", "-1", "1.5K", "64KB", "64 K", "abc", "99999999T"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(RateTest, IsASizeASecond) {
  EXPECT_EQ(parse_rate("10M"), 10485760U);
  EXPECT_EQ(parse_rate("10M/s"), 10485760U);
  EXPECT_EQ(parse_rate("0"), 0U);
  for (const std::string_view text : {"", "/s", "1/m", "-1/s", "1M/s/s"}) {
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
  }
}

TEST(PortRangeTest, ReadsOnePortOrMany) {
  EXPECT_EQ(parse_port_range("80"), (PortRange{80, 80}));
  EXPECT_EQ(parse_port_range("8000-8010"), (PortRange{8000, 8010}));
  EXPECT_EQ(parse_port_range("0-65535"), (PortRange{0, 65535}));
}

TEST(PortRangeTest, TurnsARangeThatRunsDown) {
  EXPECT_EQ(parse_port_range("8010-8000"), (PortRange{8000, 8010}));
}

TEST(PortRangeTest, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "-", "80-", "-80", "80-90-100", "80-65536", "65536", "a-b", "80 - 90", "http"}) {
    EXPECT_EQ(parse_port_range(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ioa::cli
