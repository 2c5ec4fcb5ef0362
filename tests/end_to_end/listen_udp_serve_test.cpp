// listen -u: what serves the peers: commands, other addresses; and other sockets than one of UDP.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/end_to_end/listen_udp.hpp"
#include "tests/support/events.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

class ListenUdpServeTest : public ListenUdpTest {};

// --- Commands -------------------------------------------------------------------------------

TEST_F(ListenUdpServeTest, EachPeerHasACommandOfItsOwn) {
  start({"-k", "-c",
         "while read word; do echo \"$word\" $IOA_PROTO $IOA_REMOTE_ADDR:$IOA_REMOTE_PORT "
         "$IOA_LOCAL_ADDR $IOA_CONN; done"});
  DatagramPeer one = client();
  DatagramPeer two = client();
  const std::string of_one = " udp 127.0.0.1:" + one.port() + " 127.0.0.1 1\n";
  one.send("a\n");
  EXPECT_EQ(one.receive(), "a" + of_one);
  two.send("b\n");
  EXPECT_EQ(two.receive(), "b udp 127.0.0.1:" + two.port() + " 127.0.0.1 2\n");
  one.send("c\n");
  EXPECT_EQ(one.receive(), "c" + of_one);
}

TEST_F(ListenUdpServeTest, WhatACommandWritesAtOnceIsOneDatagram) {
  start({"-k", "-e", "cat"});
  DatagramPeer peer = client();
  for (const std::size_t size : {1U, 1400U, 5000U, 60'000U}) {
    const std::string bytes(size, 'x');
    peer.send(bytes);
    std::string all;
    while (all.size() < size) all += peer.receive();
    EXPECT_EQ(all, bytes);
  }
}

TEST_F(ListenUdpServeTest, AFrameKeepsTheBoundariesForACommand) {
  start({"-k", "--frame", "len32", "-e", "cat"});
  DatagramPeer peer = client();
  for (const std::string& bytes : {"one"s, ""s, "three"s}) peer.send(bytes);
  for (const std::string& bytes : {"one"s, ""s, "three"s}) EXPECT_EQ(peer.receive(), bytes);
}

TEST_F(ListenUdpServeTest, TheStatusOfTheOneCommandIsTheStatus) {
  start({"-c", "read word; echo got $word; exit 3"});
  DatagramPeer peer = client();
  peer.send("it\n");
  EXPECT_EQ(peer.receive(), "got it\n");
  const RunResult result = process->wait();
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err, "");
}

TEST_F(ListenUdpServeTest, ASilentPeersCommandIsEnded) {
  start({"-k", "-i", "200ms", "-c", "echo $$; exec sleep 1000"});
  DatagramPeer peer = client();
  peer.send("x");
  const auto command = static_cast<pid_t>(std::stoi(peer.receive()));
  wait_until([&] { return ::kill(command, 0) != 0; }, "the command's end");
  EXPECT_TRUE(process->is_running());
}

TEST_F(ListenUdpServeTest, ACommandThatTakesNothingHoldsNobodyElse) {
  start(
      {"-k", "-c", "read word; [ $word = slow ] && { echo $$; exec sleep 1000; }; echo got $word"});
  DatagramPeer slow = client();
  slow.send("slow\n");
  const auto command = static_cast<pid_t>(std::stoi(slow.receive()));
  // More than its pipe, --buffer and the system take; in steps, so that the system drops nothing.
  for (int i = 0; i < 1000; ++i) {
    slow.send(std::string(1400, 'x'));
    if (i % 32 == 0) wait_until([&] { return process->is_sleeping(); }, "them to be received");
  }
  DatagramPeer other = client();
  other.send("fast\n");
  EXPECT_EQ(other.receive(), "got fast\n");
  ::kill(command, SIGKILL);
  const std::string line = "127.0.0.1:" + slow.port() + ": ";
  ASSERT_TRUE(process->wait_for_err(line));
  ASSERT_TRUE(process->wait_for_err(" datagrams were dropped, as "));
  const RunResult result = stop();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find(" datagrams dropped in all, "), std::string::npos) << result.err;
}

TEST_F(ListenUdpServeTest, ACommandThatIsNotThereIsSaidBeforeAnythingIsBound) {
  expect_failure(run_ioa({"listen", "-u", "-k", "0", "-e", "/nowhere/command"}), 127, "/nowhere");
}

// --- Other addresses ------------------------------------------------------------------------

TEST_F(ListenUdpServeTest, ForwardsEachPeerOverASocketOfItsOwn) {
  DatagramPeer upstream;
  start({"-k", "--to", "127.0.0.1:" + upstream.port()});
  DatagramPeer one = client();
  DatagramPeer two = client();
  one.send("1");
  EXPECT_EQ(upstream.receive(), "1");
  const SocketAddress of_one = upstream.from();
  two.send("2");
  EXPECT_EQ(upstream.receive(), "2");
  const SocketAddress of_two = upstream.from();
  EXPECT_FALSE(of_one == of_two);
  upstream.send("to 2");
  upstream.speak_to(of_one);
  upstream.send("to 1");
  upstream.send("");
  EXPECT_EQ(one.receive(), "to 1");
  EXPECT_EQ(one.receive(), "");
  EXPECT_EQ(two.receive(), "to 2");
  EXPECT_EQ(two.from(), address);
  one.send("");
  EXPECT_EQ(upstream.receive(), "");
  EXPECT_EQ(upstream.from(), of_one);
  const std::string longest(65507, 'x');
  one.send(longest);
  EXPECT_EQ(upstream.receive(), longest);
  upstream.send(longest);
  EXPECT_EQ(one.receive(), longest);
  one.send("unanswered");
  EXPECT_EQ(upstream.receive(), "unanswered");
}

TEST_F(ListenUdpServeTest, WhatIsAnsweredIsNotCutByASignal) {
  DatagramPeer upstream;
  start({"-k", "--to", "udp:127.0.0.1:" + upstream.port()});
  DatagramPeer peer = client();
  peer.send("question");
  upstream.receive();
  upstream.send("answer");
  EXPECT_EQ(peer.receive(), "answer");
  expect_success(stop(), "");
  start({"-k", "--to", "udp:127.0.0.1:" + upstream.port()});
  DatagramPeer other = client();
  other.send("question");
  upstream.receive();
  expect_failure(stop(), 1, "1 connection cut");
}

TEST_F(ListenUdpServeTest, DrainingWaitsForTheAnswer) {
  DatagramPeer upstream;
  start({"-k", "--drain", "0", "--to", "udp:127.0.0.1:" + upstream.port()});
  DatagramPeer peer = client();
  peer.send("question");
  upstream.receive();
  process->signal(SIGTERM);
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(process->is_running());
  upstream.send("answer");
  EXPECT_EQ(peer.receive(), "answer");
  expect_success(process->wait_with_open_stdin(), "");
}

TEST_F(ListenUdpServeTest, AnUpstreamThatIsNotThereEndsAConversationWithALine) {
  DatagramPeer upstream;
  const std::string to = "udp:127.0.0.1:" + upstream.port();
  upstream.close();
  start({"-k", "--to", to, "--events", dir / "events"});
  DatagramPeer peer = client();
  peer.send("x");
  ASSERT_TRUE(process->wait_for_err("Connection refused (ECONNREFUSED)"));
  const RunResult result = stop();
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find(to), std::string::npos) << result.err;
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST_F(ListenUdpServeTest, AClientThatHasLeftEndsItsConversationOnly) {
  DatagramPeer upstream;
  start({"-k", "--to", "udp:127.0.0.1:" + upstream.port(), "--events", dir / "events"});
  DatagramPeer stays = client();
  stays.send("stays");
  EXPECT_EQ(upstream.receive(), "stays");
  const SocketAddress of_one_that_stays = upstream.from();
  {
    DatagramPeer leaves = client();
    leaves.send("leaves");
    EXPECT_EQ(upstream.receive(), "leaves");
  }
  upstream.send("to nobody");
  ASSERT_TRUE(process->wait_for_err("Connection refused (ECONNREFUSED)"));
  upstream.speak_to(of_one_that_stays);
  upstream.send("to somebody");
  EXPECT_EQ(stays.receive(), "to somebody");
  EXPECT_EQ(stop().status, 0);
  const Events events(dir.read("events"));
  EXPECT_EQ(events.first("closed").text("reason"), "peer-error");
  EXPECT_EQ(events.first("closed").number("conn"), 2);
}

TEST_F(ListenUdpServeTest, AnAnswerThatIsTooLongIsSaidAndTheNextOneGoes) {
  DatagramPeer upstream(dir / "upstream");
  start({"-k", "--to", "unix-dgram:" + (dir / "upstream")});
  DatagramPeer peer = client();
  peer.send("question");
  EXPECT_EQ(upstream.receive(), "question");
  upstream.send(std::string(100'000, 'x'));
  upstream.send("short");
  EXPECT_EQ(peer.receive(), "short");
  expect_failure(stop(), 0, "Message too long (EMSGSIZE)");
}

TEST_F(ListenUdpServeTest, ForwardsToAStreamAsWell) {
  start({"-k", "--to", "exec:cat"});
  DatagramPeer peer = client();
  peer.send("x");
  EXPECT_EQ(peer.receive(), "x");
}

// --- Other sockets --------------------------------------------------------------------------

TEST_F(ListenUdpServeTest, AUnixDatagramSocketIsServedTheSameWay) {
  const std::string path = dir / "server";
  start_at({"-k", "--echo", "unix-dgram:" + path});
  DatagramPeer peer(dir / "client");
  peer.speak_to(SocketAddress::unix_path(path));
  const std::string long_one(150'000, 'x');
  for (const std::string& bytes : {"one"s, ""s, long_one}) {
    peer.send(bytes);
    EXPECT_EQ(peer.receive(), bytes);
  }
  const UniqueFd nameless(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress to = SocketAddress::unix_path(path);
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(::sendto(nameless.get(), "x", 1, 0, to.data(), to.size()), 1);
  EXPECT_TRUE(process->wait_for_err("the peer has no name"));
  const RunResult result = stop();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_FALSE(std::filesystem::exists(path)) << "ours is removed";
}

TEST_F(ListenUdpServeTest, APassedSocketIsServed) {
  DatagramPeer passed;
  Process::Stdio stdio;
  stdio.fd3 = UniqueFd(::dup(passed.fd()));
  const SocketAddress at = SocketAddress::local_of(passed.fd());
  passed.close();
  process.emplace(std::vector<std::string>{"/bin/sh", "-c",
                                           "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$IOA\" listen -k -v "
                                           "systemd --echo"},
                  std::move(stdio), std::vector<std::string>{"IOA=" + ioa_binary()});
  ASSERT_TRUE(process->wait_for_err("listening"));
  DatagramPeer peer;
  peer.speak_to(at);
  peer.send("x");
  EXPECT_EQ(peer.receive(), "x");
  EXPECT_EQ(stop().status, 0);
}

TEST_F(ListenUdpServeTest, StreamsAndDatagramsAreServedSideBySide) {
  process.emplace(ioa({"listen", "-k", "--echo", "--port-file", dir / "ports", "tcp:127.0.0.1:0",
                       "udp:127.0.0.1:0"}));
  wait_until([&] { return std::filesystem::exists(dir / "ports"); }, "the ports");
  const std::string ports = dir.read("ports");
  const std::size_t line = ports.find('\n');
  expect_success(run_ioa({"connect", "127.0.0.1", ports.substr(0, line)}, "stream"), "stream");
  DatagramPeer peer;
  peer.speak_to(*SocketAddress::from_numeric(
      "127.0.0.1", static_cast<std::uint16_t>(std::stoi(ports.substr(line + 1)))));
  peer.send("datagram");
  EXPECT_EQ(peer.receive(), "datagram");
  expect_success(stop(), "");
}

TEST_F(ListenUdpServeTest, OfAllSocketsOneIsServedWithoutKeepOpen) {
  process.emplace(
      ioa({"listen", "--port-file", dir / "ports", "tcp:127.0.0.1:0", "udp:127.0.0.1:0"}));
  wait_until([&] { return std::filesystem::exists(dir / "ports"); }, "the ports");
  const std::string ports = dir.read("ports");
  const std::size_t line = ports.find('\n');
  DatagramPeer peer;
  peer.speak_to(*SocketAddress::from_numeric(
      "127.0.0.1", static_cast<std::uint16_t>(std::stoi(ports.substr(line + 1)))));
  peer.send("datagram");
  ASSERT_TRUE(process->wait_for_out("datagram"));
  const RunResult late = run_ioa({"connect", "127.0.0.1", ports.substr(0, line)});
  EXPECT_EQ(late.status, 4) << "nobody else can connect";
  expect_success(process->wait(), "datagram");
}

// --- A name server --------------------------------------------------------------------------

TEST_F(ListenUdpServeTest, DigAsksANameServerThroughIt) {
  const RunResult result = run_in_private_network("", R"(
ip addr add 192.0.2.2/24 dev veth0
cd $(mktemp -d)
dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --port=5353 --user=root \
  --listen-address=127.0.0.1 --bind-interfaces --address=/x.test/10.1.2.3 2>/dev/null &
upstream=$!
"$IOA" listen -u -k 53 --to udp:127.0.0.1:5353 --ready-fd 3 3>ready &
relay=$!
trap 'kill $relay $upstream; rm ready; rmdir "$PWD"' EXIT
until [ -s ready ]; do sleep 0.01; done
until dig +short +time=1 @127.0.0.1 -p 5353 up.x.test >/dev/null; do sleep 0.01; done
for server in 127.0.0.1 192.0.2.1 192.0.2.2; do dig +short +tries=1 @$server x.test; done
for i in 1 2 3 4 5 6 7 8; do dig +short +tries=1 @192.0.2.2 host$i.x.test & clients="$clients $!"; done
wait $clients
)");
  std::string expected;
  for (int i = 0; i < 11; ++i) expected += "10.1.2.3\n";
  EXPECT_EQ(result.out, expected) << result.err;
}

}  // namespace
}  // namespace ioa::test
