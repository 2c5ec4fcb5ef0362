// What the options about sockets do, as strace(1) sees it; Fast Open and Multipath TCP, as their
// peers see them.
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/datagram_peer.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class SocketOptionsCliTest : public GuardedTest {
 protected:
  /// The calls that set options, and bind, of a run with these arguments.
  std::string calls(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "connect");
    std::vector<std::string> command = ioa(std::move(arguments));
    const std::vector<std::string> strace{
        "strace", "-f", "-qq", "-o", dir / "trace", "-e", "trace=setsockopt,bind,socket"};
    command.insert(command.begin(), strace.begin(), strace.end());
    // LeakSanitizer refuses to be traced.
    Process process(command, {}, {"ASAN_OPTIONS=detect_leaks=0"});
    const RunResult result = process.wait();
    EXPECT_EQ(result.status, 0) << result.err;
    return dir.read("trace");
  }
  std::string tcp(std::vector<std::string> options, ScriptedPeer::Where where) {
    ScriptedPeer peer([](PeerConnection& connection) { connection.expect_end(); }, where);
    options.push_back(peer.address());
    return calls(std::move(options));
  }
  std::string tcp4(std::vector<std::string> options) {
    return tcp(std::move(options), ScriptedPeer::Where::ipv4);
  }
  std::string tcp6(std::vector<std::string> options) {
    return tcp(std::move(options), ScriptedPeer::Where::ipv6);
  }
  std::string udp(std::vector<std::string> options) {
    const DatagramPeer peer;
    options.insert(options.end(), {"-q0", "-u", "127.0.0.1", peer.port()});
    return calls(std::move(options));
  }
  static void expect_in(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }

  TempDir dir;
};

TEST_F(SocketOptionsCliTest, AreSetAsTheyWereGiven) {
  const std::string v4 =
      tcp4({"--interface", "lo", "--ttl", "7", "--tos", "0x10", "--nodelay", "--keepalive", "90",
            "--sndbuf", "64K", "--rcvbuf", "128K", "-s", "127.0.0.2"});
  expect_in(v4, "SOL_SOCKET, SO_BINDTODEVICE, \"lo");
  expect_in(v4, "SOL_IP, IP_TTL, [7], 4) = 0");
  expect_in(v4, "SOL_IP, IP_TOS, [16], 4) = 0");
  expect_in(v4, "TCP_NODELAY, [1], 4) = 0");
  expect_in(v4, "SO_KEEPALIVE, [1], 4) = 0");
  expect_in(v4, "TCP_KEEPIDLE, [90], 4) = 0");
  expect_in(v4, "TCP_KEEPINTVL, [90], 4) = 0");
  expect_in(v4, "SO_SNDBUF, [65536], 4) = 0");
  expect_in(v4, "SO_RCVBUF, [131072], 4) = 0");
  expect_in(v4, "inet_addr(\"127.0.0.2\")");
  const std::string v6 = tcp6({"--ttl", "7", "--tos", "0x10"});
  expect_in(v6, "IPV6_UNICAST_HOPS, [7], 4) = 0");
  expect_in(v6, "IPV6_TCLASS, [16], 4) = 0");
}

TEST_F(SocketOptionsCliTest, AreSetForDatagramsToo) {
  const std::string trace = udp({"--interface", "lo", "--ttl", "7", "--tos", "16", "--sndbuf",
                                 "64K", "--rcvbuf", "128K", "-b"});
  expect_in(trace, "SO_BINDTODEVICE, \"lo");
  expect_in(trace, "SOL_IP, IP_TTL, [7], 4) = 0");
  expect_in(trace, "IP_TOS, [16], 4) = 0");
  expect_in(trace, "SO_SNDBUF, [65536], 4) = 0");
  expect_in(trace, "SO_RCVBUF, [131072], 4) = 0");
  expect_in(trace, "SO_BROADCAST, [1], 4) = 0");
}

TEST_F(SocketOptionsCliTest, AreLeftAloneUnlessGiven) {
  const std::string trace = tcp4({});
  for (const std::string name : {"IP_TTL", "IP_TOS", "TCP_NODELAY", "SO_KEEPALIVE", "SO_SNDBUF",
                                 "SO_RCVBUF", "SO_BINDTODEVICE", "FASTOPEN", "bind("})
    EXPECT_EQ(trace.find(name), std::string::npos) << name;
  EXPECT_EQ(udp({}).find("SO_BROADCAST"), std::string::npos);
}

TEST_F(SocketOptionsCliTest, TheTimeToLiveIsWhatThePeerSees) {
  DatagramPeer peer;
  const int on = 1;
  ASSERT_EQ(::setsockopt(peer.fd(), IPPROTO_IP, IP_RECVTTL, &on, sizeof on), 0);
  ASSERT_EQ(::setsockopt(peer.fd(), IPPROTO_IP, IP_RECVTOS, &on, sizeof on), 0);
  EXPECT_EQ(
      run_ioa({"connect", "-uq0", "--ttl", "9", "--tos", "0x20", "127.0.0.1", peer.port()}, "x")
          .status,
      0);
  char control[256];
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ASSERT_GE(::recvmsg(peer.fd(), &message, 0), 0);
  int ttl = 0;
  int tos = 0;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_type == IP_TTL) ttl = *reinterpret_cast<const int*>(CMSG_DATA(each));
    if (each->cmsg_type == IP_TOS) tos = *CMSG_DATA(each);
  }
  EXPECT_EQ(ttl, 9);
  EXPECT_EQ(tos, 0x20);
}

/// A server of Python's, which tells each client what the kernel says of the connection.
std::string python_server(const std::string& setup, const std::string& report) {
  return "cat >/run/server.py <<'END'\n"
         "import socket, struct\n" +
         setup +
         "server.bind(('127.0.0.1', 8080))\n"
         "server.listen(8)\n"
         "open('/run/ready', 'w').close()\n"
         "while True:\n"
         "    client, _ = server.accept()\n" +
         report +
         "    client.close()\n"
         "END\n"
         "python3 /run/server.py & until [ -e /run/ready ]; do sleep 0.02; done\n";
}

/// TCP_INFO of a connection has TCPI_OPT_SYN_DATA (32) among its options if the SYN had data.
const std::string& fast_open_server() {
  static const std::string kServer = python_server(
      "server = socket.socket()\n"
      "server.setsockopt(socket.IPPROTO_TCP, 23, 8)\n",  // TCP_FASTOPEN
      "    client.sendall(b'hello ')\n"
      "    asked = b''\n"
      "    while chunk := client.recv(100):\n"
      "        asked += chunk\n"
      "    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)\n"
      "    client.sendall(asked + (b' early\\n' if info[5] & 32 else b' late\\n'))\n");
  return kServer;
}

TEST_F(SocketOptionsCliTest, FastOpenSendsTheFirstBytesWithTheSyn) {
  const RunResult result = run_in_private_network(
      "", "echo 3 >/proc/sys/net/ipv4/tcp_fastopen\n" + fast_open_server() +
              "for i in 1 2 3; do\n"
              "  printf $i >/run/input; \"$IOA\" connect -v --fastopen 127.0.0.1 8080 </run/input\n"
              "done\n");
  EXPECT_EQ(result.out, "hello 1 late\nhello 2 early\nhello 3 early\n") << result.err;
  EXPECT_NE(result.err.find("without Fast Open, as the peer has given no cookie"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("the first bytes go with the SYN"), std::string::npos) << result.err;
}

TEST_F(SocketOptionsCliTest, FastOpenDoesNotWaitForAServerThatSpeaksFirst) {
  const RunResult result = run_in_private_network(
      "", "echo 3 >/proc/sys/net/ipv4/tcp_fastopen\n" + fast_open_server() +
              "printf 1 | \"$IOA\" connect --fastopen 127.0.0.1 8080\n"
              "sleep 2 | timeout 1 \"$IOA\" connect --fastopen -v 127.0.0.1 8080\n"
              "\"$IOA\" connect --fastopen 127.0.0.1 8080 </dev/null\n");
  EXPECT_EQ(result.out.rfind("hello 1 late\nhello hello  late\n", 0), 0U)
      << result.out << result.err;
}

TEST_F(SocketOptionsCliTest, FastOpenThatIsRefusedIsNoSuccess) {
  const RunResult result = run_in_private_network(
      "", "echo 3 >/proc/sys/net/ipv4/tcp_fastopen\n" + fast_open_server() +
              "server=$!\n"
              "printf 1 | \"$IOA\" connect --fastopen 127.0.0.1 8080\n"
              "kill $server; wait $server 2>/dev/null\n"
              "printf 1 >/run/input; \"$IOA\" connect --fastopen 127.0.0.1 8080 </run/input\n"
              "echo \"status $?\"\n"
              "\"$IOA\" connect --fastopen 127.0.0.1 8080 </dev/null\n"
              "echo \"status $?\"\n");
  EXPECT_EQ(result.out, "hello 1 late\nstatus 1\nstatus 4\n") << result.err;
}

TEST_F(SocketOptionsCliTest, FastOpenFallsBackWhereTheSystemForbidsIt) {
  const RunResult result =
      run_in_private_network("", "echo 0 >/proc/sys/net/ipv4/tcp_fastopen\n" +
                                     serve_in_script("127.0.0.1", "8080", "here") +
                                     "\"$IOA\" connect -v --fastopen 127.0.0.1 8080 </dev/null\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "here\n");
  EXPECT_NE(result.err.find("without TCP Fast Open: setsockopt TCP_FASTOPEN_CONNECT"),
            std::string::npos)
      << result.err;
}

TEST_F(SocketOptionsCliTest, MultipathIsUsedWithAPeerThatHasIt) {
  const std::string server =
      python_server("server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\n",
                    "    client.sendall(client.recv(100) + b' there\\n')\n");
  const RunResult result = run_in_private_network(
      "", server + "printf hi | \"$IOA\" connect -v --mptcp 127.0.0.1 8080\n");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "hi there\n");
  EXPECT_NE(result.err.find("connected by Multipath TCP"), std::string::npos) << result.err;
}

TEST_F(SocketOptionsCliTest, MultipathFallsBackToPlainTcp) {
  const RunResult peer =
      run_in_private_network("", serve_in_script("127.0.0.1", "8080", "here") +
                                     "\"$IOA\" connect -v --mptcp 127.0.0.1 8080 </dev/null\n");
  EXPECT_EQ(peer.out, "here\n");
  EXPECT_NE(peer.err.find("plain TCP, as the peer has no Multipath TCP"), std::string::npos)
      << peer.err;
  const RunResult system = run_in_private_network(
      "", "echo 0 >/proc/sys/net/mptcp/enabled\n" + serve_in_script("127.0.0.1", "8080", "here") +
              "\"$IOA\" connect -v --mptcp 127.0.0.1 8080 </dev/null\n");
  EXPECT_EQ(system.out, "here\n");
  EXPECT_NE(system.err.find("plain TCP, as this system has no Multipath TCP"), std::string::npos)
      << system.err;
}

}  // namespace
}  // namespace ioa::test
