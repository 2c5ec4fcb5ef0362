// Peers of `ioa listen` that send and do not read, until neither side takes any more: they hold
// nobody for longer than their connection.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {
namespace {

using Options = std::vector<std::string>;

constexpr std::chrono::seconds kSoon(10);

/// Sends until nothing has been taken for a while.
void fill_up(const Peer& peer) {
  const std::string bytes(65536, 'x');
  pollfd entry{peer.fd(), POLLOUT, 0};
  while (::poll(&entry, 1, 300) > 0)
    if (::send(peer.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        errno != EAGAIN)
      break;
}

TEST(ListenStuckTest, AResetEndsAnEchoThatWaitsForItself) {
  ListenServer server({"--echo", "--sndbuf", "64K", "--rcvbuf", "64K"});
  Peer peer = server.connect();
  fill_up(peer);
  peer.reset();
  const RunResult result = server.program().wait_with_open_stdin(kSoon);
  EXPECT_EQ(result.status, 1) << result.err;
}

TEST(ListenStuckTest, AResetEndsACommandThatWaitsToBeRead) {
  ListenServer server({"-k", "-c", "cat", "--sndbuf", "64K", "--rcvbuf", "64K"});
  Peer peer = server.connect();
  fill_up(peer);
  peer.reset();
  server.wait_for("closed");
  EXPECT_EQ(server.events().first("closed").text("reason"), "peer-error");
  server.wait_for("child.exited");
}

TEST(ListenStuckTest, ASignalDoesNotWaitForThem) {
  for (const Options& options :
       {Options{"-k", "--echo"}, Options{"-k", "--echo", "--drain", "50ms"},
        Options{"-k", "-c", "cat", "--sha256"},
        Options{"-k", "-c", "exec sleep 600", "--sha256"}}) {
    Options all = options;
    all.insert(all.end(), {"--sndbuf", "64K", "--rcvbuf", "64K"});
    ListenServer server(all);
    const Peer peer = server.connect();
    fill_up(peer);
    server.program().signal(SIGTERM);
    const RunResult result = server.program().wait_with_open_stdin(kSoon);
    EXPECT_EQ(result.status, 1) << options[1] << " " << options[2] << ": " << result.err;
    EXPECT_NE(result.err.find("1 connection cut"), std::string::npos) << result.err;
  }
}

TEST(ListenStuckTest, ASignalDoesNotWaitForABrokersSlowestPeer) {
  ListenServer server({"--broker", "--sndbuf", "64K", "--rcvbuf", "64K"});
  const Peer speaker = server.connect();
  const Peer listener = server.connect();
  server.wait_for("accepted", 2);
  fill_up(speaker);
  server.program().signal(SIGTERM);
  const RunResult result = server.program().wait_with_open_stdin(kSoon);
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find("read but not delivered"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace ioa::test
