#include "cli/commands/timer/timer_options.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1795458600s};  // 2026-11-23T18:30:00Z

TimerOptions read(const std::vector<std::string_view>& args) {
  return parse_timer(read_arguments(timer_command(), args), kNow);
}

std::string complaint(const std::vector<std::string_view>& args) {
  try {
    read(args);
    return "no complaint";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(TimerOptionsTest, ReadsEachMode) {
  EXPECT_EQ(read({"after", "1.5s"}).wait, 1500ms);
  EXPECT_EQ(read({"after", "0"}).wait, 0ms);
  EXPECT_EQ(read({"every", "2"}).plan.interval, 2s);
  EXPECT_EQ(read({"idle", "1m"}).wait, 1min);
  EXPECT_EQ(read({"at", "2026-11-23T18:30:01Z"}).time, kNow + 1s);
  EXPECT_EQ(read({"at", "@1795458601"}).mode, TimerMode::at);
}

TEST(TimerOptionsTest, HasTheDefaultsOfTheContract) {
  const TimerOptions options = read({"every", "1s"});
  EXPECT_EQ(options.plan.missed, MissedTicks::skip);
  EXPECT_EQ(options.overlap, Overlap::skip);
  EXPECT_EQ(options.kill_after, 2s);
  EXPECT_EQ(options.count, 0U);
  EXPECT_FALSE(options.plan.first || options.plan.aligned || options.until || options.json ||
               options.stop_on_failure);
}

TEST(TimerOptionsTest, OnlyEveryPrintsUnasked) {
  EXPECT_TRUE(read({"every", "1s"}).prints);
  EXPECT_FALSE(read({"after", "1s"}).prints);
  EXPECT_FALSE(read({"idle", "1s"}).prints);
  EXPECT_FALSE(read({"every", "1s", "--", "true"}).prints);
  EXPECT_TRUE(read({"every", "1s", "--print", "--", "true"}).prints);
  EXPECT_TRUE(read({"after", "1s", "--json"}).prints);
  EXPECT_TRUE(read({"after", "1s", "--format", "x"}).prints);
}

TEST(TimerOptionsTest, ReadsItsOptions) {
  const TimerOptions options =
      read({"--count=3",         "every",     "1s",   "--for",        "10s",   "--until",
            "@1795458700",       "--first",   "0",    "--jitter",     "200ms", "--missed",
            "catch-up",          "--overlap", "kill", "--kill-after", "0",     "--stop-on-failure",
            "--progress=always", "--",        "cmd",  "--json",       "--"});
  EXPECT_EQ(options.count, 3U);
  EXPECT_EQ(options.run_time, 10s);
  EXPECT_EQ(options.until, kNow + 100s);
  EXPECT_EQ(options.plan.first, 0ms);
  EXPECT_EQ(options.plan.jitter, 200ms);
  EXPECT_EQ(options.plan.missed, MissedTicks::catch_up);
  EXPECT_EQ(options.overlap, Overlap::kill);
  EXPECT_EQ(options.kill_after, 0ms);
  EXPECT_TRUE(options.stop_on_failure);
  EXPECT_EQ(options.command, (std::vector<std::string>{"cmd", "--json", "--"}));
}

TEST(TimerOptionsTest, RefusesWhatMakesNoSense) {
  struct Case {
    std::vector<std::string_view> args;
    std::string_view complaint;
  };
  const std::vector<Case> cases{
      {{}, "ioa timer: WHEN: expected after, every, at or idle"},
      {{"soon", "1s"}, "ioa timer: soon: expected after, every, at or idle"},
      {{"after"}, "ioa timer: after: expected a duration"},
      {{"after", "soon"}, "ioa timer: after soon: expected a duration"},
      {{"after", "-1s"}, "ioa timer: -1 in -1s: unknown option"},
      {{"every", "0"}, "ioa timer: every 0: expected a duration of more than 0"},
      {{"idle", "0s"}, "ioa timer: idle 0s: expected a duration of more than 0"},
      {{"at", "@1795458600"}, "ioa timer: at @1795458600: expected a time that is to come"},
      {{"at", "noon"}, "ioa timer: at noon: expected a time such as"},
      {{"at", "2026-11-24T10:00:00Nowhere"}, "expected a time such as"},
      {{"after", "1s", "cmd"}, "ioa timer: cmd: expected nothing more; a command goes behind --"},
      {{"after", "1s", "--"}, "ioa timer: --: expected a command behind it"},
      {{"after", "1s", "--", ""}, "ioa timer: '': expected the name of a command"},
      {{"every", "1s", "--until", "@1"}, "ioa timer: --until @1: expected a time that is to come"},
      {{"every", "1s", "--first", "0", "--align"},
       "ioa timer: --align: cannot be used with --first"},
      {{"every", "1s", "--align", "--missed", "drift"}, "cannot be used with --align"},
      {{"every", "1s", "--missed", "never"}, "expected skip, catch-up or drift"},
      {{"every", "1s", "--jitter", "2s"}, "expected no more than the interval"},
      {{"every", "1s", "--format", "{x}"}, "ioa timer: --format {x}: expected text with {n}"},
      {{"every", "1s", "--format", "x", "--json"}, "cannot be used with --json"},
      {{"every", "1s", "--overlap", "kill"}, "ioa timer: --overlap kill: needs a command"},
      {{"every", "1s", "--stop-on-failure"}, "--stop-on-failure: needs a command behind --"},
      {{"every", "1s", "--overlap", "both", "--", "x"}, "expected skip, queue, kill or parallel"},
      {{"after", "1s", "--count", "2"}, "ioa timer: --count 2: only 'every' and 'idle' have it"},
      {{"idle", "1s", "--align"}, "ioa timer: --align: only 'every' has it"},
      {{"idle", "1s", "--jitter", "1s"}, "ioa timer: --jitter 1s: 'idle' has none"},
  };
  for (const Case& each : cases)
    EXPECT_NE(complaint(each.args).find(each.complaint), std::string::npos)
        << complaint(each.args) << "\nnot: " << each.complaint;
}

}  // namespace
}  // namespace ioa::cli
