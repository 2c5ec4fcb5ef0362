// Names to addresses and back, through the system's resolver.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <sstream>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/json.hpp"
#include "tests/support/run_ioa.hpp"

namespace ioa::test {
namespace {

TEST(ResolveTest, PrintsTheNameAndEachAddress) {
  const RunResult result = run_ioa({"resolve", "-4", "localhost"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "localhost\t127.0.0.1\n");
  EXPECT_EQ(result.err, "");
}

TEST(ResolveTest, NumericAddressesResolveToThemselves) {
  const RunResult result = run_ioa({"resolve", "127.0.0.1", "::1"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "127.0.0.1\t127.0.0.1\n::1\t::1\n");
}

TEST(ResolveTest, AServiceAddsThePortAndTheProtocol) {
  const RunResult result = run_ioa({"resolve", "127.0.0.1:80", "[::1]:443"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out,
            "127.0.0.1:80\t127.0.0.1:80/tcp\n127.0.0.1:80\t127.0.0.1:80/udp\n"
            "[::1]:443\t[::1]:443/tcp\n[::1]:443\t[::1]:443/udp\n");
}

TEST(ResolveTest, ShortPrintsValuesOnlyAndFirstTheFirstOfEach) {
  const RunResult result = run_ioa({"resolve", "-s", "--first", "127.0.0.1:80", "10.0.0.1"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "127.0.0.1:80/tcp\n10.0.0.1\n");
}

TEST(ResolveTest, AFailureIsALineOnStandardErrorAndTheOthersGoOn) {
  const RunResult result = run_ioa({"resolve", "-s", "10.0.0.1", "no..such.name", "10.0.0.2"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "10.0.0.1\n10.0.0.2\n");
  EXPECT_EQ(result.err.rfind("ioa resolve: no..such.name: ", 0), 0U) << result.err;
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(ResolveTest, JsonGivesOneObjectANameFailuresIncluded) {
  const RunResult result = run_ioa({"resolve", "--json", "127.0.0.1:80", "no..such.name"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
  const std::size_t end = result.out.find('\n');
  const auto found = parse_json(result.out.substr(0, end));
  EXPECT_EQ(found["name"], "127.0.0.1");
  EXPECT_EQ(found["service"], "80");
  EXPECT_EQ(found["addresses"][0]["address"], "127.0.0.1");
  EXPECT_EQ(found["addresses"][0]["port"], 80);
  EXPECT_EQ(found["addresses"][0]["family"], "ipv4");
  EXPECT_EQ(found["addresses"][0]["socktype"], "stream");
  EXPECT_TRUE(found.contains("canonical"));
  EXPECT_TRUE(found["elapsed_ms"].is_number());
  const auto failed = parse_json(result.out.substr(end + 1));
  EXPECT_EQ(failed["name"], "no..such.name");
  EXPECT_TRUE(failed["error"]["code"].is_string());
  EXPECT_TRUE(failed["error"]["message"].is_string());
}

TEST(ResolveTest, ReadsNamesFromStandardInputAndKeepsTheirOrder) {
  std::string input;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string name =
        i % 3 == 0 ? "localhost"
                   : "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    input += name + "\n";
    expected += i % 3 == 0 ? "localhost\t127.0.0.1\n" : name + "\t" + name + "\n";
  }
  const RunResult result = run_ioa({"resolve", "-4"}, input);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, expected);
}

TEST(ResolveTest, AnswersEachLineAsItComes) {
  Process process(ioa({"resolve", "-4", "-"}));
  process.write("localhost\n");
  EXPECT_TRUE(process.wait_for_out("localhost\t127.0.0.1\n"));
  process.write("10.1.2.3");  // the last line may lack its end
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "localhost\t127.0.0.1\n10.1.2.3\t10.1.2.3\n");
}

TEST(ResolveTest, WhatIsNoNameIsEscapedAndCountsAsAFailure) {
  const RunResult result = run_ioa({"resolve"}, "\xff\x1b[31m\n10.0.0.1\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "10.0.0.1\t10.0.0.1\n");
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(ResolveTest, NamesComeFromTheSystemInItsOrder) {
  const RunResult result = run_in_private_network(
      "127.0.0.1 localhost\n::1 localhost\n192.0.2.7 host.test alias.test\n2001:db8::7 host.test",
      R"(
"$IOA" resolve host.test alias.test
"$IOA" resolve -6 -s host.test
"$IOA" resolve -x 192.0.2.7 2001:db8::7
"$IOA" resolve -x 192.0.2.8
echo $?
)");
  std::vector<std::string> lines;
  std::istringstream text(result.out);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 7U) << result.out << result.err;
  std::sort(lines.begin(), lines.begin() + 2);  // RFC 6724's order is the system's own matter
  EXPECT_EQ(lines[0], "host.test\t192.0.2.7");
  EXPECT_EQ(lines[1], "host.test\t2001:db8::7");
  EXPECT_EQ(lines[2], "alias.test\t192.0.2.7");
  EXPECT_EQ(lines[3], "2001:db8::7");
  EXPECT_EQ(lines[4], "192.0.2.7\thost.test");
  EXPECT_EQ(lines[5], "2001:db8::7\thost.test");
  EXPECT_EQ(lines[6], "3");
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_EQ(result.err.rfind("ioa resolve: 192.0.2.8: ", 0), 0U) << result.err;
}

TEST(ResolveTest, ServicesHaveNames) {
  const RunResult result = run_ioa({"resolve", "--first", "127.0.0.1:http"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "127.0.0.1:http\t127.0.0.1:80/tcp\n");
  EXPECT_EQ(run_ioa({"resolve", "127.0.0.1:no-such-service"}).status, 3);
}

TEST(ResolveTest, EveryLineHasOneOutcome) {
  const RunResult result =
      run_ioa({"resolve", "--json"}, "10.0.0.1\r\n\nno..such.name\n10.0.0.1\n[::1\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(line_count(result.out), 5U) << result.out;
  EXPECT_EQ(result.err, "");
  std::istringstream lines(result.out);
  std::string line;
  for (const bool is_found : {true, false, false, true, false}) {
    std::getline(lines, line);
    EXPECT_EQ(parse_json(line).contains("addresses"), is_found) << line;
    EXPECT_EQ(parse_json(line).contains("error"), !is_found) << line;
  }
}

TEST(ResolveTest, AnEmptyInputIsNoFailure) {
  const RunResult result = run_ioa({"resolve"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out + result.err, "");
  EXPECT_EQ(run_shell("\"$IOA\" resolve <&-").status, 0);
}

TEST(ResolveTest, ALineThatIsTooLongIsToldAndEndsTheInput) {
  const RunResult result = run_ioa({"resolve"}, std::string(200'000, 'x') + "\n10.0.0.1\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(line_count(result.err), 1U);
  EXPECT_LT(result.err.size(), 500U);
}

TEST(ResolveTest, ATimeLimitIsAFailureOfTheName) {
  // Nobody answers: the name server's packets vanish.
  const RunResult result = run_in_private_network("127.0.0.1 localhost", R"(
printf 'hosts: files dns\n' >/run/nsswitch.conf
printf 'nameserver 192.0.2.66\n' >/run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
"$IOA" resolve --timeout 100ms slow.test localhost
)");
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.out, "localhost\t127.0.0.1\n");
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_EQ(result.err.rfind("ioa resolve: slow.test: ", 0), 0U) << result.err;
  EXPECT_LT(result.duration, std::chrono::seconds(4)) << "the look-up was waited for";
}

TEST(ResolveTest, AReaderThatLeavesEndsItQuietly) {
  const RunResult result = run_shell(
      "{ yes 127.0.0.1 | head -n 100000 | { \"$IOA\" resolve; echo $? >&2; }; } | head -n 1");
  EXPECT_EQ(result.out, "127.0.0.1\t127.0.0.1\n");
  EXPECT_EQ(result.err, "141\n");
}

TEST(ResolveTest, OutputThatCannotBeWrittenIsStatusOne) {
  const RunResult result = run_shell("\"$IOA\" resolve 127.0.0.1 >/dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "ioa resolve: write standard output: No space left on device (ENOSPC)\n");
  const RunResult closed = run_shell("\"$IOA\" resolve 127.0.0.1 >&-");
  EXPECT_EQ(closed.status, 1);
  EXPECT_EQ(line_count(closed.err), 1U) << closed.err;
}

TEST(ResolveTest, MemoryIsBoundedHoweverLongTheInput) {
  Process process(ioa({"resolve", "-s"}));
  std::string block;
  for (int i = 0; i < 4096; ++i) block += "127.0.0.1\n";
  process.write(block);
  ASSERT_TRUE(process.wait_for_out("127.0.0.1\n"));
  const long before = process.peak_memory_kib();
  for (int i = 0; i < 8; ++i) process.write(block);
  const long after = process.peak_memory_kib();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.out), 9U * 4096U);
  if (is_release_build()) {
    EXPECT_LT(after - before, 2048);
  }
}

TEST(ResolveTest, ASignalPrintsWhatIsKnown) {
  Process process(ioa({"resolve", "-"}));
  process.write("127.0.0.1\n");
  ASSERT_TRUE(process.wait_for_out("127.0.0.1\t127.0.0.1\n"));
  process.signal(SIGTERM);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 143);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST(ResolveTest, SignalsCountThoughNobodyReadsItsOutput) {
  const SocketPair full = full_pipe();
  Process::Stdio stdio;
  stdio.out = copy_of(full.second);
  Process process(ioa({"resolve", "127.0.0.1"}), std::move(stdio));
  wait_until([&] { return process.is_sleeping(); }, "the program to be stuck");
  process.signal(SIGTERM);
  ASSERT_TRUE(process.wait_for_err("ended by SIGTERM"));
  EXPECT_TRUE(process.is_running()) << "what is known is to be written";
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(5)).status, 143);
}

TEST(ResolveTest, WhatIsKnownIsWrittenOnceItsReaderTakesIt) {
  SocketPair out = full_pipe();
  Process::Stdio stdio;
  stdio.out = std::move(out.second);
  Process process(ioa({"resolve", "127.0.0.1"}), std::move(stdio));
  wait_until([&] { return process.is_sleeping(); }, "the program to be stuck");
  process.signal(SIGTERM);
  ASSERT_TRUE(process.wait_for_err("ended by SIGTERM"));
  const std::string text = read_to_end(out.first.get());
  EXPECT_EQ(text.substr(text.rfind('x') + 1), "127.0.0.1\t127.0.0.1\n");
  EXPECT_EQ(process.wait().status, 143);
}

}  // namespace
}  // namespace ioa::test
