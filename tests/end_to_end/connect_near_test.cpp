// What a peer may be joined to in place of standard input and output: --to ADDRESS.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <thread>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

class ConnectNearTest : public ::testing::Test {
 protected:
  std::vector<std::string> to(const std::string& near, std::vector<std::string> options = {}) {
    options.insert(options.begin(), "connect");
    options.insert(options.end(), {"127.0.0.1", server_.port_text(), "--to", near});
    return ioa(std::move(options));
  }

  TestServer server_;
  TempDir dir_;
};

TEST_F(ConnectNearTest, ReadSendsAFileToItsEndThoughThePeerHasEnded) {
  const std::string bytes = test_bytes(3'000'000);
  Process process(to("read:" + dir_.write("input", bytes), {"-v"}));
  Peer peer = server_.accept();
  peer.shut_down();
  EXPECT_TRUE(peer.receive_all() == bytes);
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find("sent by sendfile"), std::string::npos) << result.err;
}

TEST_F(ConnectNearTest, ReadThrowsTheAnswerAwayUnlessItIsStored) {
  const std::string path = dir_.write("input", "question");
  for (const bool stores : {false, true}) {
    Process process(to("read:" + path, stores ? std::vector<std::string>{"-o", dir_ / "out"}
                                              : std::vector<std::string>{}));
    Peer peer = server_.accept();
    EXPECT_EQ(peer.receive_all(), "question");
    peer.send("answer");
    peer.close();
    expect_success(process.wait(), "");
  }
  EXPECT_EQ(dir_.read("out"), "answer");
}

TEST_F(ConnectNearTest, AFileThatIsNotThereIsToldBeforeAnythingIsConnected) {
  ScriptedPeer peer([](PeerConnection&) { throw std::runtime_error("it has connected"); });
  for (const std::string scheme : {"read:", "file:"}) {
    expect_failure(run_ioa(connect_to(peer, {"--to", scheme + (dir_ / "none")})), 1,
                   "open " + (dir_ / "none") + ": No such file or directory (ENOENT)");
  }
  expect_failure(run_ioa(connect_to(peer, {"--to", "write:" + (dir_ / "no/file")})), 1, "(ENOENT)");
  expect_failure(run_ioa(connect_to(peer, {"--to", "read:" + dir_.path().string()})), 1,
                 "(EISDIR)");
}

TEST_F(ConnectNearTest, AFifoIsWaitedForUntilSomebodyWrites) {
  const std::string path = dir_ / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  Process process(to("read:" + path));
  Peer peer = server_.accept();
  wait_until([&] { return process.is_sleeping(); }, "the program to wait");
  char byte = 0;
  EXPECT_EQ(::recv(peer.fd(), &byte, 1, MSG_DONTWAIT), -1) << "took an end that is none";
  UniqueFd writer = open_to_write(path);
  write_all(writer.get(), "through the fifo");
  writer.reset();
  EXPECT_EQ(peer.receive_all(), "through the fifo");
  peer.close();
  expect_success(process.wait(), "");
}

TEST_F(ConnectNearTest, WriteStoresAndEndsWithThePeer) {
  const std::string path = dir_.write("out", "longer than what comes");
  Process process(to("write:" + path));
  Peer peer = server_.accept();
  peer.send("stored");
  char byte = 0;
  wait_until([&] { return process.is_sleeping(); }, "the program to wait");
  EXPECT_EQ(::recv(peer.fd(), &byte, 1, MSG_DONTWAIT), -1) << "it has no end of its own";
  peer.close();
  expect_success(process.wait_with_open_stdin(), "");
  EXPECT_EQ(dir_.read("out"), "stored");

  Process second(to("write:" + path, {"--append"}));
  Peer other = server_.accept();
  other.send(" twice");
  other.close();
  expect_success(second.wait(), "");
  EXPECT_EQ(dir_.read("out"), "stored twice");
}

TEST_F(ConnectNearTest, AFullDiskIsStatusOneAndCounted) {
  Process process(to("write:/dev/full"));
  Peer peer = server_.accept();
  peer.send("x");
  expect_failure(
      process.wait(), 1,
      "write write:/dev/full: No space left on device (ENOSPC): 0 bytes sent, 0 received");
}

TEST_F(ConnectNearTest, FileReadsAndWritesATerminal) {
  Terminal line;  // as a serial line
  char name[64];
  ASSERT_EQ(::ttyname_r(line.slave.get(), name, sizeof name), 0);
  Process process(to(std::string("file:") + name));
  Peer peer = server_.accept();
  write_all(line.master.get(), "from the line");
  EXPECT_EQ(peer.receive(13), "from the line");
  peer.send("to the line");
  char chunk[64];
  EXPECT_EQ(::read(line.master.get(), chunk, sizeof chunk), 11);
  peer.close();
  expect_success(process.wait_with_open_stdin(), "");
}

TEST_F(ConnectNearTest, FileReadsARegularFileAndWritesFromItsBeginning) {
  const std::string path = dir_.write("file", "0123456789");
  Process process(to("file:" + path));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all(), "0123456789");
  peer.send("abc");
  peer.close();
  expect_success(process.wait(), "");
  EXPECT_EQ(dir_.read("file"), "abc3456789");
}

TEST_F(ConnectNearTest, FdIsADescriptorThatWasHandedDown) {
  SocketPair pair = blocking_sockets();
  Process::Stdio stdio;
  stdio.fd3 = std::move(pair.second);
  Process process(to("fd:3", {"--on-peer-eof=finish"}), std::move(stdio));
  Peer peer = server_.accept();
  write_all(pair.first.get(), "question");
  EXPECT_EQ(peer.receive(8), "question");
  peer.send("answer");
  peer.shut_down();
  // The peer's end is passed on, though the program still has the descriptor.
  EXPECT_EQ(read_to_end(pair.first.get()), "answer");
  write_all(pair.first.get(), "more");
  pair.first.reset();
  EXPECT_EQ(peer.receive_all(), "more");
  expect_success(process.wait(), "");
}

TEST_F(ConnectNearTest, FdMayBeOneDirectionOnly) {
  SocketPair pipe = blocking_pipe();
  Process::Stdio stdio;
  stdio.fd3 = std::move(pipe.first);
  Process process(to("fd:3"), std::move(stdio));
  Peer peer = server_.accept();
  write_all(pipe.second.get(), "through the pipe");
  pipe.second.reset();
  EXPECT_EQ(peer.receive_all(), "through the pipe");
  peer.close();
  expect_success(process.wait(), "");
}

TEST_F(ConnectNearTest, ZeroAndRandomMakeSoManyBytes) {
  for (const bool random : {false, true}) {
    Process process(to(random ? "random:3M" : "zero:3M"));
    Peer peer = server_.accept();
    const std::string bytes = peer.receive_all();
    peer.close();
    expect_success(process.wait(), "");
    EXPECT_EQ(bytes.size(), 3U << 20);
    const auto zeros = std::count(bytes.begin(), bytes.end(), '\0');
    if (random)
      EXPECT_NEAR(static_cast<double>(zeros), 3 * 4096, 1000);
    else
      EXPECT_EQ(zeros, 3 << 20);
  }
}

TEST_F(ConnectNearTest, RandomIsDifferentEachTime) {
  std::string last;
  for (int i = 0; i < 2; ++i) {
    Process process(to("random:64"));
    Peer peer = server_.accept();
    const std::string bytes = peer.receive_all();
    peer.close();
    process.wait();
    EXPECT_EQ(bytes.size(), 64U);
    EXPECT_NE(bytes, last);
    last = bytes;
  }
}

TEST_F(ConnectNearTest, DiscardTakesEverythingAndEndsWithThePeer) {
  Process process(to("discard", {"--stats"}));
  Peer peer = server_.accept();
  peer.send(test_bytes(1'000'000));
  peer.close();
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "");
  EXPECT_NE(result.err.find("1000000 bytes received"), std::string::npos) << result.err;
}

TEST_F(ConnectNearTest, ADashIsStandardInputAndOutput) {
  Process process(to("-"));
  Peer peer = server_.accept();
  process.write("question");
  process.close_stdin();
  EXPECT_EQ(peer.receive_all(), "question");
  peer.send("answer");
  peer.close();
  expect_success(process.wait(), "answer");
}

// --- a second connection -------------------------------------------------------------------------

TEST_F(ConnectNearTest, JoinsTwoPeersAndPassesEachEndOn) {
  for (const bool is_unix : {false, true}) {
    TestServer other(is_unix ? TestServer(dir_ / "socket") : TestServer());
    Process process(
        to(is_unix ? "unix:" + (dir_ / "socket") : "tcp:127.0.0.1:" + other.port_text()));
    Peer far = server_.accept();
    Peer near = other.accept();
    const std::string up = test_bytes(2'000'000);
    const std::string down(up.rbegin(), up.rend());
    std::thread sender([&] {
      near.send(up);
      near.shut_down();
    });
    EXPECT_TRUE(far.receive_all() == up);
    sender.join();
    std::thread answerer([&] {
      far.send(down);
      far.close();
    });
    EXPECT_TRUE(near.receive_all() == down);
    answerer.join();
    near.close();
    expect_success(process.wait_with_open_stdin(), "");
  }
}

TEST_F(ConnectNearTest, APeerThatEndsFirstGetsTheOthersWholeAnswer) {
  TestServer other;
  Process process(to("tcp:127.0.0.1:" + other.port_text()));
  Peer far = server_.accept();
  Peer near = other.accept();
  far.send("question");
  far.shut_down();
  EXPECT_EQ(near.receive_all(), "question");
  near.send("a late answer");
  near.close();
  EXPECT_EQ(far.receive_all(), "a late answer");
  expect_success(process.wait(), "");
}

TEST_F(ConnectNearTest, ASecondPeerThatCannotBeReachedIsStatusFour) {
  const ClosedPort port;
  Process process(to("tcp:127.0.0.1:" + port.port()));
  Peer peer = server_.accept();
  expect_failure(process.wait(), 4, "connect 127.0.0.1:" + port.port() + ": Connection refused");
  EXPECT_EQ(peer.receive_all(), "");
}

TEST_F(ConnectNearTest, AResetOfTheSecondPeerIsStatusOneAndCounted) {
  TestServer other;
  Process process(to("tcp:127.0.0.1:" + other.port_text()));
  Peer far = server_.accept();
  Peer near = other.accept();
  far.send("12345");
  EXPECT_EQ(near.receive(5), "12345");
  near.reset();
  expect_failure(process.wait(), 1,
                 "read 127.0.0.1:" + other.port_text() + ": Connection reset by peer (ECONNRESET)");
}

TEST_F(ConnectNearTest, AConnectionThatThereWasNothingToJoinToIsOverToo) {
  const ClosedPort nobody;
  Process process(to("127.0.0.1:" + nobody.port(), {"--events", dir_ / "events"}));
  Peer peer = server_.accept();
  expect_failure(process.wait(), 4,
                 "connect 127.0.0.1:" + nobody.port() +
                     ": Connection refused (ECONNREFUSED): 0 bytes sent, 0 received");
  const Events events(dir_.read("events"));
  EXPECT_EQ(events.names(), "attempt.start connected attempt.start attempt.failed closed exit");
  EXPECT_EQ(events.first("closed").text("reason"), "stdio-error");
}

TEST_F(ConnectNearTest, ADescriptorThatIsNotOpenIsAUsageError) {
  expect_failure(run_ioa({"connect", "--to", "fd:77", "127.0.0.1", "80"}), 2,
                 "--to fd:77: expected a descriptor that is open");
}

}  // namespace
}  // namespace ioa::test
