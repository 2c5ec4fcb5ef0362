// Every failure is a status of its own and one line.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <thread>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/run_ioa.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

std::string port_of(std::uint16_t port) { return std::to_string(port); }

TEST(ConnectErrorsTest, ARefusedConnectionIsStatusFourAndOneLine) {
  const std::string port = port_of(closed_port());
  const RunResult result = run_ioa({"connect", "127.0.0.1", port});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "ioa connect: connect 127.0.0.1:" + port + ": Connection refused (ECONNREFUSED)\n");
}

TEST(ConnectErrorsTest, AnUnknownNameIsStatusThreeAndOneLine) {
  const RunResult result = run_ioa({"connect", "no..such.name", "80"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.err.rfind("ioa connect: resolve no..such.name: ", 0), 0U) << result.err;
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST(ConnectErrorsTest, AnUnknownServiceIsStatusThree) {
  const RunResult result = run_ioa({"connect", "127.0.0.1", "no-such-service"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST(ConnectErrorsTest, GarbageIsStatusTwoAndOneLine) {
  const std::vector<std::vector<std::string>> garbage{
      {"connect"},
      {"connect", "127.0.0.1"},
      {"connect", "127.0.0.1", "99999"},
      {"connect", "127.0.0.1", "80", "81"},
      {"connect", "[::1", "80"},
      {"connect", "--no-such-option", "127.0.0.1", "80"},
      {"connect", "-w", "soon", "127.0.0.1", "80"},
      {"connect", "unix:"},
      {"connect", "-4", "-6", "127.0.0.1", "80"},
      {"no-such-command"},
  };
  for (const auto& arguments : garbage) {
    const RunResult result = run_ioa(arguments);
    EXPECT_EQ(result.status, 2) << arguments.back();
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_EQ(result.err.rfind("ioa", 0), 0U) << result.err;
  }
}

TEST(ConnectErrorsTest, AMissingUnixSocketIsStatusFour) {
  const RunResult result = run_ioa({"connect", "unix:/nonexistent/socket"});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.err,
            "ioa connect: connect unix:/nonexistent/socket: No such file or directory (ENOENT)\n");
}

TEST(ConnectErrorsTest, AResetIsStatusOneAndTellsTheBytes) {
  TestServer server;
  Process process(ioa({"connect", "127.0.0.1", server.port_text()}));
  Peer peer = server.accept();
  peer.send("12345");
  ASSERT_TRUE(process.wait_for_out("12345"));
  process.write("abc");
  EXPECT_EQ(peer.receive(3), "abc");
  peer.reset();
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.out, "12345");
  EXPECT_NE(result.err.find("(ECONNRESET): 3 bytes sent, 5 received"), std::string::npos)
      << result.err;
  EXPECT_EQ(line_count(result.err), 1U);
}

// The count is what the peer's system has: no less than its program has read, no more than was
// sent.
TEST(ConnectErrorsTest, AResetInMidStreamReportsACountThatThePeerCanConfirm) {
  const std::string bytes = test_bytes(20'000'000);
  const std::string path_name = "input";
  const TempDir dir;
  const std::string path = dir.write(path_name, bytes);
  for (const std::size_t read_by_peer : {1U, 4'097U, 777'777U, 5'000'011U}) {
    TestServer server;
    Process::Stdio stdio;
    stdio.in = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Process process(ioa({"connect", "127.0.0.1", server.port_text()}), std::move(stdio));
    Peer peer = server.accept();
    EXPECT_EQ(peer.receive(read_by_peer), bytes.substr(0, read_by_peer));
    peer.reset();
    const RunResult result = process.wait();
    EXPECT_EQ(result.status, 1);
    const auto found = find_all(result.err, "(\\d+) bytes sent");
    ASSERT_EQ(found.size(), 1U) << result.err;
    const std::size_t reported = std::stoull(found[0][1]);
    EXPECT_GE(reported, read_by_peer);
    EXPECT_LT(reported, bytes.size());
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
  }
}

TEST(ConnectErrorsTest, InputThatThePeerNeverTookIsNotSuccess) {
  TestServer server;
  Process process(ioa({"connect", "127.0.0.1", server.port_text()}));
  Peer peer = server.accept();
  // More than the two systems' buffers hold, to a peer that reads nothing and goes.
  std::thread writer([&] {
    try {
      process.write(test_bytes(30'000'000));
    } catch (const std::exception&) {
    }
  });
  EXPECT_EQ(peer.receive(10).size(), 10U);
  peer.close();
  const RunResult result = process.wait_with_open_stdin();
  writer.join();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST(ConnectErrorsTest, AFullDiskIsStatusOne) {
  TestServer server;
  Process::Stdio stdio;
  stdio.out = UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Process process(ioa({"connect", "127.0.0.1", server.port_text()}), std::move(stdio));
  Peer peer = server.accept();
  peer.send("does not fit");
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err,
            "ioa connect: write standard output: No space left on device (ENOSPC): "
            "0 bytes sent, 0 received\n");
}

TEST(ConnectErrorsTest, AReaderThatLeavesEndsTheRunQuietlyWith141) {
  TestServer server;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Process::Stdio stdio;
  stdio.out = UniqueFd(ends[1]);
  Process process(ioa({"connect", "127.0.0.1", server.port_text()}), std::move(stdio));
  Peer peer = server.accept();
  ::close(ends[0]);
  peer.send("nobody reads this");
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 141);
  EXPECT_EQ(result.err, "");
}

TEST(ConnectErrorsTest, AnOutputFileThatCannotBeOpenedIsToldBeforeAnythingIsConnected) {
  TestServer server;
  const RunResult result =
      run_ioa({"connect", "-o", "/nonexistent/file", "127.0.0.1", server.port_text()});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.err,
            "ioa connect: open /nonexistent/file: No such file or directory (ENOENT)\n");
}

TEST(ConnectErrorsTest, UnknownLoopsAreUsageErrorsThatListTheKnownOnes) {
  const RunResult option = run_ioa({"connect", "--loop", "kqueue", "127.0.0.1", "80"});
  EXPECT_EQ(option.status, 2);
  EXPECT_EQ(option.err, "ioa connect: --loop kqueue: expected one of epoll, poll, select\n");
  const RunResult variable = run_ioa({"resolve", "localhost"}, {}, {"IOA_LOOP=bad"});
  EXPECT_EQ(variable.status, 2);
  EXPECT_EQ(variable.err, "ioa resolve: IOA_LOOP=bad: expected one of epoll, poll, select\n");
}

// The reset may come before this program has looked whether it is connected, or after.
TEST(ConnectErrorsTest, APeerThatAcceptsAndResetsIsAnErrorInMidStreamWhenItComes) {
  constexpr int kTimes = 20;
  ScriptedPeer peer([](PeerConnection& connection) { connection.reset(); },
                    ScriptedPeer::Where::ipv4, kTimes);
  for (int i = 0; i < kTimes; ++i) {
    Process process(ioa(connect_to(peer)));
    const RunResult result = process.wait_with_open_stdin();
    expect_failure(result, 1, "Connection reset by peer (ECONNRESET): 0 bytes sent, 0 received");
  }
  peer.finish();
}

TEST(ConnectErrorsTest, OfAFileAPeerThatGoesLeavesTheRestUndelivered) {
  constexpr std::size_t kSize = 8'000'000;
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.read(10);
    connection.close();
  });
  const TempDir dir;
  Process::Stdio stdio;
  stdio.in = open_to_read(dir.write("input", std::string(kSize, 'x')));
  const RunResult result = run_ioa_with(std::move(stdio), connect_to(peer));
  expect_failure(result, 1, " bytes sent, 0 received, ");
  const auto counts = find_all(result.err, "(\\d+) bytes sent, 0 received, (\\d+) not delivered\n");
  ASSERT_EQ(counts.size(), 1U) << result.err;
  EXPECT_EQ(std::stoul(counts[0][1]) + std::stoul(counts[0][2]), kSize) << result.err;
}

}  // namespace
}  // namespace ioa::test
