#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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
using nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// `run-child --from - OPTIONS...`
std::vector<std::string> many(const std::vector<std::string>& options) {
  std::vector<std::string> arguments{"run-child", "--from", "-"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return arguments;
}

/// The same, with `sh -c SCRIPT sh {}` behind it: `$1` is the line.
std::vector<std::string> many_shells(std::vector<std::string> options, const std::string& script) {
  options.insert(options.end(), {"--", "sh", "-c", script, "sh", "{}"});
  return many(options);
}

TEST(RunChildManyTest, RunsTheCommandOnceALine) {
  expect_success(run_ioa(many({"echo", "<{}>", "{n}"}), "a b\n\n$(id)'\nlast"),
                 "<a b> 1\n<> 2\n<$(id)'> 3\n<last> 4\n");
  expect_success(run_ioa(many({"echo", "{}"}), ""), "");
}

TEST(RunChildManyTest, WithoutACommandTheLineIsOneForTheShell) {
  expect_success(run_ioa(many({}), "echo a$((1+1))\n\necho b; echo {}\n"), "a2\nb\n{}\n");
  expect_success(run_ioa(many({"--"}), "printf '%s' x\n"), "x");
}

TEST(RunChildManyTest, ACommandWithoutAPlaceForTheLineIsAMistake) {
  expect_failure(run_ioa(many({"true"}), "a\n"), 2, "expected {} (the line) or {n} (its number)");
}

TEST(RunChildManyTest, ReadsLinesFromAFile) {
  const TempDir folder;
  const std::string path = folder.write("lines", "a\nb\n");
  expect_success(run_ioa({"run", "--from", path, "echo", "{}"}, "not this\n"), "a\nb\n");
  expect_failure(run_ioa({"run", "--from", path + "x", "echo", "{}"}), 125, "No such file");
}

TEST(RunChildManyTest, ANulMayEndALine) {
  expect_success(run_ioa(many({"-0", "printf", "[%s]", "{}"}), std::string("a\nb\0c", 5)),
                 "[a\nb][c]");
}

TEST(RunChildManyTest, ALineThatCannotBeAnArgumentFailsAlone) {
  const std::string input =
      "a\n" + std::string(200'000, 'x') + "\n" + std::string("b\0c\n", 4) + "d";
  const RunResult result = run_ioa(many({"echo", "{n}{}"}), input);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "1a\n4d\n");
  EXPECT_EQ(result.err,
            "ioa run-child: line 2: it is longer than an argument can be (128K)\n"
            "ioa run-child: line 3: it contains a NUL byte\n");
}

TEST(RunChildManyTest, ALineThatMakesTheCommandTooLongFailsAlone) {
  // Each would be an argument: the word that it is a part of, and the command, would not.
  const std::string long_line(100'000, 'x');
  RunResult result =
      run_ioa(many({"--json", "echo", "{}{}"}), "a\n" + long_line + "\nb\n" + long_line + "\nc");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err,
            "ioa run-child: line 2: Argument list too long (E2BIG)\n"
            "ioa run-child: line 4: Argument list too long (E2BIG)\n");
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 8U);
  for (const auto& [line, text] : {std::pair(0, "aa"), std::pair(3, "bb"), std::pair(6, "cc")})
    EXPECT_EQ(lines[static_cast<std::size_t>(line)], text);
  EXPECT_EQ(json::parse(lines[5])["error"], "Argument list too long (E2BIG)");
  result = run_ioa(many({"--halt", "soon", "-j1", "echo", "{}{}"}), long_line + "\nb\n");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "");
}

TEST(RunChildManyTest, EachLineHasItsObjectThoughItCannotBeAnArgument) {
  const std::string input =
      "a\n" + std::string(200'000, 'x') + "\n" + std::string("b\0c\n", 4) + "d";
  const RunResult result = run_ioa(many({"--json", "--report", "echo", "{}"}), input);
  EXPECT_EQ(result.status, 1);
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 6U);
  const json too_long = json::parse(lines[2]);
  EXPECT_EQ(too_long["n"], 2);
  EXPECT_EQ(too_long["pid"], nullptr);
  EXPECT_EQ(too_long["status"], 126);
  EXPECT_EQ(too_long["command"], json({"echo", "{}"}));
  EXPECT_EQ(too_long["error"], "it is longer than an argument can be (128K)");
  const json with_nul = json::parse(lines[3]);
  EXPECT_EQ(with_nul["line"], std::string("b\0c", 3));
  EXPECT_EQ(with_nul["error"], "it contains a NUL byte");
  EXPECT_EQ(json::parse(lines[5])["n"], 4);
  EXPECT_NE(result.err.find("b\\0c: not started\n"), std::string::npos) << result.err;
}

TEST(RunChildManyTest, KeepsOutputsWholeAndInTheOrderOfTheLines) {
  // The later ones end first.
  const std::string script =
      "sleep 0.$((6 - $1)); echo a$1; echo e$1 >&2; sleep 0.05; echo b$1; echo f$1 >&2";
  const RunResult result = run_ioa(many_shells({"-j4"}, script), "1\n2\n3\n4\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "a1\nb1\na2\nb2\na3\nb3\na4\nb4\n");
  EXPECT_EQ(result.err, "e1\nf1\ne2\nf2\ne3\nf3\ne4\nf4\n");
}

TEST(RunChildManyTest, WhoseTurnItIsWritesAtOnce) {
  Process process(ioa(many_shells({"-j2"}, "echo first; sleep 20; echo $1")));
  process.write("1\n");
  EXPECT_TRUE(process.wait_for_out("first\n"));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait().status, 128 + SIGTERM);
}

TEST(RunChildManyTest, UnorderedIsWholeAsTheyEnd) {
  const std::string script = "echo a$1; sleep 0.$1; echo b$1";
  const RunResult result = run_ioa(many_shells({"-j3", "--unordered"}, script), "9\n1\n5\n");
  expect_success(result, "a1\nb1\na5\nb5\na9\nb9\n");
}

TEST(RunChildManyTest, InterleavedAreTheLinesAsTheyCome) {
  const std::string script = "printf a$1; sleep 0.$1; printf 'b\\nc'; sleep 0.6; printf $1";
  const RunResult result = run_ioa(many_shells({"-j3", "--interleave"}, script), "3\n1\n2\n");
  expect_success(result, "a1b\na2b\na3b\nc1\nc2\nc3\n");
}

TEST(RunChildManyTest, KeepsTheOrderOfBothWhereTheyGoToOnePlace) {
  const RunResult result =
      run_shell("seq 3 | $IOA run --from - -- sh -c 'echo a$1; echo b$1 >&2; echo c$1' sh {} 2>&1");
  expect_success(result, "a1\nb1\nc1\na2\nb2\nc2\na3\nb3\nc3\n");
}

/// 8 jobs write so many lines in all, of both streams, some of them in pieces.
void expect_nothing_lost(const std::string& option, bool keeps_order) {
  const int each = wants_long_tests() ? 6'250 : 500;
  const std::string script =
      "i=0; while [ $i -lt " + std::to_string(each) +
      " ]; do printf \"$1-\"; printf \"$i-abcdefghijklmnopqrstuvwxyz\\n\"; i=$((i+1)); done";
  const RunResult result = run_ioa(many_shells({"-j8", option}, script),
                                   "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n");
  std::vector<std::string> wanted;
  for (int job = 1; job <= 16; ++job)
    for (int i = 0; i < each; ++i)
      wanted.push_back(std::to_string(job) + "-" + std::to_string(i) +
                       "-abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(keeps_order ? lines_of(result.out) == wanted
                          : sorted(lines_of(result.out)) == sorted(wanted))
      << option;
}

TEST(RunChildManyTest, LosesAndMixesNothing) {
  expect_nothing_lost("--halt=never", true);
  expect_nothing_lost("--unordered", false);
  expect_nothing_lost("--interleave", false);
}

TEST(RunChildManyTest, ManyShortOnesStayInOrder) {
  const std::string count = wants_long_tests() ? "100000" : "400";
  const RunResult result = run_shell("seq " + count +
                                     " | $IOA run --from - -j8 echo {} | cmp - "
                                     "/dev/fd/3 3<<END && echo same\n$(seq " +
                                     count + ")\nEND");
  expect_success(result, "same\n");
}

TEST(RunChildManyTest, MemoryIsBoundedWhileTheFirstOneIsSlow) {
  Process process(ioa(many_shells(
      {"-j2"}, "[ $1 = 1 ] && { sleep 1.5; echo one; } || head -c 24M /dev/zero | tr '\\0' x")));
  process.write("1\n2\n3\n4\n");
  process.close_stdin();
  EXPECT_TRUE(process.wait_for_out("one\n"));
  if (is_release_build()) {
    EXPECT_LT(process.peak_memory_kib(), 16 << 10);
  }
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "one\n" + std::string(std::size_t{72} << 20, 'x'));
}

TEST(RunChildManyTest, WithoutADiskTheOthersWaitAndNothingIsLost) {
  const std::string script = "head -c 600K /dev/zero | tr '\\0' $1";
  for (const char* option : {"--halt=never", "--unordered"}) {
    const RunResult result =
        run_ioa(many_shells({"-j3", option}, "[ $1 = a ] && sleep 0.3; " + script), "a\nb\nc\n",
                {"TMPDIR=/proc/self"});
    EXPECT_EQ(result.status, 0);
    const std::size_t size = 600 << 10;
    EXPECT_EQ(result.out.size(), 3 * size);
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string part = result.out.substr(i * size, size);
      EXPECT_EQ(part, std::string(size, part.front())) << option;
    }
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_NE(result.err.find("temporary file"), std::string::npos) << result.err;
  }
}

TEST(RunChildManyTest, TellsOneStatusForAll) {
  EXPECT_EQ(run_ioa(many({"-j2"}), "true\nexit 0\n").status, 0);
  EXPECT_EQ(run_ioa(many({"-j2"}), "true\nexit 7\ntrue\n").status, 1);
  EXPECT_EQ(run_ioa(many({}), "kill -9 $$\n").status, 1);
  EXPECT_EQ(run_ioa(many({"--success-status", "3-5"}), "exit 3\nexit 5\n").status, 0);
  EXPECT_EQ(run_ioa(many({"--timeout", "0.1"}), "sleep 5\n").status, 1);
}

TEST(RunChildManyTest, AProgramThatCannotBeRunIsTriedOnce) {
  expect_failure(run_ioa(many({"-j3", "./nosuch", "{}"}), "1\n2\n3\n4\n"), 127,
                 "ioa run-child: ./nosuch: No such file or directory (ENOENT)\n");
  expect_failure(run_ioa(many({"/etc/passwd", "{}"}), "1\n2\n"), 126, "Permission denied");
  // Another line may be another program.
  const RunResult result = run_ioa(many({"-j1", "{}"}), "false\n/nosuch\ntrue\n/bin/pwd\n");
  EXPECT_EQ(result.status, 127);
  EXPECT_EQ(line_count(result.out), 1U);
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(RunChildManyTest, HaltSoonStartsNoMore) {
  const RunResult result =
      run_ioa(many_shells({"-j2", "--halt", "soon"}, "[ $1 = 1 ] && exit 1; sleep 0.3; echo $1"),
              "1\n2\n3\n4\n");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "2\n");
}

TEST(RunChildManyTest, HaltNowEndsTheOthersAndWhatTheyHaveStarted) {
  const TempDir folder;
  const std::string script =
      "cd " + folder.path().string() +
      "; if [ $1 = 1 ]; then while ! [ -s pid ]; do :; done; exit 1; fi; "
      "(setsid sh -c 'echo $$ >new; mv new pid; exec sleep 30' &); echo kept; sleep 20";
  const RunResult result = run_ioa(many_shells({"-j2", "--halt", "now"}, script), "1\n2\n3\n");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "kept\n");
  EXPECT_LT(result.duration, 10s);
  const pid_t pid = std::stoi("0" + folder.read("pid"));
  ASSERT_GT(pid, 1);
  wait_until([&] { return ::kill(pid, 0) != 0 && errno == ESRCH; }, "its end");
}

TEST(RunChildManyTest, ALimitEndsThatOneAndItsOrphansOnly) {
  const TempDir folder;
  const std::string script =
      "cd " + folder.path().string() +
      "; (setsid sh -c 'echo $$ >pid$0; exec sleep 30' $1 &) >/dev/null 2>&1; "
      "while ! [ -s pid$1 ]; do :; done; [ $1 = 2 ] || sleep 20; echo done";
  const RunResult result =
      run_ioa(many_shells({"-j2", "--timeout", "1"}, script + " >&2"), "1\n2\n");
  const auto pid = [&](const char* file) { return std::stoi("0" + folder.read(file)); };
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "ioa run-child: 1: timed out after 1s\ndone\n");
  ASSERT_GT(pid("pid1"), 1);
  ASSERT_GT(pid("pid2"), 1);
  EXPECT_TRUE(::kill(pid("pid1"), 0) != 0 && errno == ESRCH);
  EXPECT_EQ(::kill(pid("pid2"), SIGKILL), 0);
}

TEST(RunChildManyTest, EachIsTriedAgain) {
  const TempDir folder;
  const std::string script = "cd " + folder.path().string() + "; echo x >>$1; [ $(wc -l <$1) = 3 ]";
  const RunResult result =
      run_ioa(many_shells({"-j3", "--retry", "2", "--backoff", "0.01"}, script), "a\nb\nc\n");
  EXPECT_EQ(result.status, 0);
  for (const char* file : {"a", "b", "c"}) EXPECT_EQ(folder.read(file), "x\nx\nx\n");
}

TEST(RunChildManyTest, EventsTellOfEachTry) {
  const TempDir folder;
  const std::string path = folder / "events";
  run_ioa(many_shells({"--retry", "1", "--backoff", "5ms", "--events", path}, "exit $1"), "3\n");
  std::string names;
  for (const std::string& line : lines_of(folder.read("events"))) {
    const json event = json::parse(line);
    names += event["event"].get<std::string>() + "\n";
    if (event["event"] != "retry") continue;
    EXPECT_EQ(event["n"], 1);
    EXPECT_EQ(event["attempt"], 1);
    EXPECT_EQ(event["delay_ms"], 5);
    EXPECT_EQ(event["reason"], "exited with status 3");
  }
  EXPECT_EQ(names, "child.started\nchild.exited\nretry\nchild.started\nchild.exited\nexit\n");
}

TEST(RunChildManyTest, TagsAreTheLinesOrATextWithThem) {
  expect_success(run_ioa(many_shells({"--tag"}, "printf 'x\\ny'"), "a\nb\n"),
                 "a\tx\na\ty\nb\tx\nb\ty\n");
  expect_success(run_ioa(many({"--tag=<{n}:{}>"}), "echo x\n"), "<1:echo x>\tx\n");
}

TEST(RunChildManyTest, ReportsEachInOrder) {
  const RunResult result = run_ioa(many_shells({"-j2", "--json"}, "echo o$1; exit $1"), "3\n0\n");
  EXPECT_EQ(result.status, 1);
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "o3");
  EXPECT_EQ(lines[2], "o0");
  const json first = parse_json(lines[1]);
  EXPECT_EQ(first["n"], 1);
  EXPECT_EQ(first["line"], "3");
  EXPECT_EQ(first["status"], 3);
  EXPECT_EQ(first["command"], json({"sh", "-c", "echo o$1; exit $1", "sh", "3"}));
  EXPECT_EQ(parse_json(lines[3])["status"], 0);
  const RunResult texts = run_ioa(many({"--report", "-j2"}), "sleep 0.2; exit 1\ntrue\n");
  const auto reports = lines_of(texts.err);
  ASSERT_EQ(reports.size(), 2U);
  EXPECT_EQ(reports[0].rfind("ioa run-child: sleep 0.2; exit 1: exited with status 1", 0), 0U)
      << reports[0];
}

TEST(RunChildManyTest, CapturesEach) {
  const RunResult result =
      run_ioa(many_shells({"-j2", "--json", "--capture"}, "echo o$1; echo e$1 >&2"), "1\n2\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(parse_json(lines[0])["stdout"], "o1\n");
  EXPECT_EQ(parse_json(lines[1])["stderr"], "e2\n");
}

TEST(RunChildManyTest, ReadsNothingUnlessItIsToldTo) {
  expect_success(run_ioa(many_shells({"-j1"}, "cat; echo $1"), "a\nb\n"), "a\nb\n");
  expect_success(run_ioa(many_shells({"--stdin-text", "x"}, "cat"), "a\nb\n"), "xx");
  expect_failure(run_ioa(many({"--stdin", "-", "echo", "{}"}), ""), 2,
                 "the lines of --from come from standard input");
  const TempDir folder;
  const std::string path = folder.write("lines", "a\n");
  expect_success(run_shell("echo in | $IOA run --from " + path + " --stdin - sh -c 'cat' {}"),
                 "in\n");
}

TEST(RunChildManyTest, ASignalEndsAllOfThem) {
  Process process(ioa(many_shells({"-j2"},
                                  "trap 'echo got; exit' TERM; echo up >&2; "
                                  "while :; do sleep 0.02; done")));
  process.write("1\n2\n3\n");
  EXPECT_TRUE(process.wait_for_err("up\n"));
  // The errors of the second one wait for their turn.
  process.signal(SIGTERM);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  EXPECT_EQ(result.out.substr(0, 4), "got\n");
  EXPECT_LE(line_count(result.out), 2U);
}

TEST(RunChildManyTest, ASignalToTheProcessAndItsGroupIsOne) {
  // As timeout(1) does it.
  Process process(ioa(many_shells(
      {"-j1"}, "trap 'sleep 0.1; echo got; exit' TERM; echo up; while :; do sleep 0.02; done")));
  process.write("1\n");
  EXPECT_TRUE(process.wait_for_out("up\n"));
  process.signal(SIGTERM);
  process.signal(SIGTERM);
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  EXPECT_EQ(result.out, "up\ngot\n");
}

TEST(RunChildManyTest, ASecondSignalEndsAtOnce) {
  const TempDir folder;
  Process process(
      ioa(many_shells({"-j1", "--kill-after", "0"},
                      "echo $$ >" + folder.path().string() +
                          "/pid; trap 'echo no' TERM; echo up; while :; do sleep 0.02; done")));
  process.write("1\n");
  EXPECT_TRUE(process.wait_for_out("up\n"));
  process.signal(SIGTERM);
  EXPECT_TRUE(process.wait_for_out("no\n"));
  process.signal(SIGINT);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_TRUE(result.status == 128 + SIGTERM || result.status == 128 + SIGINT) << result.status;
  const pid_t pid = std::stoi("0" + folder.read("pid"));
  ASSERT_GT(pid, 1);
  wait_until([&] { return ::kill(pid, 0) != 0 && errno == ESRCH; }, "its end");
}

TEST(RunChildManyTest, AReaderThatLeavesEndsItQuietly) {
  const RunResult result =
      run_shell("(seq 100000 | $IOA run --from - -j4 echo {}; echo $? >&3) 3>&2 | head -n 1");
  EXPECT_EQ(result.out, "1\n");
  EXPECT_EQ(result.err, "141\n");
}

TEST(RunChildManyTest, AFullDiskIsOneLine) {
  const RunResult result = run_shell("seq 20 | $IOA run --from - -j4 echo {} >/dev/full");
  expect_failure(result, 1, "No space left on device");
}

TEST(RunChildManyTest, RunsFewerWhereDescriptorsAreOut) {
  const RunResult result =
      run_shell("ulimit -n 24; seq 40 | $IOA run --from - -j 40 -- sh -c 'sleep 0.05; echo {}'");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.out), 40U);
  EXPECT_NE(result.err.find("at once"), std::string::npos) << result.err;
}

TEST(RunChildManyTest, ShowsHowFarItIs) {
  const RunResult result = run_ioa(many({"--progress=always", "-j2"}), "true\nfalse\ntrue\n");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("3 of 3 (100%)"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("1 failed"), std::string::npos) << result.err;
  EXPECT_EQ(run_ioa(many({"--progress"}), "true\n").err, "");
}

TEST(RunChildManyTest, ASignalPrintsTheCounters) {
  Process process(ioa(many({"-j2"})));
  process.write("echo up\nfalse\n");
  EXPECT_TRUE(process.wait_for_out("up\n"));
  process.signal(SIGUSR1);
  EXPECT_TRUE(process.wait_for_err(" running\n"));
  EXPECT_EQ(process.wait().status, 1);
}

TEST(RunChildManyTest, TheGuardEndsAllOfThem) {
  const TempDir folder;
  const std::string script = "cd " + folder.path().string() +
                             "; (setsid sh -c 'echo $$ >new; mv new pid; exec sleep 30' &); "
                             "while ! [ -s pid ]; do :; done; echo up; sleep 20";
  Process process(ioa(many_shells({"--guard", "-j1"}, script)));
  process.write("1\n");
  EXPECT_TRUE(process.wait_for_out("up\n"));
  process.signal(SIGKILL);
  const pid_t pid = std::stoi("0" + folder.read("pid"));
  ASSERT_GT(pid, 1);
  wait_until([&] { return ::kill(pid, 0) != 0 && errno == ESRCH; }, "its end");
}

TEST(RunChildManyTest, SaysWhatMakesNoSense) {
  expect_failure(run_ioa(many({"-j", "0", "echo", "{}"})), 2,
                 "-j/--jobs 0: expected a number from 1");
  expect_failure(run_ioa({"run", "-j", "2", "true"}), 2, "--from");
  expect_failure(run_ioa(many({"--halt", "later", "echo", "{}"})), 2,
                 "expected never, soon or now");
  expect_failure(run_ioa(many({"--unordered", "--interleave", "echo", "{}"})), 2, "--interleave");
}

}  // namespace
}  // namespace ioa::test
