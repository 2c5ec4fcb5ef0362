// `ioa listen` and its one peer, or many: what arrives, and how it ends.
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>

#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {
namespace {

class ListenServeTest : public ::testing::Test {
 protected:
  TempDir dir_;
};

TEST_F(ListenServeTest, JoinsOnePeerToItsStandardInputAndOutput) {
  ListenServer server({});
  Peer peer = server.connect();
  peer.send("question");
  peer.shut_down();
  ASSERT_TRUE(server.program().wait_for_out("question"));
  server.program().write("answer");
  server.program().close_stdin();
  EXPECT_EQ(peer.receive_all(), "answer");
  expect_success(server.program().wait(), "question");
}

TEST_F(ListenServeTest, NobodyElseCanConnectOnceThePeerIsThere) {
  ListenServer server({});
  const Peer peer = server.connect();
  server.wait_for("accepted");
  EXPECT_FALSE(can_connect(server.port()));
}

// What every netcat of today gets wrong: the client has asked and shut down, and the answer is
// long.
TEST_F(ListenServeTest, ALongAnswerArrivesWholeAfterTheClientsEnd) {
  const std::string bytes = test_bytes(20 << 20);
  Process::Stdio stdio;
  SocketPair pipe = blocking_pipe();
  stdio.in = std::move(pipe.first);
  ListenServer server({}, "127.0.0.1:0", std::move(stdio));
  Peer peer = server.connect();
  peer.shut_down();
  server.wait_for("eof");  // it knows the client's end before it has a single byte to send
  std::thread writer([&] {
    for (std::string_view left = bytes; !left.empty();) {
      const ssize_t size = ::write(pipe.second.get(), left.data(), left.size());
      if (size <= 0) break;
      left.remove_prefix(static_cast<std::size_t>(size));
    }
    pipe.second.reset();
  });
  EXPECT_TRUE(peer.receive_all() == bytes);
  writer.join();
  EXPECT_EQ(server.program().wait_with_open_stdin().status, 0);
}

TEST_F(ListenServeTest, AnInputThatEndsFirstIsSentAndThePeerIsWaitedFor) {
  ListenServer server({});
  server.program().write("hello");
  server.program().close_stdin();
  Peer peer = server.connect();
  EXPECT_EQ(peer.receive_all(), "hello");
  peer.send("and bye");
  peer.close();
  expect_success(server.program().wait(), "and bye");
}

TEST_F(ListenServeTest, OnPeerEofExitEndsWithThePeerThoughInputIsOpen) {
  ListenServer server({"--on-peer-eof", "exit"});
  Peer peer = server.connect();
  peer.send("all");
  peer.close();
  expect_success(server.program().wait_with_open_stdin(), "all");
}

TEST_F(ListenServeTest, ReceiveOnlyEndsWithThePeer) {
  ListenServer server({"--recv-only"});
  Peer peer = server.connect();
  peer.send("all");
  peer.close();
  expect_success(server.program().wait_with_open_stdin(), "all");
}

TEST_F(ListenServeTest, AResetIsAFailureThatSaysHowMuchHasMoved) {
  ListenServer server({});
  Peer peer = server.connect();
  peer.send("12345");
  ASSERT_TRUE(server.program().wait_for_out("12345"));
  peer.reset();
  expect_failure(server.program().wait_with_open_stdin(), 1, "0 bytes sent, 5 received");
}

/// The whole stream to all of them at once, from as many threads.
void exchange_with_all(ListenServer& server, std::size_t size) {
  constexpr std::size_t kPeers = 8;
  std::array<std::thread, kPeers> threads;
  std::array<bool, kPeers> same{};
  for (std::size_t i = 0; i < kPeers; ++i) {
    threads[i] = std::thread([&, i] {
      const std::string bytes = test_bytes(size, i + 1);
      Peer peer = server.connect();
      std::thread sender([&] {
        peer.send(bytes);
        peer.shut_down();
      });
      same[i] = peer.receive_all() == bytes;
      sender.join();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const bool is_same : same) EXPECT_TRUE(is_same);
  EXPECT_EQ(server.end().status, 0);
}

std::size_t exchange_size() { return (wants_long_tests() ? 64U : 8U) << 20; }

TEST_F(ListenServeTest, EightClientsAtOnceGetBackWhatTheySend) {
  ListenServer server({"-k", "--echo", "--drain", "0"});
  exchange_with_all(server, exchange_size());
}

TEST_F(ListenServeTest, AndWhereTheBytesAreLookedAtOnTheirWay) {
  ListenServer server({"-k", "--echo", "--drain", "0", "--rate", "1G", "--sha256"});
  exchange_with_all(server, exchange_size() / 4);
}

TEST_F(ListenServeTest, ThroughASmallBuffer) {
  ListenServer server({"-k", "--echo", "--drain", "0", "--buffer", "100"});
  exchange_with_all(server, 100'000);
}

TEST_F(ListenServeTest, EightClientsAtOnceThroughAForwardedPort) {
  ListenServer far({"-k", "--echo", "--drain", "0"});
  ListenServer server({"-k", "--to", "tcp:127.0.0.1:" + far.port_text(), "--drain", "0"});
  exchange_with_all(server, exchange_size());
  EXPECT_EQ(far.end().status, 0);
}

TEST_F(ListenServeTest, EightClientsAtOnceThroughAUnixSocket) {
  ListenServer far({"-k", "--echo", "--drain", "0"}, "unix:" + (dir_ / "far"));
  ListenServer server({"-k", "--to", "unix:" + (dir_ / "far"), "--drain", "0"});
  exchange_with_all(server, exchange_size());
  EXPECT_EQ(far.end().status, 0);
}

TEST_F(ListenServeTest, EightClientsAtOnceThroughACommand) {
  ListenServer server({"-k", "-e", "cat", "--drain", "0"});
  exchange_with_all(server, exchange_size());
}

TEST_F(ListenServeTest, BulkIsForwardedWithoutBeingLookedAt) {
  TestServer far;
  ListenServer server({"-v", "--to", "tcp:127.0.0.1:" + far.port_text()});
  Peer peer = server.connect();
  Peer upstream = far.accept();
  const std::string bytes = test_bytes(8 << 20);
  std::thread sender([&] {
    peer.send(bytes);
    peer.shut_down();
  });
  EXPECT_TRUE(upstream.receive_all() == bytes);
  sender.join();
  upstream.close();
  EXPECT_EQ(peer.receive_all(), "");
  const RunResult result = server.program().wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("received by splice through a pipe"), std::string::npos) << result.err;
}

TEST_F(ListenServeTest, AnUpstreamThatIsNotThereEndsOnePeerOnly) {
  TestServer far;
  ListenServer server({"-k", "--to", "tcp:127.0.0.1:" + far.port_text()});
  {
    Peer first = server.connect();
    Peer upstream = far.accept();
    upstream.send("first");
    EXPECT_EQ(first.receive(5), "first");
    const std::string port = far.port_text();
    far.stop();
    Peer second = server.connect();
    EXPECT_EQ(second.receive_all(), "");
    ASSERT_TRUE(server.program().wait_for_err("connect 127.0.0.1:" + port));
    upstream.send("more");
    EXPECT_EQ(first.receive(4), "more");
  }
  server.wait_for("closed", 2);
  const RunResult result = server.end();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST_F(ListenServeTest, WithoutKeepOpenTheUpstreamsFailureIsTheStatus) {
  const ClosedPort port;
  ListenServer server({"--to", "127.0.0.1:" + port.port()});
  Peer peer = server.connect();
  EXPECT_EQ(peer.receive_all(), "");
  expect_failure(server.program().wait(), 4, "Connection refused (ECONNREFUSED)");
}

TEST_F(ListenServeTest, DiscardTakesEverythingAndSaysNothing) {
  ListenServer server({"-k", "--discard"});
  for (int i = 0; i < 3; ++i) {
    Peer peer = server.connect();
    peer.send(test_bytes(1 << 20));
    peer.shut_down();
    EXPECT_EQ(peer.receive_all(), "");
  }
  server.wait_for("closed", 3);
  EXPECT_EQ(server.events().first("closed").number("bytes_received"), 1 << 20);
  expect_success(server.end(), "");
}

TEST_F(ListenServeTest, OneEchoEndsWithItsPeer) {
  ListenServer server({"--echo"});
  Peer peer = server.connect();
  peer.send("again");
  EXPECT_EQ(peer.receive(5), "again");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "");
  expect_success(server.program().wait_with_open_stdin(), "");
}

TEST_F(ListenServeTest, ACommandThatIsNotThereIsToldBeforeAnythingIsBound) {
  expect_failure(run_ioa({"listen", "-k", "0", "-e", "/no/such/command"}), 127, "exec");
}

TEST_F(ListenServeTest, TheStatusOfTheCommandIsThatOfTheRun) {
  ListenServer server({"-c", "echo said; exit 7"});
  Peer peer = server.connect();
  EXPECT_EQ(peer.receive_all(), "said\n");
  peer.close();
  EXPECT_EQ(server.program().wait().status, 7);
}

TEST_F(ListenServeTest, ACommandHasTheNamesOfItsConnection) {
  ListenServer server({"-k", "-c", "echo $IOA_REMOTE_ADDR $IOA_LOCAL_PORT $IOA_PROTO $IOA_CONN"});
  EXPECT_EQ(server.connect().receive_all(), "127.0.0.1 " + server.port_text() + " tcp 1\n");
  EXPECT_EQ(server.connect().receive_all(), "127.0.0.1 " + server.port_text() + " tcp 2\n");
}

TEST_F(ListenServeTest, SumsAreSaidForEachConnection) {
  ListenServer server({"-k", "--echo", "--sha256", "--stats"});
  Peer peer = server.connect();
  peer.send("abc");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "abc");
  ASSERT_TRUE(server.program().wait_for_err(
      "SHA-256 received: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  const RunResult result = server.end();
  EXPECT_NE(result.err.find("ioa listen: 127.0.0.1:"), std::string::npos) << result.err;
}

TEST_F(ListenServeTest, AThousandClientsAtOnceAreServed) {
  ListenServer server({"-k", "--echo", "-m", "0", "--drain", "0"});
  std::vector<Peer> peers;
  for (int i = 0; i < 1000; ++i) peers.push_back(server.connect());
  for (std::size_t i = 0; i < peers.size(); ++i) peers[i].send("peer " + std::to_string(i));
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers[i].shut_down();
    EXPECT_EQ(peers[i].receive_all(), "peer " + std::to_string(i));
  }
  EXPECT_EQ(server.end().status, 0);
}

}  // namespace
}  // namespace ioa::test
