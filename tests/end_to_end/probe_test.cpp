// Which ports are open: connect -z.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/json.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/run_ioa.hpp"
#include "tests/support/scripted_peer.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

std::string without_rtts(const std::string& text) {
  return replace_all(text, "\t[0-9.]+ms\n", "\tTIME\n");
}

TEST(ProbeTest, AnOpenPortIsALineAndStatusZero) {
  TestServer server;
  const RunResult result = run_ioa({"connect", "-z", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_rtts(result.out), "127.0.0.1\t" + server.port_text() + "/tcp\topen\tTIME\n");
  EXPECT_EQ(result.err, "");
}

TEST(ProbeTest, AClosedPortIsALineAndStatusFour) {
  const std::string port = std::to_string(closed_port());
  const RunResult result = run_ioa({"connect", "-z", "127.0.0.1", port});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(without_rtts(result.out), "127.0.0.1\t" + port + "/tcp\tclosed\tTIME\n");
}

TEST(ProbeTest, ManyPortsAreReportedInTheOrderGiven) {
  TestServer first;
  TestServer second;
  const std::string closed = std::to_string(closed_port());
  const RunResult all =
      run_ioa({"connect", "-z", "127.0.0.1", second.port_text(), closed, first.port_text()});
  EXPECT_EQ(all.status, 4);
  EXPECT_EQ(without_rtts(all.out), "127.0.0.1\t" + second.port_text() + "/tcp\topen\tTIME\n" +
                                       "127.0.0.1\t" + closed + "/tcp\tclosed\tTIME\n" +
                                       "127.0.0.1\t" + first.port_text() + "/tcp\topen\tTIME\n");
  const RunResult any = run_ioa({"connect", "-z", "--any", "127.0.0.1", first.port_text(), closed});
  EXPECT_EQ(any.status, 0);
}

TEST(ProbeTest, AClusterOfLettersWorksAsInNetcat) {
  TestServer server;
  const RunResult result = run_ioa({"-zvn", "-w1", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("connected to 127.0.0.1:" + server.port_text()), std::string::npos);
}

TEST(ProbeTest, JsonGivesOneObjectAPort) {
  TestServer server;
  const RunResult result = run_ioa({"connect", "-z", "--json", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 0);
  const auto object = parse_json(result.out);
  EXPECT_EQ(object["host"], "127.0.0.1");
  EXPECT_EQ(object["port"], server.port());
  EXPECT_EQ(object["protocol"], "tcp");
  EXPECT_EQ(object["address"], "127.0.0.1");
  EXPECT_EQ(object["state"], "open");
  EXPECT_TRUE(object["rtt_ms"].is_number());
  EXPECT_EQ(object["error"], "");
}

TEST(ProbeTest, JsonNamesTheAddressThatRefused) {
  const ClosedPort closed;
  const RunResult result = run_ioa({"connect", "-z", "--json", "localhost", closed.port(), "-4"});
  EXPECT_EQ(result.status, 4);
  const auto object = parse_json(result.out);
  EXPECT_EQ(object["state"], "closed");
  EXPECT_EQ(object["address"], "127.0.0.1");
  EXPECT_NE(object["error"].get<std::string>().find("ECONNREFUSED"), std::string::npos);
}

TEST(ProbeTest, ANameThatDoesNotResolveIsStatusThree) {
  const RunResult result = run_ioa({"connect", "-z", "no..such.name", "80"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(without_rtts(result.out).rfind("no..such.name\t80/tcp\tunresolved\t", 0), 0U)
      << result.out;
}

TEST(ProbeTest, WaitEndsAsSoonAsThePortOpens) {
  const std::uint16_t port = closed_port();
  Process process(ioa({"connect", "-z", "-v", "--wait", "20s", "--retry-delay", "10ms", "127.0.0.1",
                       std::to_string(port)}));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  Process server({"nc", "-l", "127.0.0.1", std::to_string(port)});
  EXPECT_EQ(process.wait().status, 0);
}

TEST(ProbeTest, WaitThatIsInVainIsATimeLimitThatNamesThePorts) {
  const std::string port = std::to_string(closed_port());
  const RunResult result =
      run_ioa({"connect", "-z", "--wait", "100ms", "--retry-delay", "10ms", "127.0.0.1", port});
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(result.err, "ioa connect: --wait 100ms reached: not open: 127.0.0.1:" + port + "\n");
}

TEST(ProbeTest, RangesAndServicesAreExpandedInOrder) {
  TestServer server;
  const int open = server.port();
  const std::string range = std::to_string(open - 1) + "-" + std::to_string(open + 1);
  const RunResult result = run_ioa({"connect", "-z", "--any", "127.0.0.1", range});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.out), 3U);
  std::string ports;
  for (const auto& port : find_all(result.out, "\t([0-9]+)/tcp\t")) ports += port[1] + " ";
  EXPECT_EQ(ports, std::to_string(open - 1) + " " + std::to_string(open) + " " +
                       std::to_string(open + 1) + " ");
}

TEST(ProbeTest, TargetsMayEachHaveTheirHost) {
  TestServer v4;
  TestServer v6(true);
  const RunResult result =
      run_ioa({"connect", "-z", "127.0.0.1:" + v4.port_text(), "[::1]:" + v6.port_text()});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(without_rtts(result.out), "127.0.0.1\t" + v4.port_text() + "/tcp\topen\tTIME\n::1\t" +
                                          v6.port_text() + "/tcp\topen\tTIME\n");
}

TEST(ProbeTest, NothingIsSent) {
  TestServer server;
  SocketPair input = blocking_pipe();
  write_all(input.second.get(), "must not be sent");
  Process::Stdio stdio;
  stdio.in = std::move(input.first);
  Process process(ioa({"connect", "-z", "127.0.0.1", server.port_text()}), std::move(stdio));
  Peer peer = server.accept();
  EXPECT_EQ(peer.receive_all(), "");
  EXPECT_EQ(process.wait().status, 0);
}

TEST(ProbeTest, WorseThanUnresolvedIsNotOpen) {
  const std::string port = std::to_string(closed_port());
  EXPECT_EQ(run_ioa({"connect", "-z", "127.0.0.1:" + port, "no..such.name:80"}).status, 4);
  TestServer server;
  EXPECT_EQ(
      run_ioa({"connect", "-z", "127.0.0.1:" + server.port_text(), "no..such.name:80"}).status, 3);
}

TEST(ProbeTest, ManyPortsNeedNoMoreDescriptorsThanThereAre) {
  ScriptedPeer peer([](PeerConnection&) {}, ScriptedPeer::Where::ipv4, 60);
  std::string ports;
  for (int i = 0; i < 60; ++i) ports += " " + peer.port();
  const RunResult result = run_shell("ulimit -n 30; \"$IOA\" connect -z -j 60 127.0.0.1" + ports);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(line_count(result.out), 60U);
  EXPECT_EQ(result.out.find("closed"), std::string::npos);
}

TEST(ProbeTest, AReaderThatLeavesEndsItQuietly) {
  const RunResult result =
      run_shell("{ \"$IOA\" connect -z 127.0.0.1 1-65535; echo $? >&2; } | head -n 1");
  EXPECT_EQ(line_count(result.out), 1U);
  EXPECT_EQ(result.err, "141\n");
  EXPECT_LT(result.duration, std::chrono::seconds(2)) << "it went on to the last port";
}

TEST(ProbeTest, LimitsAndSignalsCountWhilePortsAnswerAtOnce) {
  const RunResult result = run_ioa({"connect", "-z", "--timeout", "50ms", "127.0.0.1", "1-65535"});
  EXPECT_EQ(result.status, 124);
  EXPECT_LT(result.duration, std::chrono::seconds(2));
}

TEST(ProbeTest, OutputThatCannotBeWrittenIsStatusOne) {
  TestServer server;
  const RunResult result =
      run_shell("\"$IOA\" connect -z 127.0.0.1 " + server.port_text() + " >/dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "ioa connect: write standard output: No space left on device (ENOSPC)\n");
}

TEST(ProbeTest, ALimitOfTheRunPrintsWhatIsKnown) {
  TestServer server;
  const std::string closed = std::to_string(closed_port());
  const RunResult result =
      run_ioa({"connect", "-z", "--timeout", "150ms", "--wait", "0", "--retry-delay", "10ms",
               "127.0.0.1", server.port_text(), closed});
  EXPECT_EQ(result.status, 124);
  EXPECT_EQ(without_rtts(result.out), "127.0.0.1\t" + server.port_text() + "/tcp\topen\tTIME\n");
  EXPECT_EQ(result.err,
            "ioa connect: --timeout 150ms reached: not open: 127.0.0.1:" + closed + "\n");
}

TEST(ProbeTest, ASignalPrintsWhatIsKnown) {
  TestServer server;
  const std::string closed = std::to_string(closed_port());
  Process process(
      ioa({"connect", "-z", "-v", "--wait", "0", "127.0.0.1", server.port_text(), closed}));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  ASSERT_TRUE(process.wait_for_out("open"));
  process.signal(SIGINT);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 130);
  EXPECT_NE(result.err.find("ended by SIGINT: not open: 127.0.0.1:" + closed + "\n"),
            std::string::npos)
      << result.err;
}

TEST(ProbeTest, SignalsCountThoughNobodyReadsItsOutput) {
  const SocketPair full = full_pipe();
  Process::Stdio stdio;
  stdio.out = copy_of(full.second);
  Process process(ioa({"connect", "-z", "127.0.0.1", "1"}), std::move(stdio));
  wait_until([&] { return process.is_sleeping(); }, "the program to be stuck");
  process.signal(SIGTERM);
  ASSERT_TRUE(process.wait_for_err("ended by SIGTERM"));
  EXPECT_TRUE(process.is_running()) << "what is known is to be written";
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(std::chrono::seconds(5)).status, 143);
}

TEST(ProbeTest, ALimitOfTheRunCountsThoughNobodyReadsItsOutput) {
  const SocketPair full = full_pipe();
  Process::Stdio stdio;
  stdio.out = copy_of(full.second);
  Process process(ioa({"connect", "-z", "--timeout", "100ms", "127.0.0.1", "1"}), std::move(stdio));
  EXPECT_EQ(process.wait(std::chrono::seconds(5)).status, 124);
}

TEST(ProbeTest, APortWhoseServerResetsAtOnceIsOpen) {
  constexpr int kTimes = 20;
  ScriptedPeer peer([](PeerConnection& connection) { connection.reset(); },
                    ScriptedPeer::Where::ipv4, kTimes);
  for (int i = 0; i < kTimes; ++i) {
    const RunResult result = run_ioa({"connect", "-z", peer.address()});
    EXPECT_EQ(result.status, 0) << result.out;
    EXPECT_EQ(without_rtts(result.out), "127.0.0.1\t" + peer.port() + "/tcp\topen\tTIME\n");
  }
  peer.finish();
}

}  // namespace
}  // namespace ioa::test
