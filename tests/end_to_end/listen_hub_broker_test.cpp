// `ioa listen --broker` and `--chat`: peers that speak to each other.
#include <sys/socket.h>

#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/end_to_end.hpp"
#include "tests/end_to_end/hub_server.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class ListenHubBrokerTest : public GuardedTest {};

TEST_F(ListenHubBrokerTest, EachPeersBytesGoToEveryOther) {
  HubServer server({"--broker"});
  std::vector<Peer> peers = server.connect_many(3);
  peers[0].send("one");
  EXPECT_EQ(peers[1].receive(3), "one");
  EXPECT_EQ(peers[2].receive(3), "one");
  peers[2].send("three");
  EXPECT_EQ(peers[0].receive(5), "three");
  EXPECT_EQ(peers[1].receive(5), "three");
  EXPECT_EQ(server.stop().out, "");
}

TEST_F(ListenHubBrokerTest, StdinIsNotRead) {
  SocketPair in = blocking_pipe();
  write_all(in.second.get(), "unread");
  Process::Stdio stdio;
  const UniqueFd kept = copy_of(in.first);
  stdio.in = std::move(in.first);
  HubServer server({"-k", "--broker"}, std::move(stdio));
  std::vector<Peer> peers = server.connect_many(2);
  peers[0].send("x");
  EXPECT_EQ(peers[1].receive(1), "x");
  in.second.reset();
  EXPECT_EQ(read_to_end(kept.get()), "unread");
}

TEST_F(ListenHubBrokerTest, TwoHundredPeersHearEveryWord) {
  HubServer server({"-k", "--broker"});
  constexpr int kPeers = 200;
  std::vector<Peer> peers = server.connect_many(kPeers);
  const std::string text = test_bytes(100'000);
  std::vector<std::string> heard(kPeers);
  std::thread listener([&] {
    for (std::size_t i = 1; i < kPeers; ++i) heard[i] = peers[i].receive(text.size());
  });
  peers[0].send(text);
  listener.join();
  for (std::size_t i = 1; i < kPeers; ++i) ASSERT_TRUE(heard[i] == text) << i;
  for (std::size_t i = 1; i < kPeers; ++i) peers[i].send("+");
  EXPECT_EQ(peers[0].receive(kPeers - 1), std::string(kPeers - 1, '+'));
}

TEST_F(ListenHubBrokerTest, APeerThatHasLeftIsNoFailure) {
  HubServer server({"--broker"});
  std::vector<Peer> peers = server.connect_many(3);
  peers[0].send("x");
  EXPECT_EQ(peers[1].receive(1), "x");
  EXPECT_EQ(peers[2].receive(1), "x");
  peers[0].shut_down();
  peers[0].close();
  for (int i = 0; i < 5; ++i) {
    peers[1].send("y");
    EXPECT_EQ(peers[2].receive(1), "y");
  }
  peers[1].close();
  peers[2].close();
  EXPECT_EQ(server.stop().err.find("send"), std::string::npos);
}

TEST_F(ListenHubBrokerTest, WhoHasGoneMakesRoomWithTheFirstWord) {
  HubServer server({"--broker", "--max-conns", "2"});
  std::vector<Peer> peers = server.connect_many(3);  // the third one waits
  peers[0].close();
  peers[1].send("a");
  peers[2].send("b");
  EXPECT_EQ(peers[1].receive(1), "b");
  EXPECT_EQ(server.stop().err.find("send"), std::string::npos);
}

TEST_F(ListenHubBrokerTest, AtAUnixSocketWhoHasGoneMakesRoomAtOnce) {
  const TempDir dir;
  const std::string path = dir / "socket";
  Process server(ioa({"listen", "--broker", "--max-conns", "2", "-v", "unix:" + path}));
  ASSERT_TRUE(server.wait_for_err("listening"));
  std::vector<Peer> peers;
  for (int i = 0; i < 3; ++i) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress address = SocketAddress::unix_path(path);
    ASSERT_EQ(::connect(fd.get(), address.data(), address.size()), 0);
    peers.emplace_back(std::move(fd));
  }
  peers[0].close();
  peers[2].send("b");
  EXPECT_EQ(peers[1].receive(1), "b");
  server.signal(SIGTERM);
  server.wait_with_open_stdin();
}

TEST_F(ListenHubBrokerTest, AHalfClosedPeerHearsTheOthers) {
  HubServer server({"--broker"});
  std::vector<Peer> peers = server.connect_many(2);
  peers[0].send("last");
  peers[0].shut_down();
  EXPECT_EQ(peers[1].receive(4), "last");
  peers[1].send("answer");
  EXPECT_EQ(peers[0].receive(6), "answer");
}

TEST_F(ListenHubBrokerTest, AChatHasALineAPersonWithTheirName) {
  HubServer server({"-k", "--chat"});
  std::vector<Peer> peers = server.connect_many(3);
  peers[0].send("hello\n");
  EXPECT_EQ(peers[1].receive(14), "<user1> hello\n");
  EXPECT_EQ(peers[2].receive(14), "<user1> hello\n");
  peers[1].send("hi\r\nthere\n");
  EXPECT_EQ(peers[0].receive(26), "<user2> hi\r\n<user2> there\n");
}

TEST_F(ListenHubBrokerTest, TheLastLineOfSomebodyWhoLeavesIsALine) {
  HubServer server({"--chat", "-C"});
  std::vector<Peer> peers = server.connect_many(2);
  peers[0].send("bye");
  peers[0].shut_down();
  EXPECT_EQ(peers[1].receive(13), "<user1> bye\r\n");
}

TEST_F(ListenHubBrokerTest, AChatMayBeWrittenDown) {
  const TempDir dir;
  HubServer server({"--chat", "-o", dir / "log"});
  std::vector<Peer> peers = server.connect_many(2);
  peers[1].send("hello\n");
  EXPECT_EQ(peers[0].receive(14), "<user2> hello\n");
  peers[0].send("bye\n");
  EXPECT_EQ(peers[1].receive(12), "<user1> bye\n");
  server.stop();
  EXPECT_EQ(dir.read("log"), "<user2> hello\n<user1> bye\n");
}

TEST_F(ListenHubBrokerTest, WithNobodyThereItEndsWithStatusZero) {
  HubServer server({"--chat"});
  EXPECT_EQ(server.stop(SIGINT).status, 0);
}

TEST_F(ListenHubBrokerTest, RealClientsTalk) {
  const RunResult result = run_shell(R"sh(
    cd "$(mktemp -d)"; mkfifo a b
    "$IOA" listen --chat 127.0.0.1 0 --port-file port & server=$!
    until [ -s port ]; do sleep 0.02; done
    nc 127.0.0.1 $(cat port) <a >nc.out & one=$!
    exec 7>a
    echo first >&7
    socat - TCP:127.0.0.1:$(cat port) <b >socat.out & two=$!
    exec 8>b
    until grep -q first socat.out; do sleep 0.02; done
    echo second >&8
    until grep -q second nc.out; do sleep 0.02; done
    kill $server; wait $server 2>/dev/null; exec 7>&- 8>&-; wait $one $two; cat nc.out socat.out)sh");
  EXPECT_EQ(result.out, "<user2> second\n<user1> first\n");
}

}  // namespace
}  // namespace ioa::test
