// ioa timer as its users run it: ticks, formats, silence, signals.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/json.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

std::vector<std::string> timer(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "timer");
  return ioa(std::move(arguments));
}

RunResult run_timer(std::vector<std::string> arguments, std::string_view input = {}) {
  arguments.insert(arguments.begin(), "timer");
  return run_ioa(std::move(arguments), input);
}

std::vector<Json> objects(const std::string& text) {
  std::vector<Json> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) found.push_back(parse_json(line));
  return found;
}

TEST(TimerTest, AfterWaitsSilently) {
  const RunResult result = run_timer({"after", "150ms"});
  expect_success(result, "");
  EXPECT_GE(result.duration, 150ms);
}

TEST(TimerTest, AfterPrintsIfItIsAsked) {
  const RunResult result = run_timer({"after", "0", "--print"});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(result.out.starts_with("1\t20")) << result.out;
  EXPECT_EQ(result.out.size(), sizeof "1\t2026-11-23T18:30:00.000Z");
}

TEST(TimerTest, AtWaitsForTheWallClock) {
  // Two seconds from now, written in whole ones: it comes after one to two seconds.
  const RunResult result = run_shell("$IOA timer at @$(($(date +%s) + 2)) --print && date +%s.%N");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_GE(result.duration, 900ms);
  EXPECT_EQ(line_count(result.out), 2U);
}

TEST(TimerTest, SingleTicksKnowHowLateTheyAre) {
  const std::string soon = "at $(date -u -d @$(($(date +%s) + 2)) +%FT%TZ)";
  for (const std::string& what : {std::string("after 10ms"), soon, std::string("idle 10ms")}) {
    const RunResult result = run_shell("f=$(mktemp -u); mkfifo $f; exec 9<>$f; rm $f; $IOA timer " +
                                       what + " --print --json <&9");
    const std::vector<Json> ticks = objects(result.out);
    ASSERT_EQ(ticks.size(), 1U) << what << ": " << result.out << result.err;
    EXPECT_GE(ticks[0].at("late_ms"), 0) << what;
    EXPECT_LT(ticks[0].at("late_ms"), 10'000) << what;
  }
}

TEST(TimerTest, EveryTicksOnItsGrid) {
  const RunResult result = run_timer({"every", "20ms", "--count", "10", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_GE(result.duration, 200ms);
  std::uint64_t number = 0;
  for (const Json& tick : objects(result.out)) {
    EXPECT_EQ(tick.at("n"), ++number);
    EXPECT_GE(tick.at("late_ms"), 0);
    EXPECT_TRUE(tick.at("missed").is_number_unsigned());
    EXPECT_TRUE(tick.at("time").is_string());
  }
  EXPECT_EQ(number, 10U);
}

TEST(TimerTest, TheLastTickOfARunIsDeliveredInTime) {
  const RunResult result = run_timer({"every", "100ms", "--for", "300ms"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.out), 3U) << result.out;
}

TEST(TimerTest, LinesComeAsTheyHappen) {
  Process process(timer({"every", "100ms", "--first", "0"}));
  EXPECT_TRUE(process.wait_for_out("1\t"));
  EXPECT_TRUE(process.wait_for_out("\n2\t"));
  process.signal(SIGTERM);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST(TimerTest, AReaderThatLeavesEndsItAsItEndsCat) {
  const RunResult result = run_shell("{ $IOA timer every 10ms; echo status $? >&2; } | head -n 2");
  EXPECT_EQ(line_count(result.out), 2U);
  EXPECT_EQ(result.err, "status 141\n");
}

TEST(TimerTest, AFullDiskIsAFailure) {
  Process::Stdio stdio;
  stdio.out = open_to_write("/dev/full");
  const RunResult result = run_ioa_with(std::move(stdio), {"timer", "every", "10ms"});
  expect_failure(result, 1, "No space left on device");
}

/// A timer that is stopped for a while, and goes on; what it ticked.
std::vector<Json> ticks_of_a_stopped_timer(const std::string& missed) {
  Process process(timer({"every", "50ms", "--json", "--missed", missed, "--count", "14"}));
  EXPECT_TRUE(process.wait_for_out("\"n\":2"));
  process.signal(SIGSTOP);
  const auto stopped = std::chrono::steady_clock::now();
  wait_until([&] { return std::chrono::steady_clock::now() - stopped > 420ms; }, "ticks to miss");
  process.signal(SIGCONT);
  return objects(process.wait().out);
}

TEST(TimerTest, WhatIsMissedIsSkippedAndCounted) {
  std::int64_t missed = 0;
  for (const Json& tick : ticks_of_a_stopped_timer("skip"))
    missed += tick.at("missed").get<std::int64_t>();
  EXPECT_GE(missed, 6);
}

TEST(TimerTest, WhatIsMissedIsCaughtUpWith) {
  std::int64_t late = 0;
  std::int64_t missed = 0;
  for (const Json& tick : ticks_of_a_stopped_timer("catch-up")) {
    late += tick.at("late_ms").get<double>() > 40 ? 1 : 0;
    missed += tick.at("missed").get<std::int64_t>();
  }
  EXPECT_GE(late, 6);
  EXPECT_EQ(missed, 0);
}

TEST(TimerTest, IdleFiresWhenNoLineComes) {
  Process process(timer({"idle", "100ms"}));
  process.write("no line");
  expect_failure(process.wait_with_open_stdin(), 124, "idle 100ms reached");
}

TEST(TimerTest, IdleIsSetBackByEveryLine) {
  const RunResult result = run_shell(
      "for i in 1 2 3 4 5; do echo; sleep 0.1; done | $IOA timer idle 450ms; echo status $?");
  EXPECT_EQ(result.out, "status 0\n") << result.err;
}

TEST(TimerTest, TheEndOfInputEndsIdle) { expect_success(run_timer({"idle", "10s"}, "x\n"), ""); }

TEST(TimerTest, CountersAreToldOnSigusr1) {
  Process process(timer({"every", "10ms"}));
  ASSERT_TRUE(process.wait_for_out("\n3\t"));
  process.signal(SIGUSR1);
  EXPECT_TRUE(process.wait_for_err(" missed, "));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().status, 128 + SIGINT);
}

TEST(TimerTest, EventsTellOfTicks) {
  const TempDir dir;
  const std::string path = dir / "events";
  expect_success(run_timer({"after", "0", "--events", path}), "");
  const RunResult events = run_shell("cat " + path);
  EXPECT_NE(events.out.find("\"event\":\"timer.tick\""), std::string::npos) << events.out;
  EXPECT_NE(events.out.find("\"event\":\"exit\""), std::string::npos) << events.out;
}

TEST(TimerTest, EventsOnStandardOutputGoOnToTheLast) {
  const RunResult result = run_timer({"after", "0", "--events", "1"});
  EXPECT_EQ(result.err, "");
  EXPECT_NE(result.out.find("\"event\":\"exit\""), std::string::npos) << result.out;
}

TEST(TimerTest, TheCountdownIsShownOnRequest) {
  // Where it is no terminal there is a line each second.
  Process process(timer({"after", "1500ms", "--progress=always"}));
  EXPECT_TRUE(process.wait_for_err("0:01 left"));
  EXPECT_EQ(process.wait().status, 0);
}

TEST(TimerTest, BadInputIsOneLineAndStatusTwo) {
  expect_failure(run_timer({"at", "2020-01-01T00:00:00Z"}), 2, "expected a time that is to come");
  expect_failure(run_timer({"every", "0"}), 2, "expected a duration of more than 0");
  expect_failure(run_timer({"after", "soon"}), 2, "expected a duration");
  expect_failure(run_timer({"sometimes"}), 2, "expected after, every, at or idle");
  expect_failure(run_ioa({"timer", "at", "10:00"}, {}, {"TZ=No/Such"}), 2, "time zone");
}

}  // namespace
}  // namespace ioa::test
