#include "cli/wall_time.hpp"

#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

/// The time zone of a test; the one of before is back when it ends.
class Zone {
 public:
  explicit Zone(const char* name) {
    const char* before = std::getenv("TZ");
    if (before != nullptr) before_ = before;
    ::setenv("TZ", name, 1);
    ::tzset();
  }
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;
  ~Zone() {
    if (before_.empty())
      ::unsetenv("TZ");
    else
      ::setenv("TZ", before_.c_str(), 1);
    ::tzset();
  }

 private:
  std::string before_;
};

// New York's rules as POSIX writes them: no zone files are needed.
constexpr const char* kNewYork = "EST5EDT,M3.2.0,M11.1.0";

TEST(WallTimeTest, ReadsRfc3339) {
  // date -u -d 2026-11-23T18:30:00Z +%s
  EXPECT_EQ(parse_time("2026-11-23T18:30:00Z", at(0)), at(1795458600));
  EXPECT_EQ(parse_time("2026-11-23t18:30:00z", at(0)), at(1795458600));
  EXPECT_EQ(parse_time("2026-11-23 18:30:00Z", at(0)), at(1795458600));
  EXPECT_EQ(parse_time("2026-11-23T18:30:00+01:00", at(0)), at(1795458600 - 3600));
  EXPECT_EQ(parse_time("2026-11-23T18:30:00-05:30", at(0)), at(1795458600 + 19800));
  EXPECT_EQ(parse_time("2026-11-23T18:30:00.25Z", at(0)), at(1795458600) + 250ms);
  EXPECT_EQ(parse_time("2026-11-23T18:30:00.1234567891Z", at(0)), at(1795458600) + 123456789ns);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z", at(0)), at(1709164800));
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z", at(0)), at(1483228800));  // a leap second
}

TEST(WallTimeTest, ReadsSecondsSinceTheEpoch) {
  EXPECT_EQ(parse_time("@1764000000", at(0)), at(1764000000));
  EXPECT_EQ(parse_time("@0", at(0)), at(0));
  EXPECT_EQ(parse_time("@1.5", at(0)), at(1) + 500ms);
}

TEST(WallTimeTest, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      "@",
                                      "@-1",
                                      "@1.",
                                      "@x",
                                      "@1e3",
                                      "@99999999999999999999",
                                      "18",
                                      "18:3",
                                      "24:00",
                                      "18:60",
                                      "18:30:60",
                                      "18:30:",
                                      "1:30",
                                      "18:30Z",
                                      "2026-11-23",
                                      "2026-11-23T18:30:00",
                                      "2026-11-23T18:30Z",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "2026-11-31T00:00:00Z",
                                      "2026-11-23T24:00:00Z",
                                      "2026-11-23T18:60:00Z",
                                      "2026-11-23T18:30:61Z",
                                      "2026-11-23T18:30:00+1:00",
                                      "2026-11-23T18:30:00+24:00",
                                      "2026-11-23T18:30:00+01:60",
                                      "2026-11-23T18:30:00+0100",
                                      "2026-11-23T18:30:00Europe/Berlin",
                                      "2026-11-23T18:30:00.Z",
                                      "2026-11-23T18:30:00Zx",
                                      "1969-12-31T23:59:59Z",
                                      "2300-01-01T00:00:00Z",
                                      "tomorrow"})
    EXPECT_EQ(parse_time(text, at(0)), std::nullopt) << text;
}

TEST(WallTimeTest, ATimeOfDayIsTodaysOrTomorrows) {
  const Zone zone("UTC0");
  const WallTime noon = at(1795435200);  // 2026-11-23T12:00:00Z
  EXPECT_EQ(parse_time("12:00:01", noon), noon + 1s);
  EXPECT_EQ(parse_time("18:30", noon), noon + 6h + 30min);
  EXPECT_EQ(parse_time("12:00", noon), noon + 24h);
  EXPECT_EQ(parse_time("11:59:59", noon), noon + 24h - 1s);
  EXPECT_EQ(parse_time("12:00", noon - 1ns), noon);
}

TEST(WallTimeTest, ATimeOfDayThatComesTwiceIsTheFirstThatIsStillToCome) {
  const Zone zone(kNewYork);
  const WallTime midnight = at(1793505600);  // 2026-11-01T00:00:00-04:00, clocks go back at 02:00
  EXPECT_EQ(parse_time("01:30", midnight), midnight + 90min);
  EXPECT_EQ(parse_time("01:30", midnight + 100min), midnight + 150min);
  EXPECT_EQ(parse_time("03:00", midnight), midnight + 4h);
  EXPECT_EQ(parse_time("00:00", midnight), midnight + 25h);
}

TEST(WallTimeTest, ATimeOfDayThatIsLeftOutComesAfterTheChange) {
  const Zone zone(kNewYork);
  const WallTime midnight = at(1772946000);  // 2026-03-08T00:00:00-05:00, forward at 02:00
  EXPECT_EQ(parse_time("02:30", midnight), midnight + 150min);  // 03:30 in summer time
  EXPECT_EQ(parse_time("03:00", midnight), midnight + 2h);
  EXPECT_EQ(parse_time("00:00", midnight), midnight + 23h);
}

TEST(WallTimeTest, WritesUtcWithMilliseconds) {
  EXPECT_EQ(format_time(at(1795458600) + 7ms + 999us), "2026-11-23T18:30:00.007Z");
  EXPECT_EQ(format_time(at(0)), "1970-01-01T00:00:00.000Z");
}

TEST(WallTimeTest, KnowsLocalTime) {
  const Zone zone(kNewYork);
  EXPECT_EQ(local_offset(at(1795458600)), -5h);
  EXPECT_EQ(local_offset(at(1783000000)), -4h);
  EXPECT_EQ(format_by("%H:%M %Z", at(1795458600)), "13:30 EST");
}

TEST(WallTimeTest, AnUnknownTimeZoneIsTold) {
  for (const char* known : {"", "UTC", "UTC0", kNewYork, "<+0330>-3:30", ":UTC"}) {
    const Zone zone(known);
    EXPECT_TRUE(is_time_zone_known()) << known;
  }
  for (const char* unknown : {"No/Such", "XY", "Nowhere", "<+03", "/no/such/file"}) {
    const Zone zone(unknown);
    EXPECT_FALSE(is_time_zone_known()) << unknown;
  }
}

}  // namespace
}  // namespace ioa::cli
