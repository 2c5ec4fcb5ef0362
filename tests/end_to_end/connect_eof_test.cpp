// What happens when standard input ends, and when the peer does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>

#include "tests/support/run_ioa.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

class ConnectEofTest : public ::testing::Test {
 protected:
  std::vector<std::string> to_server(std::vector<std::string> options = {}) {
    options.insert(options.begin(), "connect");
    options.insert(options.end(), {"127.0.0.1", server_.port_text()});
    return ioa(std::move(options));
  }
  static Process::Stdio input(int fd) {
    Process::Stdio stdio;
    stdio.in = UniqueFd(fd);
    return stdio;
  }

  TestServer server_;
  TempDir dir_;
};

TEST_F(ConnectEofTest, HalfClosesAfterTheLastByteAndReceivesToTheEnd) {
  Process process(to_server());
  Peer peer = server_.accept();
  process.write("question");
  process.close_stdin();
  EXPECT_EQ(peer.receive_all(), "question");
  peer.send("a late answer");
  peer.close();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "a late answer");
  EXPECT_EQ(result.err, "");
}

TEST_F(ConnectEofTest, AfterReplyShutsDownOnlyOnceThePeerHasSpoken) {
  Process process(to_server({"--on-stdin-eof", "after-reply", "-v"}));
  Peer peer = server_.accept();
  process.write("x");
  process.close_stdin();
  EXPECT_EQ(peer.receive(1), "x");
  ASSERT_TRUE(process.wait_for_err("standard input has ended"));
  char byte = 0;
  EXPECT_EQ(::recv(peer.fd(), &byte, 1, MSG_DONTWAIT), -1) << "shut down before the reply";
  peer.send("reply");
  EXPECT_EQ(peer.receive_all(), "");
  peer.close();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "reply");
}

TEST_F(ConnectEofTest, CloseEndsTheRunWithoutWaitingForThePeer) {
  Process process(to_server({"--on-stdin-eof", "close"}));
  Peer peer = server_.accept();
  process.write("all of it");
  EXPECT_EQ(process.wait().status, 0);
  EXPECT_EQ(peer.receive_all(), "all of it");
}

TEST_F(ConnectEofTest, KeepLeavesTheWriteSideOpen) {
  Process process(to_server({"--on-stdin-eof", "keep", "-v"}));
  Peer peer = server_.accept();
  process.close_stdin();
  ASSERT_TRUE(process.wait_for_err("standard input has ended"));
  char byte = 0;
  EXPECT_EQ(::recv(peer.fd(), &byte, 1, MSG_DONTWAIT), -1);
  peer.send("still there");
  peer.close();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "still there");
}

TEST_F(ConnectEofTest, QuitAfterEndsTheWaitWithStatusZero) {
  Process process(to_server({"-q", "50ms"}));
  Peer peer = server_.accept();
  process.write("sent");
  EXPECT_EQ(process.wait().status, 0);
  EXPECT_EQ(peer.receive_all(), "sent");
}

TEST_F(ConnectEofTest, ThePeersEndEndsARunWhoseStandardInputIsAnIdlePipe) {
  Process process(to_server());
  Peer peer = server_.accept();
  peer.send("bye");
  peer.close();
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "bye");
}

TEST_F(ConnectEofTest, WhatStandardInputHasReadyIsSentAfterThePeerHasEnded) {
  const std::string bytes = test_bytes(300'000);
  Process process(to_server({"-v"}));
  Peer peer = server_.accept();
  peer.shut_down();
  ASSERT_TRUE(process.wait_for_err("the peer has ended") || !process.is_running());
  EXPECT_EQ(process.wait().status, 0);
  EXPECT_EQ(peer.receive_all(), "");

  Process second(to_server());
  Peer other = server_.accept();
  second.write(bytes);
  other.shut_down();
  EXPECT_EQ(other.receive(bytes.size()), bytes);
  EXPECT_EQ(second.wait().status, 0);
}

TEST_F(ConnectEofTest, ARegularFileIsSentToItsEndThoughThePeerHasEnded) {
  const std::string bytes = test_bytes(3'000'000);
  const std::string path = dir_.write("input", bytes);
  Process process(to_server(), input(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  Peer peer = server_.accept();
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), bytes);
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(ConnectEofTest, FinishSendsUntilStandardInputEndsAndClosesStandardOutputAtOnce) {
  Process process(to_server({"--on-peer-eof", "finish", "-v"}));
  Peer peer = server_.accept();
  peer.send("out");
  peer.shut_down();
  ASSERT_TRUE(process.wait_for_err("going on to send until standard input ends"));
  process.write("later");
  EXPECT_EQ(peer.receive(5), "later");
  EXPECT_TRUE(process.is_running());
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "out");
}

TEST_F(ConnectEofTest, SendOnlyThrowsAwayWhatComesAndEndsWhenAllIsSent) {
  Process process(to_server({"--send-only"}));
  Peer peer = server_.accept();
  peer.send("ignored");
  process.write("sent");
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(peer.receive(4), "sent");
}

TEST_F(ConnectEofTest, ReceiveOnlyDoesNotReadStandardInput) {
  const std::string path = dir_.write("input", "must not be sent");
  Process process(to_server({"--recv-only"}), input(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  Peer peer = server_.accept();
  peer.send("received");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "");
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "received");
}

TEST_F(ConnectEofTest, QuitAfterZeroEndsOnceAllIsSent) {
  for (const char* policy : {"half-close", "after-reply", "keep"}) {
    Process process(to_server({"-q", "0", "--on-stdin-eof", policy}));
    Peer peer = server_.accept();
    process.write("sent");
    const RunResult result = process.wait();
    EXPECT_EQ(result.status, 0) << policy;
    EXPECT_EQ(result.err, "");
    EXPECT_EQ(peer.receive_all(), "sent");
  }
}

TEST_F(ConnectEofTest, QuitAfterDoesNotCutShortWhatThePeerTakesSlowly) {
  const std::string bytes = test_bytes(8'000'000);
  Process process(to_server({"-q", "0"}),
                  input(::open(dir_.write("input", bytes).c_str(), O_RDONLY | O_CLOEXEC)));
  Peer peer = server_.accept();
  EXPECT_TRUE(peer.receive_all() == bytes);
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(ConnectEofTest, HalfClosesUnixSocketsToo) {
  TestServer server(dir_ / "socket");
  Process process(ioa({"connect", "unix:" + (dir_ / "socket")}));
  Peer peer = server.accept();
  process.write("question");
  process.close_stdin();
  EXPECT_EQ(peer.receive_all(), "question");
  peer.send("answer");
  peer.close();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "answer");
}

TEST_F(ConnectEofTest, InputThatAPeerWhichHasGoneDoesNotTakeIsCounted) {
  const std::string bytes = test_bytes(100'000);
  Process process(to_server({"--on-peer-eof", "finish", "-v"}));
  Peer peer = server_.accept();
  peer.close();
  ASSERT_TRUE(process.wait_for_err("going on to send"));
  process.write("nobody takes this");
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("0 bytes sent, 0 received, 17 read but not delivered"),
            std::string::npos)
      << result.err;
}

TEST_F(ConnectEofTest, SendOnlyEndsWithAPeerThatEndsFirst) {
  Process process(to_server({"--send-only"}));
  Peer peer = server_.accept();
  process.write("some");
  EXPECT_EQ(peer.receive(4), "some");
  peer.shut_down();
  EXPECT_EQ(process.wait_with_open_stdin().status, 0);
}

TEST_F(ConnectEofTest, ReceiveOnlyLeavesTheInputForOthers) {
  const RunResult result = [&] {
    Process process({"/bin/sh", "-c", "\"$0\" connect --recv-only 127.0.0.1 \"$1\" && cat",
                     ioa_binary(), server_.port_text()});
    process.write("for cat");
    Peer peer = server_.accept();
    peer.send("received, ");
    peer.close();
    return process.wait();
  }();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "received, for cat");
}

TEST_F(ConnectEofTest, TheSameAgainOnEveryLoop) {
  for (const char* loop : {"epoll", "poll", "select"}) {
    Process process(to_server({"--loop", loop, "--on-peer-eof", "finish"}));
    Peer peer = server_.accept();
    peer.send("first");
    peer.shut_down();
    ASSERT_TRUE(process.wait_for_out("first"));
    process.write("second");
    process.close_stdin();
    EXPECT_EQ(peer.receive_all(), "second");
    EXPECT_EQ(process.wait().status, 0) << loop;
  }
}

}  // namespace
}  // namespace ioa::test
