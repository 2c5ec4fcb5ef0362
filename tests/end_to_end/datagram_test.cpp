// connect over UDP: datagrams with their boundaries, an end that is a matter of time, and errors
// that come back by ICMP.
#include <sys/socket.h>

#include <csignal>
#include <string>
#include <string_view>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/datagram_peer.hpp"
#include "tests/support/events.hpp"
#include "tests/support/server.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

class DatagramTest : public GuardedTest {
 protected:
  std::vector<std::string> command(std::vector<std::string> options) {
    options.insert(options.begin(), {"connect", "-u"});
    options.insert(options.end(), {"127.0.0.1", peer.port()});
    return ioa(std::move(options));
  }
  RunResult run(std::vector<std::string> options, std::string_view input) {
    Process process(command(std::move(options)));
    process.write(input);
    return process.wait();
  }
  std::vector<std::string> arrived() {
    std::vector<std::string> all;
    while (!peer.is_empty()) all.push_back(peer.receive());
    return all;
  }
  using Datagrams = std::vector<std::string>;

  DatagramPeer peer;
};

TEST_F(DatagramTest, WhatIsReadGoesAndTheAnswerComes) {
  Process process(command({}));
  process.write("question");
  EXPECT_EQ(peer.receive(), "question");
  peer.send("answer");
  ASSERT_TRUE(process.wait_for_out("answer"));
  peer.send("\n");
  const RunResult result = process.wait();
  expect_success(result, "answer\n");
}

TEST_F(DatagramTest, ASecondOfSilenceAfterTheInputIsTheEnd) {
  const RunResult result = run({}, "x");
  expect_success(result, "");
  EXPECT_GE(result.duration, 1s);
  EXPECT_LT(result.duration, 5s);
}

TEST_F(DatagramTest, EachAnswerBeginsTheSilenceAnew) {
  Process process(command({"-q", "600ms"}));
  process.write("x");
  process.close_stdin();
  peer.receive();
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(300ms);
    peer.send("y");
  }
  const RunResult result = process.wait();
  expect_success(result, "yyy");
  EXPECT_GE(result.duration, 1500ms);
}

TEST_F(DatagramTest, QuitAfterChangesTheSilence) {
  const RunResult brief = run({"-q", "50ms"}, "x");
  expect_success(brief, "");
  EXPECT_LT(brief.duration, 1s);
  const RunResult none = run({"-q0"}, "x");
  expect_success(none, "");
  EXPECT_LT(none.duration, 900ms);
  EXPECT_EQ(arrived(), (Datagrams{"x", "x"}));
}

TEST_F(DatagramTest, WhatToDoAtTheEndOfTheInputCanBeSaid) {
  EXPECT_LT(run({"--on-stdin-eof=close"}, "x").duration, 900ms);
  const RunResult kept = run({"--on-stdin-eof=keep", "--timeout=1300ms"}, "x");
  expect_failure(kept, 124, "--timeout 1.3s reached: 1 bytes sent, 0 received");
  Process waiting(command({"--on-stdin-eof=after-reply", "-q", "10ms"}));
  waiting.write("question");
  waiting.close_stdin();
  while (peer.receive() != "question") {
  }
  std::this_thread::sleep_for(200ms);
  EXPECT_TRUE(waiting.is_running());
  peer.send("reply");
  expect_success(waiting.wait(), "reply");
}

TEST_F(DatagramTest, ChunksHaveTheSizeOfTheMtu) {
  run({"-q0"}, std::string(3000, 'x'));
  EXPECT_EQ(arrived(),
            (Datagrams{std::string(1400, 'x'), std::string(1400, 'x'), std::string(200, 'x')}));
  run({"-q0", "--mtu", "2K"}, std::string(3000, 'y'));
  EXPECT_EQ(arrived(), (Datagrams{std::string(2048, 'y'), std::string(952, 'y')}));
}

TEST_F(DatagramTest, AChunkThatIsNotFullDoesNotWaitForMore) {
  Process process(command({"-q0"}));
  process.write("one");
  EXPECT_EQ(peer.receive(), "one");
  process.write("two");
  EXPECT_EQ(peer.receive(), "two");
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(DatagramTest, LinesAreDatagramsWithTheirEnd) {
  run({"-q0", "--frame", "line"}, "one\n\ntwo");
  EXPECT_EQ(arrived(), (Datagrams{"one\n", "\n", "two"}));
}

TEST_F(DatagramTest, NulsCutAndAreAddedToWhatIsReceived) {
  Process process(command({"-q", "200ms", "--frame=nul"}));
  process.write("a\0\0b\nc\0"sv);
  EXPECT_EQ(peer.receive(), "a");
  EXPECT_EQ(peer.receive(), "");
  EXPECT_EQ(peer.receive(), "b\nc");
  peer.send("x");
  peer.send("");
  expect_success(process.wait(), "x\0\0"sv);
}

TEST_F(DatagramTest, LengthsGoBothWays) {
  Process process(command({"-q", "200ms", "--frame=len32"}));
  process.write("\0\0\0\2hi\0\0\0\0"sv);
  EXPECT_EQ(peer.receive(), "hi");
  EXPECT_EQ(peer.receive(), "") << "an empty one is data";
  peer.send("");
  peer.send("abc");
  expect_success(process.wait(), "\0\0\0\0\0\0\0\3abc"sv);
}

TEST_F(DatagramTest, AnInputThatEndsInsideARecordIsStatusOne) {
  const RunResult result = run({"--frame=len32"}, "\0\0\0\4hi"sv);
  expect_failure(result, 1, "standard input");
  EXPECT_NE(result.err.find("0 bytes sent, 0 received, 6 read but not delivered"),
            std::string::npos)
      << result.err;
}

TEST_F(DatagramTest, ARecordThatIsTooLongForADatagramIsStatusOne) {
  expect_failure(run({"--frame=line"}, "ok\n" + std::string(65'530, 'x') + "\n"), 1, "(EMSGSIZE)");
  EXPECT_EQ(arrived(), (Datagrams{"ok\n"}));
}

TEST_F(DatagramTest, ATerminalSendsLines) {
  Terminal terminal;
  Process::Stdio stdio;
  stdio.in = std::move(terminal.slave);
  Process process(command({"-q0"}), std::move(stdio));
  write_all(terminal.master.get(), "one\ntwo\n");
  EXPECT_EQ(peer.receive(), "one\n");
  EXPECT_EQ(peer.receive(), "two\n");
  terminal.master.reset();
  process.wait();
}

TEST_F(DatagramTest, APortWithoutAServerIsStatusOneAndTellsTheBytes) {
  const std::string port = peer.port();
  peer.close();
  const RunResult result = run_ioa({"connect", "-u", "-q15", "127.0.0.1", port}, "hello");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err, "ioa connect: receive 127.0.0.1:" + port +
                            ": Connection refused (ECONNREFUSED): 5 bytes sent, 0 received (1 "
                            "datagrams sent, 0 received)\n");
  EXPECT_LT(result.duration, 10s);
  EXPECT_EQ(run_ioa({"connect", "-uq0", "127.0.0.1", port}, "hello").status, 1);
  EXPECT_EQ(run_ioa({"connect", "-u", "--send-only", "127.0.0.1", port}, "hello").status, 1);
}

TEST_F(DatagramTest, AServerThatLeavesIsNoticed) {
  Process process(command({"--frame=line"}));
  process.write("one\n");
  EXPECT_EQ(peer.receive(), "one\n");
  peer.close();
  process.write("two\n");
  const RunResult result = process.wait_with_open_stdin();
  expect_failure(result, 1, "(ECONNREFUSED): 8 bytes sent, 0 received");
}

TEST_F(DatagramTest, SendOnlyWritesNothing) {
  Process process(command({"--send-only", "-q", "200ms"}));
  process.write("x");
  process.close_stdin();
  peer.receive();
  peer.send("ignored");
  expect_success(process.wait(), "");
}

TEST_F(DatagramTest, RecvOnlyLeavesTheInputAlone) {
  SocketPair input = blocking_pipe();
  write_all(input.second.get(), "must not be sent");
  Process::Stdio stdio;
  stdio.in = std::move(input.first);
  Process process(command({"--recv-only", "--timeout=300ms"}), std::move(stdio));
  expect_failure(process.wait_with_open_stdin(), 124, "--timeout 300ms reached: 0 bytes sent");
  EXPECT_TRUE(peer.is_empty());
}

TEST_F(DatagramTest, SilenceOfBothWaysIsALimit) {
  Process process(command({"-i", "300ms"}));
  process.write("x");
  expect_failure(process.wait_with_open_stdin(), 124,
                 "--idle-timeout 300ms reached: 1 bytes sent, 0 received");
}

TEST_F(DatagramTest, SignalsEndItAndTellTheBytes) {
  Process process(command({}));
  process.write("x");
  peer.receive();
  peer.send("answer");
  ASSERT_TRUE(process.wait_for_out("answer"));
  process.signal(SIGUSR1);
  ASSERT_TRUE(process.wait_for_err("1 bytes sent, 6 received (1 datagrams sent, 1 received), "));
  process.signal(SIGTERM);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 143);
  EXPECT_NE(result.err.find("ended by SIGTERM: 1 bytes sent, 6 received"), std::string::npos);
}

TEST_F(DatagramTest, EventsTellItsStory) {
  const TempDir dir;
  run({"-q", "50ms", "--frame=line", "--events", dir / "events"}, "one\ntwo\n");
  const Events events(dir.read("events"));
  EXPECT_EQ(events.names(), "attempt.start connected eof closed exit");
  EXPECT_EQ(events.first("connected").text("address"), "127.0.0.1:" + peer.port());
  EXPECT_EQ(events.first("eof").text("side"), "stdin");
  EXPECT_EQ(events.first("closed").number("bytes_sent"), 8);
  EXPECT_EQ(events.first("closed").number("datagrams_sent"), 2);
  EXPECT_EQ(events.first("closed").text("reason"), "quit-after");
  EXPECT_EQ(events.first("exit").number("status"), 0);
}

TEST_F(DatagramTest, TheReaderThatLeavesEndsItQuietly) {
  Process process(command({}));
  process.write("x");
  peer.receive();
  process.stop_reading_output();
  peer.send("unread");
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 141);
  EXPECT_EQ(result.err, "");
}

TEST_F(DatagramTest, AFullDiskIsStatusOne) {
  Process::Stdio stdio;
  stdio.out = open_to_write("/dev/full");
  Process process(command({}), std::move(stdio));
  process.write("x");
  peer.receive();
  peer.send("answer");
  expect_failure(process.wait_with_open_stdin(), 1, "write standard output");
}

TEST_F(DatagramTest, WhatIsReceivedCanBeStored) {
  const TempDir dir;
  const std::string path = dir.write("out", "old");
  Process process(command({"-q", "200ms", "-o", path}));
  process.write("x");
  peer.receive();
  peer.send("new");
  expect_success(process.wait(), "");
  EXPECT_EQ(dir.read("out"), "new");
}

TEST_F(DatagramTest, TheLocalEndAndTheFamilyCanBeChosen) {
  run({"-q0", "-s", "127.0.0.2"}, "x");
  peer.receive();
  EXPECT_EQ(peer.from().host(), "127.0.0.2");
  const DatagramPeer held;
  run({"-q0", "-s", "127.0.0.3", "-p", held.port()}, "x");
  peer.receive();
  EXPECT_EQ(peer.from().to_string(), "127.0.0.3:" + held.port());
  DatagramPeer v6(true);
  EXPECT_EQ(run_ioa({"connect", "-q0", "udp6:[::1]:" + v6.port()}, "x").status, 0);
  EXPECT_EQ(v6.receive(), "x");
  expect_failure(run_ioa({"connect", "udp4:[::1]:" + v6.port()}, "x"), 2, "IPv4");
}

TEST_F(DatagramTest, MuchIsSentWithoutLoss) {
  const int large = 8 << 20;
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
  const std::string bytes(100'000, 'x');
  const RunResult result = run({"-q", "100ms", "--mtu", "60K"}, bytes);
  EXPECT_EQ(result.status, 0);
  std::string got;
  for (const std::string& each : arrived()) got += each;
  EXPECT_EQ(got.size(), bytes.size());
}

TEST_F(DatagramTest, WhatIsDoneWithBytesIsDoneWithDatagramsToo) {
  const TempDir dir;
  Process process(
      command({"-C", "--sha256", "--stats", "-x", dir / "dump", "--frame=line", "-q", "200ms"}));
  process.write("a\nb\n");
  process.close_stdin();
  EXPECT_EQ(peer.receive(), "a\r\n");
  EXPECT_EQ(peer.receive(), "b\r\n");
  peer.send("c");
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "c");
  // printf 'a\r\nb\r\n' | sha256sum
  EXPECT_NE(result.err.find("SHA-256 sent: "
                            "58055bdcc73787eb88c78d36f0b4939e9c5dc1c3ad17e25cc85a6833cf1a0cab\n"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("6 bytes sent ("), std::string::npos);
  EXPECT_EQ(line_count(dir.read("dump")), 3U) << dir.read("dump");
}

TEST_F(DatagramTest, MayBeJoinedToACommandOrAnotherAddress) {
  Process child(command({"-q", "200ms", "-c", "echo $IOA_PROTO; read answer; echo got $answer"}));
  EXPECT_EQ(peer.receive(), "udp\n");
  peer.send("it\n");
  EXPECT_EQ(peer.receive(), "got it\n");
  EXPECT_EQ(child.wait_with_open_stdin().status, 0);

  const RunResult zeros =
      run_ioa({"connect", "-u", "-q0", "--to", "zero:3000", "127.0.0.1", peer.port()});
  EXPECT_EQ(zeros.status, 0) << zeros.err;
  EXPECT_EQ(arrived(),
            (Datagrams{std::string(1400, '\0'), std::string(1400, '\0'), std::string(200, '\0')}));
}

TEST_F(DatagramTest, NetcatAnswers) {
  // A server that ends with its first conversation: -W 1 is one datagram.
  const TempDir dir;
  const std::string port = peer.port();
  peer.close();
  Process server({"nc", "-u", "-l", "127.0.0.1", port});
  wait_until([&] { return run_shell("ss -Hlun sport = :" + port).out.size() > 1; }, "nc to listen");
  Process client(ioa({"connect", "-u", "127.0.0.1", port}));
  client.write("to nc\n");
  ASSERT_TRUE(server.wait_for_out("to nc\n"));
  server.write("from nc\n");
  ASSERT_TRUE(client.wait_for_out("from nc\n"));
  EXPECT_EQ(client.wait().status, 0);
}

TEST_F(DatagramTest, SocatEchoes) {
  const std::string port = peer.port();
  peer.close();
  Process server({"socat", "UDP4-RECVFROM:" + port + ",bind=127.0.0.1,fork", "EXEC:cat"});
  wait_until([&] { return run_shell("ss -Hlun sport = :" + port).out.size() > 1; },
             "socat to listen");
  expect_success(run_ioa({"connect", "-u", "--frame=line", "127.0.0.1", port}, "hello\n"),
                 "hello\n");
}

TEST_F(DatagramTest, ANameServerAnswers) {
  const Server server({"sh", "-c",
                       "exec dnsmasq -k -p $PORT --listen-address=127.0.0.1 --bind-interfaces "
                       "--no-resolv --no-hosts --conf-file=/dev/null --pid-file= "
                       "--user=\"`id -un`\" --address=/a.test/192.0.2.77"});
  // A query for the A record of a.test (RFC 1035 s4.1).
  const std::string_view query = "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\4test\0\0\1\0\1"sv;
  const RunResult result =
      run_ioa({"connect", "-u", "-q", "300ms", "127.0.0.1", server.port()}, query);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out.substr(0, 2), "\x12\x34");
  EXPECT_NE(result.out.find("\xc0\x00\x02\x4d"sv), std::string::npos);
}

TEST(DatagramNetworkTest, BroadcastHasToBeAllowedAndHearsWhoeverAnswers) {
  const std::string serve =
      "socat UDP4-RECVFROM:9999,broadcast,fork,bind=0.0.0.0 SYSTEM:'cat; echo me' &\n"
      "until ss -Hlun sport = :9999 | grep -q 9999; do sleep 0.01; done\n";
  const RunResult refused =
      run_in_private_network("", serve + "echo hi | \"$IOA\" connect -u 192.0.2.255 9999");
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("(EACCES)"), std::string::npos) << refused.err;
  const RunResult allowed = run_in_private_network(
      "", serve + "echo hi | \"$IOA\" connect -ub -q 500ms 192.0.2.255 9999");
  EXPECT_EQ(allowed.status, 0) << allowed.err;
  EXPECT_EQ(allowed.out, "hi\nme\n");
}

TEST(DatagramNetworkTest, AZoneIdSaysWhichLink) {
  const RunResult result = run_in_private_network(
      "",
      "address=`ip -6 -o addr show dev veth1 scope link | sed 's/.*inet6 //; s,/.*,,'`\n"
      "until ! ip -6 addr show tentative | grep -q inet6; do sleep 0.05; done\n"
      "address=`ip -6 -o addr show dev veth1 scope link | sed 's/.*inet6 //; s,/.*,,'`\n"
      "socat UDP6-RECVFROM:9999,fork SYSTEM:'cat; echo me' &\n"
      "socat TCP6-LISTEN:9999,fork SYSTEM:'echo tcp' &\n"
      "until ss -Hlun sport = :9999 | grep -q 9999; do sleep 0.01; done\n"
      "until ss -Hltn sport = :9999 | grep -q 9999; do sleep 0.01; done\n"
      "echo hi | \"$IOA\" connect -u -q 500ms \"$address%veth1\" 9999\n"
      "\"$IOA\" connect \"[$address%veth1]:9999\" </dev/null\n"
      "\"$IOA\" connect \"[$address%nosuch]:9999\" </dev/null; echo \"status $?\"\n");
  EXPECT_EQ(result.out, "hi\nme\ntcp\nstatus 3\n") << result.err;
}

/// Nobody has that address, which is found out soon.
const std::string kNoNeighbour =
    "ip ntable change name arp_cache dev veth0 mcast_probes 1 retrans 20\n";

TEST(DatagramNetworkTest, AHostThatCannotBeReachedIsAnErrorThoughTheKernelThinksItMayPass) {
  const RunResult result =
      run_in_private_network("", kNoNeighbour + "echo hi | \"$IOA\" connect -u 192.0.2.99 9999");
  expect_failure(result, 1,
                 "receive 192.0.2.99:9999: No route to host (EHOSTUNREACH): 3 bytes sent, 0 "
                 "received (1 datagrams sent, 0 received)");
}

TEST(DatagramNetworkTest, AHostThatCannotBeReachedHasItsPortsClosed) {
  const RunResult result =
      run_in_private_network("", kNoNeighbour + "\"$IOA\" connect -zu 192.0.2.99 9999");
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out.substr(0, 27), "192.0.2.99\t9999/udp\tclosed\t") << result.out;
}

}  // namespace
}  // namespace ioa::test
