#include <signal.h>
#include <unistd.h>

#include <cerrno>
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
std::vector<std::string> shell(std::vector<std::string> options, const std::string& script) {
  options.insert(options.begin(), "run-child");
  options.insert(options.end(), {"sh", "-c", script});
  return options;
}

/// Waits until the process whose number is in the file is gone; true if it ever was.
void expect_gone(const TempDir& folder, const std::string& file) {
  const pid_t pid = std::stoi("0" + folder.read(file));
  ASSERT_GT(pid, 1);
  wait_until([&] { return ::kill(pid, 0) != 0 && errno == ESRCH; }, "the end of " + file);
}

/// Whether the process whose number is in the file is gone by now.
void expect_gone_already(const TempDir& folder, const std::string& file) {
  const pid_t pid = std::stoi("0" + folder.read(file));
  ASSERT_GT(pid, 1);
  EXPECT_TRUE(::kill(pid, 0) != 0 && errno == ESRCH) << file;
}

TEST(RunChildLimitsTest, EndsTheWholeTreeAtOnce) {
  const RunResult result =
      run_shell("$IOA run-child --timeout 0.3 -- sh -c 'setsid sleep 5 & sleep 10' | cat");
  EXPECT_LT(result.duration, 1s);
  EXPECT_EQ(result.err, "ioa run-child: sh: timed out after 300ms\n");
}

TEST(RunChildLimitsTest, LeavesNothingRunning) {
  const TempDir folder;
  const std::string script = "cd " + folder.path().string() +
                             "; echo $$ >child; (setsid sh -c 'echo $$ >session; sleep 30' &); "
                             "(sh -c '(sh -c \"echo \\$\\$ >orphan; exec sleep 30\" &)' &); "
                             "while ! [ -s session ] || ! [ -s orphan ]; do :; done; sleep 30";
  const RunResult result = run_ioa(shell({"--timeout", "1"}, script));
  expect_failure(result, 124, "ioa run-child: sh: timed out after 1s\n");
  EXPECT_LT(result.duration, 3s);
  for (const char* file : {"child", "session", "orphan"}) expect_gone_already(folder, file);
}

TEST(RunChildLimitsTest, KillsWhatIgnoresTheSignal) {
  const RunResult result = run_ioa(shell({"--timeout", "0.2", "--kill-after", "0.3"},
                                         "trap '' TERM; while :; do sleep 1; done"));
  expect_failure(result, 124, "timed out after 200ms");
  EXPECT_GE(result.duration, 500ms);
  EXPECT_LT(result.duration, 2s);
}

TEST(RunChildLimitsTest, WaitsForWhatEndsInOrder) {
  // The child answers the signal with a status of its own; what counts is the limit.
  const RunResult result = run_ioa(
      shell({"--timeout", "0.2"}, "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done"));
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.out, "bye\n");
}

TEST(RunChildLimitsTest, SendsTheSignalThatIsAsked) {
  const std::string script = "trap 'echo int' INT; trap 'echo term' TERM; sleep 5 & wait; wait";
  const RunResult result = run_ioa(
      shell({"--timeout", "0.2", "--kill-signal", "SIGINT", "--kill-after", "0.2"}, script));
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.out, "int\n");
  EXPECT_EQ(
      run_ioa(shell({"--timeout", "0.2", "--kill-signal", "9"}, "trap '' TERM; sleep 5")).status,
      124);
}

TEST(RunChildLimitsTest, WakesWhatIsStoppedToSeeTheSignal) {
  const RunResult result = run_ioa(shell({"--timeout", "0.3", "--kill-after", "0"},
                                         "trap 'echo woken; exit' TERM; kill -STOP $$"));
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.out, "woken\n");
}

TEST(RunChildLimitsTest, AChildThatEndsBeforeIsNotTouched) {
  expect_success(run_ioa(shell({"--timeout", "10"}, "echo done")), "done\n");
  EXPECT_EQ(run_ioa(shell({"--timeout", "10"}, "exit 124")).status, 124);
  // What it leaves behind goes on, as it would without us.
  const TempDir folder;
  const RunResult result =
      run_ioa(shell({"--timeout", "10"},
                    "sleep 0.3 >/dev/null 2>&1 & echo $! >" + (folder / "pid") + "; exit 3"));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(::kill(std::stoi(folder.read("pid")), 0), 0);
}

TEST(RunChildLimitsTest, TheReportTellsALimitFromTheChildsOwnStatus) {
  const RunResult own = run_ioa(shell({"--timeout", "10", "--json"}, "exit 124"));
  EXPECT_EQ(own.status, 124);
  EXPECT_EQ(parse_json(own.out)["timed_out"], false);
  EXPECT_EQ(own.err, "");
  const RunResult limit = run_ioa(shell({"--timeout", "0.1", "--json"}, "sleep 5"));
  EXPECT_EQ(limit.status, 124);
  EXPECT_EQ(parse_json(limit.out)["timed_out"], true);
  EXPECT_EQ(parse_json(limit.out)["status"], 124);
}

TEST(RunChildLimitsTest, ZeroIsNoLimit) {
  expect_success(run_ioa(shell({"--timeout", "0", "--idle-timeout", "0"}, "sleep 0.05; echo x")),
                 "x\n");
}

TEST(RunChildLimitsTest, EndsWhatIsSilentForTooLong) {
  const RunResult result =
      run_ioa(shell({"--idle-timeout", "0.3"}, "echo a; sleep 0.1; echo b; sleep 30"));
  expect_failure(result, 124, "ioa run-child: sh: no output for 300ms\n");
  EXPECT_EQ(result.out, "a\nb\n");
  EXPECT_GE(result.duration, 400ms);
  EXPECT_LT(result.duration, 3s);
}

TEST(RunChildLimitsTest, OutputOnEitherSideIsNoSilence) {
  const RunResult result = run_ioa(
      shell({"--idle-timeout", "0.5"},
            "for i in 1 2 3 4 5 6 7 8; do sleep 0.1; echo $i; sleep 0.1; echo $i >&2; done"));
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.out), 8U);
  EXPECT_EQ(line_count(result.err), 8U);
}

TEST(RunChildLimitsTest, ASlowReaderIsNoSilence) {
  // Far more than pipes hold: the child waits for the reader, not the other way round.
  const RunResult result = run_shell(
      "{ $IOA run-child --idle-timeout 0.3 head -c 1000000 /dev/zero; echo $? >&2; } | "
      "{ sleep 1; wc -c; }");
  EXPECT_EQ(result.out, "1000000\n");
  EXPECT_EQ(result.err, "0\n");
}

TEST(RunChildLimitsTest, AReaderThatIsStuckDoesNotOutliveTheLimit) {
  const RunResult result = run_shell(
      "{ $IOA run-child --timeout 0.3 --kill-after 0.2 --tag=x yes; echo $? >&2; } | sleep 2");
  EXPECT_NE(result.err.find("could not be delivered\n124\n"), std::string::npos) << result.err;
  EXPECT_LT(result.duration, 3s);
}

TEST(RunChildLimitsTest, IfItIsKilledItsChildIsKilledWithIt) {
  const TempDir folder;
  Process process(ioa(shell({}, "echo $$ >" + (folder / "pid") + "; echo up; exec sleep 30")));
  ASSERT_TRUE(process.wait_for_out("up"));
  process.signal(SIGKILL);
  expect_gone(folder, "pid");
  EXPECT_EQ(process.wait().status, 128 + SIGKILL);
}

/// What a child with a grandchild in its own session says of their numbers.
std::string family(const TempDir& folder) {
  return "cd " + folder.path().string() +
         "; echo $$ >child; echo $PPID >parent; setsid sh -c 'echo $$ >grandchild; exec sleep 30' "
         "& "
         "while ! [ -s grandchild ]; do :; done; echo up; sleep 30";
}

TEST(RunChildGuardTest, EndsEverythingIfItIsKilled) {
  const TempDir folder;
  Process process(ioa(shell({"--guard"}, family(folder))));
  ASSERT_TRUE(process.wait_for_out("up"));
  EXPECT_NE(std::to_string(process.pid()) + "\n", folder.read("parent"));
  process.signal(SIGKILL);
  for (const char* file : {"child", "grandchild", "parent"}) expect_gone(folder, file);
}

TEST(RunChildGuardTest, EndsEverythingIfTheOtherOneIsKilled) {
  const TempDir folder;
  Process process(ioa(shell({"--guard"}, family(folder))));
  ASSERT_TRUE(process.wait_for_out("up"));
  ASSERT_EQ(::kill(std::stoi(folder.read("parent")), SIGKILL), 0);
  EXPECT_EQ(process.wait().status, 128 + SIGKILL);
  for (const char* file : {"child", "grandchild"}) expect_gone_already(folder, file);
}

TEST(RunChildGuardTest, IsNotNoticedOtherwise) {
  expect_success(run_ioa({"run", "--guard", "cat"}, "x"), "x");
  EXPECT_EQ(run_ioa(shell({"--guard"}, "exit 7")).status, 7);
  EXPECT_EQ(run_ioa(shell({"--guard"}, "kill -9 $$")).status, 128 + SIGKILL);
  EXPECT_EQ(run_ioa(shell({"--guard", "--timeout", "0.2"}, "sleep 5")).status, 124);
  EXPECT_EQ(run_ioa({"run", "--guard", "no-such-command"}).status, 127);
  Process process(ioa(
      shell({"--guard"}, "trap 'echo term; exit 3' TERM; echo up; while :; do sleep 0.01; done")));
  ASSERT_TRUE(process.wait_for_out("up"));
  process.signal(SIGTERM);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "up\nterm\n");
}

}  // namespace
}  // namespace ioa::test
