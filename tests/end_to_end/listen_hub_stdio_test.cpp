// `ioa listen -k` with standard input and output: one source and one sink for many peers.
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/end_to_end.hpp"
#include "tests/end_to_end/hub_server.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class ListenHubStdioTest : public GuardedTest {
 protected:
  TempDir dir;
};

TEST_F(ListenHubStdioTest, StdinGoesToEveryPeerAndEveryPeerToStdout) {
  HubServer server({"-k", "--drain", "5s"});
  std::vector<Peer> peers = server.connect_many(3);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers[i].send("from " + std::to_string(i) + "\n");
    ASSERT_TRUE(server.program().wait_for_out("from " + std::to_string(i) + "\n"));
  }
  server.program().write("to all\n");
  for (Peer& peer : peers) EXPECT_EQ(peer.receive(7), "to all\n");
  for (Peer& peer : peers) peer.shut_down();
  server.program().close_stdin();
  for (Peer& peer : peers) EXPECT_EQ(peer.receive_all(), "");
  const RunResult result = server.stop();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "from 0\nfrom 1\nfrom 2\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(ListenHubStdioTest, StdinIsKeptForTheFirstPeer) {
  Process::Stdio stdio;
  const std::string path = dir.write("input", "all of it");
  stdio.in = open_to_read(path);
  HubServer server({"-k"}, std::move(stdio));
  Peer first = server.connect();
  EXPECT_EQ(first.receive_all(), "all of it");
  Peer second = server.connect();
  EXPECT_EQ(second.receive_all(), "");
  second.send("heard all the same");
  EXPECT_TRUE(server.program().wait_for_out("heard all the same"));
  first.close();
  second.close();
  const RunResult result = server.stop();
  EXPECT_EQ(result.out, "heard all the same");
}

TEST_F(ListenHubStdioTest, AClientThatHasShutDownGetsItsWholeAnswer) {
  HubServer server({"-k", "--drain", "5s"});
  Peer peer = server.connect();
  peer.send("question");
  peer.shut_down();
  ASSERT_TRUE(server.program().wait_for_out("question"));
  const std::string answer = test_bytes(4 << 20);
  std::thread reader([&] { EXPECT_TRUE(peer.receive_all() == answer); });
  server.program().write(answer);
  server.program().close_stdin();
  reader.join();
  EXPECT_EQ(server.stop().status, 0);
}

TEST_F(ListenHubStdioTest, OnPeerEofExitLetsAPeerGo) {
  HubServer server({"-k", "--drain", "5s", "--on-peer-eof", "exit"});
  Peer peer = server.connect();
  peer.send("bye");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "");
  EXPECT_TRUE(server.program().wait_for_out("bye"));
  EXPECT_EQ(server.stop().status, 0);
}

TEST_F(ListenHubStdioTest, RecvOnlyLeavesStdinAlone) {
  HubServer server({"-k", "--drain", "5s", "--recv-only"});
  server.program().write("not for you");
  Peer peer = server.connect();
  peer.send("said");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "");
  const RunResult result = server.stop();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "said");
}

TEST_F(ListenHubStdioTest, SendOnlyThrowsAwayWhatPeersSay) {
  HubServer server({"-k", "--send-only"});
  Peer peer = server.connect();
  peer.send("noise");
  server.program().write("news");
  server.program().close_stdin();
  EXPECT_EQ(peer.receive_all(), "news");
  EXPECT_EQ(server.stop().out, "");
}

TEST_F(ListenHubStdioTest, CrlfIsWhatEveryPeerGets) {
  HubServer server({"-k", "-C"});
  std::vector<Peer> peers = server.connect_many(2);
  peers[0].send("a\n");
  peers[1].send("b\n");
  ASSERT_TRUE(server.program().wait_for_out("b\n"));
  server.program().write("one\ntwo\r\n");
  for (Peer& peer : peers) EXPECT_EQ(peer.receive(10), "one\r\ntwo\r\n");
}

TEST_F(ListenHubStdioTest, TagsTellWhoHasSaidALine) {
  HubServer server({"-k", "--tag"});
  Peer one = server.connect();
  Peer other = server.connect();
  const auto name = [](const Peer& peer) { return SocketAddress::local_of(peer.fd()).to_string(); };
  one.send("first ");
  other.send("other\n");
  ASSERT_TRUE(server.program().wait_for_out(name(other) + "\tother\n"));
  one.send("line\nand a last");
  ASSERT_TRUE(server.program().wait_for_out(name(one) + "\tfirst line\n"));
  one.shut_down();
  ASSERT_TRUE(server.program().wait_for_out("and a last"));
  other.send("end\n");
  ASSERT_TRUE(server.program().wait_for_out("end\n"));
  EXPECT_EQ(server.stop(SIGTERM).out, name(other) + "\tother\n" + name(one) + "\tfirst line\n" +
                                          name(one) + "\tand a last\n" + name(other) + "\tend\n");
}

TEST_F(ListenHubStdioTest, ATagMayBeOfOnesOwn) {
  HubServer server({"-k", "--tag=[{n}]"});
  Peer one = server.connect();
  one.send("a\n");
  ASSERT_TRUE(server.program().wait_for_out("[1]\ta\n"));
  Peer two = server.connect();
  two.send("b\n");
  ASSERT_TRUE(server.program().wait_for_out("[2]\tb\n"));
}

TEST_F(ListenHubStdioTest, OnePeerAloneMayBeTaggedToo) {
  HubServer server({"--tag=who"});
  Peer peer = server.connect();
  peer.send("a\nb");
  peer.shut_down();
  server.program().write("answer");
  server.program().close_stdin();
  EXPECT_EQ(peer.receive_all(), "answer");
  const RunResult result = server.program().wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "who\ta\nwho\tb");
}

TEST_F(ListenHubStdioTest, LinesOfManyPeersAreWhole) {
  HubServer server({"-k", "--drain", "5s", "--tag={n}", "--recv-only"});
  constexpr int kPeers = 20, kLines = 500;
  std::vector<Peer> peers = server.connect_many(kPeers);
  const std::string line(97, 'x');
  std::string text;
  for (int i = 0; i < kLines; ++i) text += line + "\n";
  std::vector<std::thread> talkers;
  for (Peer& peer : peers)
    talkers.emplace_back([&peer, &text] {
      for (std::size_t at = 0; at < text.size(); at += 61)
        peer.send(std::string_view(text).substr(at, 61));
      peer.shut_down();
      peer.receive_all();
    });
  for (std::thread& talker : talkers) talker.join();
  const RunResult result = server.stop();
  EXPECT_EQ(result.status, 0) << result.err;
  ASSERT_EQ(line_count(result.out), static_cast<std::size_t>(kPeers * kLines));
  for (std::size_t at = 0; at < result.out.size();) {
    const std::size_t end = result.out.find('\n', at);
    const std::size_t tab = result.out.find('\t', at);
    ASSERT_LT(tab, end);
    ASSERT_EQ(result.out.substr(tab + 1, end - tab - 1), line);
    at = end + 1;
  }
}

TEST_F(ListenHubStdioTest, WhatPeersSayMayGoToAFile) {
  HubServer server({"-k", "--drain", "5s", "-o", dir / "log"});
  Peer peer = server.connect();
  peer.send("stored");
  peer.shut_down();
  server.program().close_stdin();
  EXPECT_EQ(peer.receive_all(), "");
  const RunResult result = server.stop();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(dir.read("log"), "stored");
}

TEST_F(ListenHubStdioTest, AReaderOfStdoutThatLeavesEndsTheRunQuietly) {
  HubServer server({"-k"});
  std::vector<Peer> peers = server.connect_many(2);
  server.program().stop_reading_output();
  peers[0].send("x");
  EXPECT_EQ(peers[0].receive_all(), "");
  const RunResult result = server.program().wait_with_open_stdin();
  EXPECT_EQ(result.status, 141);
  EXPECT_EQ(result.err, "");
}

TEST_F(ListenHubStdioTest, AFullDiskEndsTheRun) {
  Process::Stdio stdio;
  stdio.out = open_to_write("/dev/full");
  HubServer server({"-k"}, std::move(stdio));
  Peer peer = server.connect();
  peer.send("x");
  const RunResult result = server.program().wait_with_open_stdin();
  expect_failure(result, 1, "write standard output: No space left on device (ENOSPC)");
}

TEST_F(ListenHubStdioTest, AClosedStdinIsAnEmptyOne) {
  Process::Stdio stdio;
  stdio.closed_in = true;
  HubServer server({"-k"}, std::move(stdio));
  Peer peer = server.connect();
  EXPECT_EQ(peer.receive_all(), "");
  peer.send("x");
  EXPECT_TRUE(server.program().wait_for_out("x"));
}

TEST_F(ListenHubStdioTest, AStdinThatCannotBeReadIsAFailure) {
  Process::Stdio stdio;
  stdio.in = open_to_write(dir.write("x", "content"));
  HubServer server({"-k"}, std::move(stdio));
  Peer peer = server.connect();
  expect_failure(server.program().wait_with_open_stdin(), 1,
                 "read standard input: Bad file descriptor (EBADF): 0 bytes sent, 0 received");
}

TEST_F(ListenHubStdioTest, APeerThatBreaksIsReportedAndTheOthersGoOn) {
  HubServer server({"-k"});
  Peer bad = server.connect();
  Peer good = server.connect();
  const std::string name = SocketAddress::local_of(bad.fd()).to_string();
  bad.send("abc");
  ASSERT_TRUE(server.program().wait_for_out("abc"));
  bad.reset();
  EXPECT_TRUE(server.program().wait_for_err(
      name + ": recv: Connection reset by peer (ECONNRESET): 0 bytes sent, 3 received\n"));
  server.program().write("still there");
  EXPECT_EQ(good.receive(11), "still there");
}

TEST_F(ListenHubStdioTest, ASilentPeerIsClosedAndTheRunGoesOn) {
  HubServer server({"-k", "-i", "200ms"});
  Peer peer = server.connect();
  const std::string name = SocketAddress::local_of(peer.fd()).to_string();
  EXPECT_EQ(peer.receive_all(), "");
  EXPECT_TRUE(server.program().wait_for_err(name + ": --idle-timeout 200ms reached: "));
  Peer another = server.connect();
  another.send("x");
  EXPECT_TRUE(server.program().wait_for_out("x"));
}

TEST_F(ListenHubStdioTest, EventsTellOfEveryPeer) {
  const std::string events = dir / "events";
  HubServer server({"-k", "--drain", "5s", "--events", events});
  Peer peer = server.connect();
  peer.send("12345");
  ASSERT_TRUE(server.program().wait_for_out("12345"));
  server.program().write("abc");
  server.program().close_stdin();
  EXPECT_EQ(peer.receive_all(), "abc");
  peer.close();
  server.stop();
  const Events all(dir.read("events"));
  EXPECT_EQ(all.names(), "listening accepted eof eof closed exit");
  const JsonObject& closed = all.first("closed");
  EXPECT_EQ(closed.number("conn"), 1);
  EXPECT_EQ(closed.number("bytes_sent"), 3);
  EXPECT_EQ(closed.number("bytes_received"), 5);
  EXPECT_EQ(closed.text("reason"), "eof");
}

TEST_F(ListenHubStdioTest, SumsAreOfAllPeers) {
  HubServer server({"-k", "--drain", "5s", "--sha256", "--stats", "--recv-only"});
  Peer peer = server.connect();
  peer.send("abc");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "");
  const RunResult result = server.stop();
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("0 bytes sent (0/s), 3 bytes received"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("SHA-256 received: "
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            std::string::npos)
      << result.err;
}

TEST_F(ListenHubStdioTest, RealClientsAreServed) {
  const RunResult result = run_shell(R"sh(
    cd "$(mktemp -d)"; mkfifo in
    "$IOA" listen -k 127.0.0.1 0 --port-file port --tag={n} <in >out & server=$!
    exec 7>in
    until [ -s port ]; do sleep 0.02; done
    echo by nc | nc -q 5 127.0.0.1 $(cat port) >nc.out 7>&- & one=$!
    until grep -q nc out; do sleep 0.02; done
    echo by socat | socat -t 5 - TCP:127.0.0.1:$(cat port) >socat.out 7>&- & two=$!
    until grep -q socat out; do sleep 0.02; done
    echo hello >&7; exec 7>&-
    wait $one $two
    cat nc.out socat.out out; kill $server; wait $server; echo $?)sh");
  EXPECT_EQ(result.out, "hello\nhello\n1\tby nc\n2\tby socat\n0\n");
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace ioa::test
