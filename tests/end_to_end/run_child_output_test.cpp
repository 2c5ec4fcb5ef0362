#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/json.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// `run-child OPTIONS... sh -c SCRIPT`
std::vector<std::string> shell_job(std::vector<std::string> options, const std::string& script) {
  options.insert(options.begin(), "run-child");
  options.insert(options.end(), {"sh", "-c", script});
  return options;
}

TEST(RunChildOutputTest, BeginsEachLineWithATag) {
  const RunResult result = run_ioa(shell_job({"--tag=web"}, "echo a; echo; echo b; echo err >&2"));
  EXPECT_EQ(result.out, "web\ta\nweb\t\nweb\tb\n");
  EXPECT_EQ(result.err, "web\terr\n");
  expect_success(run_ioa({"run", "--tag", "/bin/echo", "x"}), "echo\tx\n");
}

TEST(RunChildOutputTest, LosesNoByteOfAnyLine) {
  expect_success(run_ioa(shell_job({"--tag=t"}, "printf 'a\\nno end'")), "t\ta\nt\tno end");
  expect_success(run_ioa(shell_job({"--tag=t"}, ":")), "");
  // A line that comes in pieces has one tag.
  expect_success(run_ioa(shell_job({"--tag=t"}, "printf a; sleep 0.1; printf 'b\\nc'")),
                 "t\tab\nt\tc");
  const RunResult result = run_shell(
      "seq 1 200000 | $IOA run-child --tag=t cat | sed 's/^t\\t//' | "
      "cmp - /dev/fd/3 3<<END && echo same\n$(seq 1 200000)\nEND");
  expect_success(result, "same\n");
}

TEST(RunChildOutputTest, PassesAFloodOnInBoundedMemory) {
  const RunResult result =
      run_shell("$IOA run-child --idle-timeout 60 head -c 64M /dev/zero | wc -c");
  expect_success(result, "67108864\n");
  Process process({ioa_binary(), "run", "--tag=x", "yes"});
  ASSERT_TRUE(process.wait_for_out("x\ty"));
  EXPECT_LT(process.peak_memory_kib(), (is_release_build() ? 16 : 256) << 10);
  process.stop_reading_output();
  EXPECT_EQ(process.wait().status, 128 + SIGPIPE);
}

TEST(RunChildOutputTest, BeginsEachLineWithTheTime) {
  const RunResult result = run_ioa(shell_job({"--timestamps", "--tag=x"}, "echo a; echo b"));
  const std::string line(
      "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\tx\ta\n"
      "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\tx\tb\n");
  EXPECT_TRUE(matches(result.out, line)) << result.out;
}

TEST(RunChildOutputTest, KeepsTheOrderOfBothWhereTheyGoToOnePlace) {
  std::string script;
  std::string wanted;
  for (int i = 0; i < 200; ++i) {
    const std::string number = std::to_string(i);
    script += i % 2 == 0 ? "echo " + number + ";" : "echo " + number + " >&2;";
    wanted += "t\t" + number + "\n";
  }
  expect_success(run_shell("$IOA run --tag=t sh -c '" + script + "' 2>&1"), wanted);
}

TEST(RunChildOutputTest, WaitsForWhatTheChildLeavesBehindToWrite) {
  expect_success(run_ioa(shell_job({"--tag=t"}, "(sleep 0.2; echo late) & echo now")),
                 "t\tnow\nt\tlate\n");
}

TEST(RunChildOutputTest, AReaderThatLeavesEndsItQuietly) {
  const RunResult result = run_shell(
      "{ $IOA run --tag=t sh -c 'echo 1; echo 2; sleep 0.1; echo 3; sleep 30'; "
      "echo $? >&2; } | head -n 1");
  EXPECT_EQ(result.out, "t\t1\n");
  EXPECT_EQ(result.err, "141\n");
  EXPECT_LT(result.duration, 5s);
  EXPECT_EQ(run_shell("{ $IOA run yes; echo $? >&2; } | head -n 1").err, "141\n");
}

TEST(RunChildOutputTest, ADiskThatIsFullIsAnError) {
  const auto to_full = [](std::vector<std::string> arguments) {
    Process::Stdio stdio;
    stdio.out = open_to_write("/dev/full");
    return run_ioa_with(std::move(stdio), std::move(arguments));
  };
  const std::string line =
      "ioa run-child: write standard output: No space left on device (ENOSPC)\n";
  expect_failure(to_full({"run", "--tag=t", "echo", "x"}), 1, line);
  expect_failure(to_full({"run", "--tag=t", "yes"}), 1, line);
  expect_failure(to_full({"run", "--json", "true"}), 1, line);
  expect_failure(to_full({"run", "--json", "--capture", "true"}), 1, line);
  // Without us in between it is the child's affair.
  EXPECT_EQ(to_full({"run", "/bin/echo", "x"}).err,
            "/bin/echo: write error: No space left on device\n");
}

TEST(RunChildReportTest, SaysInTextHowItWent) {
  const RunResult result = run_ioa(shell_job({"--report"}, "echo x; exit 3"));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "x\n");
  const std::string line(
      "ioa run-child: sh: exited with status 3 after [0-9.]+m?s "
      "\\(user [0-9.]+m?s, system [0-9.]+m?s, [0-9.]+ MiB\\)\n");
  EXPECT_TRUE(matches(result.err, line)) << result.err;
  EXPECT_NE(
      run_ioa(shell_job({"--report"}, "kill -TERM $$")).err.find("sh: killed by SIGTERM after"),
      std::string::npos);
}

TEST(RunChildReportTest, SaysItInJson) {
  const RunResult result = run_ioa(shell_job({"--json"}, "echo x; exit 3"));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
  ASSERT_EQ(result.out.rfind("x\n", 0), 0U);
  const json object = parse_json(result.out.substr(2));
  EXPECT_EQ(object["command"], json({"sh", "-c", "echo x; exit 3"}));
  EXPECT_GT(object["pid"], 1);
  EXPECT_EQ(object["status"], 3);
  EXPECT_EQ(object["signal"], nullptr);
  EXPECT_EQ(object["timed_out"], false);
  EXPECT_EQ(object["attempts"], 1);
  for (const char* name : {"wall_s", "user_s", "system_s", "max_rss_kb"})
    EXPECT_TRUE(object[name].is_number()) << name;
  EXPECT_GT(object["max_rss_kb"], 100);
  EXPECT_FALSE(object.contains("stdout"));
}

TEST(RunChildReportTest, CountsWhatItUses) {
  const RunResult result = run_ioa(
      shell_job({"--json"}, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 0.2"));
  const json object = parse_json(result.out);
  EXPECT_GE(object["wall_s"], 0.2);
  EXPECT_GT(object["user_s"].get<double>() + object["system_s"].get<double>(), 0.01);
}

TEST(RunChildReportTest, NamesTheSignal) {
  const json object = parse_json(run_ioa(shell_job({"--json"}, "kill -TERM $$")).out);
  EXPECT_EQ(object["signal"], 15);
  EXPECT_EQ(object["status"], 143);
}

TEST(RunChildReportTest, IsALineOfItsOwnBehindAnUnfinishedOne) {
  const RunResult result = run_ioa({"run", "--json", "printf", "no end"});
  ASSERT_EQ(result.out.rfind("no end\n{", 0), 0U) << result.out;
  EXPECT_EQ(line_count(result.out), 2U);
}

TEST(RunChildReportTest, IsTheLastLineAlsoOnATerminal) {
  Terminal terminal;
  Process::Stdio stdio;
  stdio.out = copy_of(terminal.slave);
  Process process(ioa({"run", "--json", "sh", "-c", "test -t 1 && echo terminal"}),
                  std::move(stdio));
  EXPECT_EQ(process.wait().status, 0);
  terminal.slave.reset();
  const std::string out = read_to_end(terminal.master.get());
  EXPECT_EQ(out.rfind("terminal\n{\"command\":", 0), 0U) << out;
}

TEST(RunChildReportTest, HasTheOutputIfThatIsAsked) {
  const RunResult result =
      run_ioa(shell_job({"--json", "--capture"}, "echo out; printf 'err\\377' >&2; exit 2"));
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(line_count(result.out), 1U);
  const json object = parse_json(result.out);
  EXPECT_EQ(object["stdout"], "out\n");
  EXPECT_EQ(object["stderr"], "err\uFFFD");
  EXPECT_EQ(object["stdout_truncated"], false);
}

TEST(RunChildReportTest, KeepsABoundedPartOfTheOutput) {
  const json object = parse_json(
      run_ioa({"run", "--json", "--capture=1K", "head", "-c", "1000000", "/dev/zero"}).out);
  EXPECT_EQ(object["stdout"].get<std::string>().size(), 1024U);
  EXPECT_EQ(object["stdout_truncated"], true);
  EXPECT_EQ(object["status"], 0);  // the child has not noticed
}

TEST(RunChildReportTest, TellsOfACommandThatCouldNotBeStarted) {
  const RunResult result = run_ioa({"run", "--json", "no-such-command"});
  EXPECT_EQ(result.status, 127);
  const json object = parse_json(result.out);
  EXPECT_EQ(object["pid"], nullptr);
  EXPECT_EQ(object["status"], 127);
  EXPECT_EQ(object["error"], "No such file or directory (ENOENT)");
}

TEST(RunChildEventsTest, WritesThemAsJsonLines) {
  const TempDir folder;
  const std::string path = folder / "events";
  EXPECT_EQ(run_ioa(shell_job({"--events", path}, "exit 3")).status, 3);
  const std::string text = folder.read("events");
  ASSERT_EQ(line_count(text), 3U) << text;
  const std::size_t second = text.find('\n') + 1;
  const std::size_t third = text.find('\n', second) + 1;
  const json started = parse_json(text.substr(0, second));
  EXPECT_EQ(started["event"], "child.started");
  EXPECT_EQ(started["command"][0], "sh");
  const json exited = parse_json(text.substr(second, third - second));
  EXPECT_EQ(exited["event"], "child.exited");
  EXPECT_EQ(exited["pid"], started["pid"]);
  EXPECT_EQ(exited["status"], 3);
  const json end = parse_json(text.substr(third));
  EXPECT_EQ(end["event"], "exit");
  EXPECT_EQ(end["status"], 3);
}

TEST(RunChildEventsTest, TheChildDoesNotGetTheirDescriptor) {
  expect_success(
      run_shell("$IOA run --events 3 sh -c '[ -e /proc/$$/fd/3 ] || echo none' 3>/dev/null"),
      "none\n");
}

}  // namespace
}  // namespace ioa::test
