// ioa timer with commands: their environment, status and end, and --overlap.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

RunResult run_at_ticks(std::vector<std::string> options, const std::string& script,
                       std::string_view input = {}) {
  options.insert(options.begin(), "timer");
  options.insert(options.end(), {"--", "sh", "-c", script});
  return run_ioa(std::move(options), input);
}

TEST(TimerCommandTest, AfterEndsWithTheStatusOfItsCommand) {
  EXPECT_EQ(run_at_ticks({"after", "0"}, "exit 7").status, 7);
  EXPECT_EQ(run_at_ticks({"after", "0"}, "kill -TERM $$").status, 128 + SIGTERM);
}

TEST(TimerCommandTest, TheCommandOfAfterReadsOurInput) {
  expect_success(run_at_ticks({"after", "0"}, "cat", "hello"), "hello");
}

TEST(TimerCommandTest, CommandsSeeTheTick) {
  const RunResult result =
      run_at_ticks({"every", "20ms", "--count", "2"},
                   "echo $IOA_TICK ${#IOA_TIME} $IOA_MISSED; cat", "not for them");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("1 24 ")) << result.out;
  EXPECT_NE(result.out.find("\n2 24 "), std::string::npos) << result.out;
  EXPECT_EQ(line_count(result.out), 2U);
}

TEST(TimerCommandTest, EventsTellOfCommandsAsRunChildDoes) {
  const TempDir dir;
  const std::string path = dir / "events";
  run_at_ticks({"every", "10ms", "--count", "1", "--events", path}, "kill -KILL $$");
  std::ifstream file(path);
  std::map<std::string, json> events;
  for (std::string line; std::getline(file, line);) {
    json event = json::parse(line);
    const std::string name = event["event"];
    events[name] = std::move(event);
  }
  const json& started = events["child.started"];
  EXPECT_EQ(started["tick"], 1);
  EXPECT_EQ(started["attempt"], 1);
  EXPECT_EQ(started["command"], json({"sh", "-c", "kill -KILL $$"}));
  const json& exited = events["child.exited"];
  EXPECT_EQ(exited["tick"], 1);
  EXPECT_EQ(exited["attempt"], 1);
  EXPECT_EQ(exited["pid"], started["pid"]);
  EXPECT_EQ(exited["status"], 128 + SIGKILL);
  EXPECT_EQ(exited["signal"], SIGKILL);
  EXPECT_EQ(exited["timed_out"], false);
  EXPECT_TRUE(exited["duration_ms"].is_number());
  EXPECT_EQ(exited["message"], "killed by SIGKILL");
}

TEST(TimerCommandTest, CommandsAreToldAsTheyAreTyped) {
  const RunResult result = run_at_ticks({"every", "10ms", "--count", "1", "-v"}, "exit 0");
  EXPECT_EQ(result.err.rfind("ioa timer: started sh -c 'exit 0', pid ", 0), 0U) << result.err;
}

TEST(TimerCommandTest, AFailureIsTheStatus) {
  EXPECT_EQ(run_at_ticks({"every", "10ms", "--count", "2"}, "exit $((IOA_TICK - 1))").status, 1);
  const RunResult stopped = run_at_ticks({"every", "10ms", "--stop-on-failure"}, "exit 9");
  EXPECT_EQ(stopped.status, 9);
  EXPECT_EQ(stopped.out + stopped.err, "");
}

TEST(TimerCommandTest, WhatCannotBeRunEndsIt) {
  expect_failure(run_ioa({"timer", "every", "10ms", "--", "/no/such/command"}), 127,
                 "/no/such/command");
  expect_failure(run_ioa({"timer", "every", "10ms", "--", "/"}), 126, "/");
  expect_failure(run_ioa({"timer", "after", "0", "--", "/no/such/command"}), 127,
                 "/no/such/command");
  // It is told at the start, not when its time comes.
  for (const char* mode : {"after", "every", "idle"})
    expect_failure(run_ioa({"timer", mode, "1h", "--", "no-such-command"}), 127,
                   "no-such-command: ");
}

TEST(TimerCommandTest, SkipLeavesTicksOut) {
  const RunResult result =
      run_at_ticks({"every", "20ms", "--count", "2"}, "echo $IOA_MISSED; sleep 0.15");
  EXPECT_EQ(result.status, 0);
  const std::size_t second = result.out.find('\n') + 1;
  EXPECT_EQ(result.out.substr(0, second), "0\n");
  EXPECT_GE(std::stoi(result.out.substr(second)), 4) << result.out;
}

TEST(TimerCommandTest, QueueRunsOneAfterTheOther) {
  const RunResult result = run_at_ticks({"every", "10ms", "--count", "4", "--overlap", "queue"},
                                        "echo b; sleep 0.05; echo e");
  expect_success(result, "b\ne\nb\ne\nb\ne\nb\ne\n");
  EXPECT_GE(result.duration, 200ms);
}

TEST(TimerCommandTest, ParallelRunsThemSideBySide) {
  const TempDir dir;
  // Each waits for the others: alone none would come to an end.
  const RunResult result =
      run_at_ticks({"every", "10ms", "--count", "3", "--overlap", "parallel"},
                   "cd " + dir.path().string() +
                       "; touch $IOA_TICK; until test -e 1 && test -e 2 && test -e 3; "
                       "do sleep 0.01; done");
  expect_success(result, "");
}

TEST(TimerCommandTest, KillEndsTheOneBeforeAndWhatItHasStarted) {
  const TempDir dir;
  const std::string pids = dir / "pids";
  const RunResult result =
      run_at_ticks({"every", "200ms", "--count", "2", "--overlap", "kill"},
                   "test $IOA_TICK = 2 && exit; setsid sleep 30 & echo $! >" + pids + "; sleep 30");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_LT(result.duration, 5s);
  EXPECT_NE(run_shell("kill -0 $(cat " + pids + ")").status, 0) << "it still runs";
}

TEST(TimerCommandTest, ASignalEndsCommandsAndAllThatTheyHaveStarted) {
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) {
    const TempDir dir;
    const std::string pids = dir / "pids";
    Process process(ioa({"timer", "every", "10ms", "--", "sh", "-c",
                         "setsid sleep 30 & echo $! >" + pids + "; echo up; sleep 30"}));
    ASSERT_TRUE(process.wait_for_out("up"));
    process.signal(number);
    EXPECT_EQ(process.wait().status, 128 + number);
    EXPECT_NE(run_shell("kill -0 $(cat " + pids + ")").status, 0) << "it still runs";
  }
}

TEST(TimerCommandTest, WithNohupAHangupIsNone) {
  const RunResult result = run_shell(
      "nohup $IOA timer every 20ms --count 2 -- sh -c 'kill -HUP $PPID; echo tick' 2>/dev/null");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "tick\ntick\n");
}

TEST(TimerCommandTest, TheEndWaitsForTheCommandThatRuns) {
  expect_success(run_at_ticks({"every", "10ms", "--count", "1"}, "sleep 0.2; echo done"), "done\n");
}

TEST(TimerCommandTest, ASecondSignalLeavesNothingBehind) {
  const TempDir dir;
  const std::string pids = dir / "pids";
  Process process(ioa({"timer", "every", "10ms", "--", "sh", "-c",
                       "trap '' TERM; echo $$ >" + pids + "; echo up; while :; do sleep 1; done"}));
  ASSERT_TRUE(process.wait_for_out("up"));
  process.signal(SIGTERM);
  ASSERT_TRUE(process.wait_for_err("ended by SIGTERM"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().status, 128 + SIGTERM);
  wait_until(
      [&] {
        return run_shell("grep -s State: /proc/$(cat " + pids + ")/status | grep -vq Z").status !=
               0;
      },
      "the end of the command");
}

TEST(TimerCommandTest, TicksThatAreOwedAreDeliveredAtTheEnd) {
  // More than a pipe holds, for a reader that begins only after the end.
  const RunResult result = run_shell(
      "f='{n} " + std::string(300, 'x') +
      "'; "
      "$IOA timer every 1ms --for 400ms --missed catch-up --format \"$f\" | (sleep 0.8; wc -l)");
  expect_success(result, "400\n");
}

TEST(TimerCommandTest, WhatAWatchdogRunsIsNoFailureOfItsInput) {
  const RunResult result = run_shell("sleep 0.3 | $IOA timer idle 100ms -- false");
  expect_success(result, "");
}

TEST(TimerCommandTest, CommandsHaveTheStandardOutputThatEventsGoTo) {
  const RunResult result = run_shell("$IOA timer every 10ms --count 1 --events 1 -- echo there");
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("there\n"), std::string::npos) << result.out;
}

TEST(TimerCommandTest, IdleRunsItsCommandWhileItIsSilent) {
  const RunResult result =
      run_shell("sleep 1 | $IOA timer idle 100ms --count 2 -- sh -c 'echo silent $IOA_TICK'");
  expect_success(result, "silent 1\nsilent 2\n");
}

}  // namespace
}  // namespace ioa::test
