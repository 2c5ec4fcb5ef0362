#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/json.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

/// `run-child OPTIONS... sh -c SCRIPT`
std::vector<std::string> supervised(std::vector<std::string> options, const std::string& script) {
  options.insert(options.begin(), "run-child");
  options.insert(options.end(), {"sh", "-c", script});
  return options;
}

/// A script that counts its runs in a file: fails with status 9 before the one numbered `good`.
std::string succeeds_at(const TempDir& folder, int good) {
  return "cd " + folder.path().string() + "; echo run >>runs; [ $(wc -l <runs) -ge " +
         std::to_string(good) + " ] || exit 9";
}

TEST(RunChildSupervisionTest, TriesAgainUntilItSucceeds) {
  const TempDir folder;
  const RunResult result =
      run_ioa(supervised({"--retry", "5", "--backoff", "0", "--json"}, succeeds_at(folder, 3)));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(folder.read("runs")), 3U);
  EXPECT_EQ(parse_json(result.out)["attempts"], 3);
}

TEST(RunChildSupervisionTest, TriesSoOftenAndNoMore) {
  const TempDir folder;
  EXPECT_EQ(
      run_ioa(supervised({"--retry", "2", "--backoff", "1ms"}, succeeds_at(folder, 9))).status, 9);
  EXPECT_EQ(line_count(folder.read("runs")), 3U);
}

TEST(RunChildSupervisionTest, DoesNotTryAgainUnlessAsked) {
  const TempDir folder;
  EXPECT_EQ(run_ioa(supervised({}, succeeds_at(folder, 9))).status, 9);
  EXPECT_EQ(run_ioa(supervised({"--restart", "never"}, succeeds_at(folder, 9))).status, 9);
  EXPECT_EQ(run_ioa(supervised({"--retry", "0"}, succeeds_at(folder, 9))).status, 9);
  EXPECT_EQ(line_count(folder.read("runs")), 3U);
}

TEST(RunChildSupervisionTest, PausesInBetweenTwiceAsLongEachTime) {
  const TempDir folder;
  const RunResult result =
      run_ioa(supervised({"--retry", "3", "--backoff", "100ms", "--events", folder / "events"},
                         succeeds_at(folder, 4)));
  EXPECT_EQ(result.status, 0);
  EXPECT_GE(result.duration, 700ms);
  const std::string events = folder.read("events");
  for (const char* delay : {"\"delay_ms\":100.0", "\"delay_ms\":200.0", "\"delay_ms\":400.0"})
    EXPECT_NE(events.find(delay), std::string::npos) << delay << '\n' << events;
  EXPECT_NE(events.find("\"event\":\"retry\""), std::string::npos);
}

TEST(RunChildSupervisionTest, RestartsWhatFails) {
  const TempDir folder;
  EXPECT_EQ(
      run_ioa(supervised({"--restart", "on-failure", "--backoff", "0"}, succeeds_at(folder, 4)))
          .status,
      0);
  EXPECT_EQ(line_count(folder.read("runs")), 4U);
}

TEST(RunChildSupervisionTest, RestartsWhateverEnds) {
  const TempDir folder;
  EXPECT_EQ(run_ioa(supervised({"--restart", "always", "--max-restarts", "4", "--backoff", "0"},
                               succeeds_at(folder, 2)))
                .status,
            0);
  EXPECT_EQ(line_count(folder.read("runs")), 5U);
}

TEST(RunChildSupervisionTest, SomeStatusesAreSuccess) {
  const TempDir folder;
  const auto runs = [&](const std::string& list, const std::string& script) {
    static_cast<void>(folder.write("runs", ""));
    const RunResult result =
        run_ioa(supervised({"--retry", "1", "--backoff", "0", "--success-status", list},
                           "echo run >>" + (folder / "runs") + "; " + script));
    return std::to_string(result.status) + ' ' + std::to_string(line_count(folder.read("runs")));
  };
  EXPECT_EQ(runs("9", "exit 9"), "9 1");  // it is still the child's own
  EXPECT_EQ(runs("1,3-5", "exit 4"), "4 1");
  EXPECT_EQ(runs("1,3-5", "exit 2"), "2 2");
  EXPECT_EQ(runs("9", "exit 0"), "0 1");
  EXPECT_EQ(runs("143", "kill $$"), "143 1");
}

TEST(RunChildSupervisionTest, ALimitIsForEachRunAndAFailure) {
  const TempDir folder;
  const RunResult result =
      run_ioa(supervised({"--retry", "1", "--backoff", "0", "--timeout", "0.2"},
                         "echo run >>" + (folder / "runs") + "; sleep 10"));
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(line_count(folder.read("runs")), 2U);
  EXPECT_EQ(line_count(result.err), 2U);
}

TEST(RunChildSupervisionTest, WhatCannotBeStartedIsNotTriedAgain) {
  expect_failure(run_ioa({"run", "--restart", "always", "no-such-command"}), 127,
                 "no-such-command");
}

TEST(RunChildSupervisionTest, ASignalEndsIt) {
  Process process(
      ioa(supervised({"--restart", "always", "--backoff", "0"}, "echo up; exec sleep 30")));
  ASSERT_TRUE(process.wait_for_out("up\n"));
  process.signal(SIGTERM);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  EXPECT_EQ(result.out, "up\n");
}

TEST(RunChildSupervisionTest, ASignalEndsItInAPause) {
  Process process(ioa(supervised({"--restart", "always", "--backoff", "1h", "-v"}, "exit 1")));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  process.signal(SIGINT);
  EXPECT_EQ(process.wait().status, 128 + SIGINT);
}

TEST(RunChildSupervisionTest, AHangupIsThereToReadFilesAnew) {
  Process process(
      ioa(supervised({"--restart", "always", "--backoff", "0"},
                     "trap 'echo again; exit' HUP; echo up; while :; do sleep 0.01; done")));
  ASSERT_TRUE(process.wait_for_out("up\n"));
  process.signal(SIGHUP);
  ASSERT_TRUE(process.wait_for_out("up\nagain\nup\n"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().status, 128 + SIGTERM);
}

TEST(RunChildSupervisionTest, SocketsStayOverRestarts) {
  const RunResult result = run_ioa({"run", "--restart", "always", "--max-restarts", "2",
                                    "--backoff", "0", "--listen", "127.0.0.1:0", "python3", "-c",
                                    "import socket; print(socket.socket(fileno=3).getsockname())"});
  EXPECT_EQ(result.status, 0);
  ASSERT_EQ(line_count(result.out), 3U);
  const std::string line = result.out.substr(0, result.out.find('\n') + 1);
  EXPECT_EQ(result.out, line + line + line);
}

TEST(RunChildSupervisionTest, FilesGoOnAndInputBeginsAnew) {
  const TempDir folder;
  const RunResult result = run_ioa(supervised(
      {"--retry", "2", "--backoff", "0", "--stdin-text", "a", "--stdout", folder / "out"},
      "cat; exit 1"));
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(folder.read("out"), "aaa");
}

TEST(RunChildSupervisionTest, AnUnfinishedLineIsNotGoneOnWith) {
  expect_success(
      run_ioa(supervised(
          {"--restart", "always", "--max-restarts", "1", "--backoff", "0", "--tag=t"}, "printf x")),
      "t\tx\nt\tx");
}

}  // namespace
}  // namespace ioa::test
