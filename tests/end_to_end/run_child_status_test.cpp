#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

/// `run-child OPTIONS... sh -c SCRIPT`
std::vector<std::string> shell(const std::string& script, std::vector<std::string> options = {}) {
  options.insert(options.begin(), "run-child");
  options.insert(options.end(), {"--", "sh", "-c", script});
  return options;
}

TEST(RunChildStatusTest, PassesEveryExitStatusOn) {
  for (int first = 0; first < 256; first += 64) {
    const RunResult result =
        run_shell("i=" + std::to_string(first) + "; while [ $i -lt " + std::to_string(first + 64) +
                  " ]; do $IOA run-child sh -c \"exit $i\"; s=$?; "
                  "[ $s = $i ] || echo $i gave $s; i=$((i + 1)); done");
    expect_success(result, "");
  }
}

TEST(RunChildStatusTest, EndsWith128AndTheSignalThatKilledTheChild) {
  // Those that stop or are ignored by default kill nobody.
  const RunResult result = run_shell(
      "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31; do "
      "(ulimit -c 0; $IOA run-child sh -c \"kill -$i \\$\\$\"); "
      "s=$?; [ $s = $((128 + i)) ] || echo $i gave $s; done");
  expect_success(result, "");
}

TEST(RunChildStatusTest, RunIsAnotherNameForIt) {
  EXPECT_EQ(run_ioa({"run", "sh", "-c", "exit 5"}).status, 5);
}

TEST(RunChildStatusTest, ItsOwnOptionsEndAtTheCommand) {
  expect_success(run_ioa({"run-child", "echo", "--timeout", "-v", "--", "x"}),
                 "--timeout -v -- x\n");
  expect_success(run_ioa({"run-child", "--", "echo", "--", "x"}), "-- x\n");
  expect_success(run_ioa({"run-child", "--timeout=5", "echo", "x", "--help"}), "x --help\n");
}

TEST(RunChildStatusTest, SaysThatACommandWasNotFound) {
  expect_failure(run_ioa({"run-child", "no-such-command"}), 127,
                 "ioa run-child: no-such-command: No such file or directory (ENOENT)");
  expect_failure(run_ioa({"run-child", "/no/such/command"}), 127, "/no/such/command");
  EXPECT_EQ(run_ioa({"run-child", ""}).status, 127);
}

TEST(RunChildStatusTest, SaysThatACommandCannotBeExecuted) {
  expect_failure(run_ioa({"run-child", "/etc/passwd"}), 126,
                 "ioa run-child: /etc/passwd: Permission denied (EACCES)");
  EXPECT_EQ(run_ioa({"run-child", "/tmp"}).status, 126);
}

TEST(RunChildStatusTest, RunsAScriptWithoutAFirstLineAsExecvpDoes) {
  const TempDir folder;
  const std::string path = folder.write("script", "echo \"$0 $1\"\n");
  ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  expect_success(run_ioa({"run-child", path, "a"}), path + " a\n");
}

TEST(RunChildStatusTest, RunsInLittleTimeWithoutAWord) {
  const RunResult result = run_ioa({"run-child", "true"});
  expect_success(result, "");
}

TEST(RunChildStatusTest, TheChildHasWhatWeHave) {
  expect_success(run_ioa({"run-child", "cat"}, "some bytes"), "some bytes");
  const RunResult result = run_ioa(shell("echo out; echo err >&2"));
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  // The very same files, a descriptor that somebody has passed, and nothing of ours.
  expect_success(run_shell("exec 3<&- 4<&- 5<&- 6<&-; "
                           "$IOA run-child sh -c '[ /dev/fd/0 -ef /etc/passwd ] && "
                           "[ /dev/fd/7 -ef /etc/group ] && cd /proc/$$/fd && ls [3-6] 7' "
                           "</etc/passwd 7</etc/group 2>/dev/null; true"),
                 "7\n");
}

TEST(RunChildStatusTest, WhatIsClosedStaysClosed) {
  expect_success(run_shell("$IOA run-child sh -c '[ -e /proc/self/fd/0 ] || echo none' <&-"),
                 "none\n");
  expect_success(run_shell("$IOA run-child sh -c '[ -e /proc/$$/fd/1 ] || echo none >&2' 2>&1 >&-"),
                 "none\n");
}

TEST(RunChildStatusTest, IgnoredSignalsStayIgnored) {
  // SigIgn of proc(5): nothing of ours, and what nohup(1) and the shell have set.
  const std::string look = "grep SigIgn /proc/self/status | cut -f 2";
  expect_success(run_shell("$IOA run-child " + look.substr(0, look.find('|'))),
                 "SigIgn:\t0000000000000000\n");
  expect_success(run_shell("env --ignore-signal=HUP,PIPE,CHLD $IOA run-child grep SigIgn "
                           "/proc/self/status"),
                 "SigIgn:\t0000000000011001\n");
  expect_success(run_ioa({"run-child", "grep", "SigBlk", "/proc/self/status"}),
                 "SigBlk:\t0000000000000000\n");
}

TEST(RunChildStatusTest, ASigchldThatIsIgnoredTakesNoStatusAway) {
  expect_success(run_shell("env --ignore-signal=CHLD $IOA run-child sh -c 'exit 3'; echo $?"),
                 "3\n");
}

TEST(RunChildStatusTest, RefusesWhatMakesNoSenseBeforeAnythingRuns) {
  const TempDir folder;
  const std::string trace = folder / "trace";
  const std::vector<std::vector<std::string>> bad = {
      {"--kill-signal", "NOSUCH"},
      {"--kill-signal", "0"},
      {"--kill-signal", "65"},
      {"--timeout", "x"},
      {"--timeout", "-1"},
      {"--idle-timeout", "1x"},
      {"--kill-after", ""},
      {"--rlimit", "nofile"},
      {"--rlimit", "nosuch=1"},
      {"--rlimit", "nofile=many"},
      {"--rlimit", "nofile=9:8"},
      {"--user", "no-such-user"},
      {"--group", "no-such-group"},
      {"--umask", "8"},
      {"--umask", "7777"},
      {"--nice", "20"},
      {"--nice", "x"},
      {"--env", "NOVALUE"},
      {"--env", "=x"},
      {"--unset", "A=B"},
      {"--fd", "3"},
      {"--fd", "x=/dev/null"},
      {"--fd", "1=/dev/null"},
      {"--listen", "nonsense::x"},
      {"--listen", "exec:cat"},
      {"--restart", "sometimes"},
      {"--retry", "-1"},
      {"--retry", "1", "--restart", "always"},
      {"--max-restarts", "1"},
      {"--success-status", "256"},
      {"--success-status", "a"},
      {"--capture"},
      {"--capture", "--json", "--tag"},
      {"--stdin", "x", "--stdin-text", "y"},
      {"--no-such-option"},
      {"-s", "INT"},
      {"--tag="},
  };
  for (const std::vector<std::string>& options : bad) {
    std::vector<std::string> arguments = shell("echo >" + trace, options);
    const RunResult result = run_ioa(arguments);
    SCOPED_TRACE(options.front() + ' ' + options.back());
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_EQ(result.err.rfind("ioa run-child: " + options.front(), 0), 0U) << result.err;
    EXPECT_NE(::access(trace.c_str(), F_OK), 0);
  }
  expect_failure(run_ioa({"run-child"}), 2, "expected a command to run");
  expect_failure(run_ioa({"run-child", "--timeout", "5", "--"}), 2, "expected a command to run");
}

TEST(RunChildStatusTest, EndsWith125WhereItCannotSetTheChildUp) {
  const TempDir folder;
  const std::string trace = folder / "trace";
  const std::vector<std::vector<std::string>> bad = {
      {"--chdir", "/no/such/folder"},   {"--stdin", "/no/such/file"}, {"--stdout", "/no/such/file"},
      {"--stderr", "/no/such/file"},    {"--fd", "5=/no/such/file"},  {"--fd", "5=</no/such/file"},
      {"--rlimit", "nofile=unlimited"},
  };
  for (const std::vector<std::string>& options : bad) {
    const RunResult result = run_ioa(shell("echo >" + trace, options));
    SCOPED_TRACE(options.back());
    EXPECT_EQ(result.status, 125);
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_NE(::access(trace.c_str(), F_OK), 0);
  }
}

TEST(RunChildStatusTest, HelpSaysWhatItTakes) {
  const RunResult result = run_ioa({"run", "--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.rfind("usage: ioa run-child [OPTIONS] [--] CMD [ARG...]\n", 0), 0U);
  EXPECT_EQ(run_ioa({"help", "run"}).out, result.out);
}

TEST(RunChildStatusTest, AsTheFirstProcessOfAContainerItReapsOrphansAndHearsSignals) {
  const TempDir folder;
  const std::string path =
      folder.write("script",
                   "for i in 1 2 3; do (sh -c 'sleep 0.01 &' &); done\n"
                   "until [ -z \"$(ps -o comm= --ppid 1 | grep sleep)\" ]; do sleep 0.01; done\n"
                   "echo reaped\n"
                   "trap 'exit 7' TERM\n"
                   "kill -TERM 1\n"
                   "while :; do sleep 0.01; done\n");
  const RunResult result =
      run_in_private_network("127.0.0.1 localhost", "exec $IOA run-child sh " + path);
  EXPECT_EQ(result.status, 7) << result.err;
  EXPECT_EQ(result.out, "reaped\n");
}

TEST(RunChildStatusTest, RunsOnEveryLoop) {
  for (const std::string loop : {"epoll", "poll", "select"})
    expect_success(run_ioa({"run", "--loop", loop, "--tag=x", "--timeout", "10", "echo", "hi"}),
                   "x\thi\n");
}

}  // namespace
}  // namespace ioa::test
