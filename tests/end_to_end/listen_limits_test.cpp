// What ends `ioa listen`, or holds it back: limits, signals, draining, shortage.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <csignal>
#include <string>

#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

class ListenLimitsTest : public ::testing::Test {
 protected:
  /// Whether something comes within the time.
  static bool has_answer(const Peer& peer, int milliseconds) {
    pollfd entry{peer.fd(), POLLIN, 0};
    return ::poll(&entry, 1, milliseconds) > 0;
  }
  /// A peer that is being served: its echo has come.
  static Peer served(ListenServer& server) {
    Peer peer = server.connect();
    peer.send("x");
    EXPECT_EQ(peer.receive(1), "x");
    return peer;
  }
};

TEST_F(ListenLimitsTest, NobodyComes) {
  expect_failure(run_ioa({"listen", "127.0.0.1:0", "--accept-timeout", "0.05"}), 124,
                 "--accept-timeout 50ms reached: no connection was made");
}

TEST_F(ListenLimitsTest, WithKeepOpenNobodyComesAnyMore) {
  ListenServer server({"-k", "--echo", "--accept-timeout", "0.3"});
  {
    const Peer peer = served(server);
    EXPECT_FALSE(has_answer(peer, 450)) << "it ends although a peer is being served";
  }
  expect_failure(server.program().wait_with_open_stdin(), 124, "--accept-timeout 300ms reached");
}

TEST_F(ListenLimitsTest, TheWholeRunWithNobody) {
  expect_failure(run_ioa({"listen", "127.0.0.1:0", "--timeout", "0.05"}), 124,
                 "--timeout 50ms reached: no connection was made");
}

TEST_F(ListenLimitsTest, TheWholeRunWithItsPeer) {
  ListenServer server({"--timeout", "0.5"});
  Peer peer = server.connect();
  peer.send("abc");
  expect_failure(server.program().wait_with_open_stdin(), 124,
                 "--timeout 500ms reached: 0 bytes sent, 3 received");
}

TEST_F(ListenLimitsTest, TheWholeRunWithManyPeers) {
  ListenServer server({"-k", "--echo", "--timeout", "0.5"});
  Peer one = served(server);
  Peer two = served(server);
  const RunResult result = server.program().wait_with_open_stdin();
  EXPECT_EQ(result.status, 124);
  EXPECT_NE(result.err.find("2 connections served, 2 open, 2 bytes sent, 2 received"),
            std::string::npos)
      << result.err;
  EXPECT_EQ(server.events().count("closed"), 2U);
}

TEST_F(ListenLimitsTest, SilenceEndsARunOfOne) {
  ListenServer server({"-i", "0.1"});
  Peer peer = server.connect();
  expect_failure(server.program().wait_with_open_stdin(), 124, "--idle-timeout 100ms reached");
}

TEST_F(ListenLimitsTest, SilenceEndsOneOfMany) {
  for (const std::string service : {"--echo", "--discard"}) {
    ListenServer server({"-k", service, "-i", "0.3"});
    Peer peer = server.connect();
    EXPECT_EQ(peer.receive_all(), "");
    ASSERT_TRUE(server.program().wait_for_err("connection 1: --idle-timeout 300ms reached"));
    EXPECT_TRUE(can_connect(server.port()));
    EXPECT_EQ(server.events().first("closed").text("reason"), "idle-timeout");
    server.wait_for("closed", 2);
    EXPECT_EQ(server.end().status, 0);
  }
}

TEST_F(ListenLimitsTest, AtTheLimitOfConnectionsNobodyIsTurnedAway) {
  ListenServer server({"-k", "--echo", "-m", "2"});
  Peer one = served(server);
  Peer two = served(server);
  Peer three = server.connect();  // it waits in the system's queue
  three.send("three");
  EXPECT_FALSE(has_answer(three, 50));
  EXPECT_EQ(server.events().count("accepted"), 2U);
  one.close();
  EXPECT_EQ(three.receive(5), "three");
  two.send("two");
  EXPECT_EQ(two.receive(3), "two");
}

TEST_F(ListenLimitsTest, ASignalBeforeThereIsAPeer) {
  ListenServer server({});
  expect_failure(server.end(), 143, "ended by SIGTERM: no connection was made");
}

TEST_F(ListenLimitsTest, ASignalEndsARunOfOneAndWhatWasReceivedIsWritten) {
  ListenServer server({});
  Peer peer = server.connect();
  peer.send("abc");
  ASSERT_TRUE(server.program().wait_for_out("abc"));
  const RunResult result = server.end(SIGINT);
  expect_failure({result.status, "", result.err, {}}, 130,
                 "ended by SIGINT: 0 bytes sent, 3 received");
  EXPECT_EQ(result.out, "abc");
}

TEST_F(ListenLimitsTest, ASignalToAnIdleServerIsItsOrderlyEnd) {
  ListenServer server({"-k", "--echo"});
  served(server).close();
  server.wait_for("closed");
  expect_success(server.end(), "");
}

TEST_F(ListenLimitsTest, WithoutDrainingConnectionsAreCut) {
  ListenServer server({"-k", "--echo"});
  Peer peer = served(server);
  expect_failure(server.end(), 1, "ended by SIGTERM: 1 connection cut");
  EXPECT_EQ(server.events().first("closed").text("reason"), "signal");
}

TEST_F(ListenLimitsTest, DrainingLetsConnectionsGoOnAndNobodyElseIn) {
  ListenServer server({"-k", "--echo", "--drain", "20"});
  Peer peer = served(server);
  server.program().signal(SIGTERM);
  wait_until([&] { return !can_connect(server.port()); }, "refusing");
  peer.send("still there");
  EXPECT_EQ(peer.receive(11), "still there");
  peer.close();
  expect_success(server.program().wait_with_open_stdin(), "");
}

TEST_F(ListenLimitsTest, DrainingHasAnEnd) {
  ListenServer server({"-k", "--echo", "--drain", "0.1"});
  Peer peer = served(server);
  expect_failure(server.end(), 1, "1 connection cut");
}

TEST_F(ListenLimitsTest, ASecondSignalEndsItAtOnce) {
  ListenServer server({"-k", "--echo", "--drain", "0"});
  Peer peer = served(server);
  server.program().signal(SIGTERM);
  wait_until([&] { return !can_connect(server.port()); }, "draining");
  EXPECT_EQ(server.end(SIGINT).status, 130);
}

TEST_F(ListenLimitsTest, ASignalDoesNotWaitForAnUpstreamThatDoesNotAnswer) {
  TestServer far;
  ListenServer server({"-k", "--to", "tcp:127.0.0.1:" + far.port_text()});
  Peer peer = server.connect();
  Peer upstream = far.accept();
  const RunResult result = server.end();
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("1 connection cut"), std::string::npos) << result.err;
}

TEST_F(ListenLimitsTest, CountersAreSaidOnDemand) {
  ListenServer server({"-k", "--echo"});
  Peer peer = served(server);
  server.program().signal(SIGUSR1);
  EXPECT_TRUE(
      server.program().wait_for_err("1 connection served, 1 open, 1 bytes sent, 1 received"));
}

/// User and system time of a process, in ticks of the clock (proc(5), stat).
long cpu_ticks(pid_t pid) {
  const RunResult result =
      run_shell("awk '{print $14 + $15}' /proc/" + std::to_string(pid) + "/stat");
  return std::stol(result.out);
}

TEST_F(ListenLimitsTest, OutOfDescriptorsItWarnsOnceRestsAndGoesOn) {
  TempDir dir;
  Process program(
      {"/bin/sh", "-c",
       "ulimit -n 30; exec \"$0\" listen -k --echo -m 0 127.0.0.1:0 --port-file " + (dir / "port"),
       ioa_binary()});
  wait_until([&] { return !dir.read("port").empty(); }, "listening");
  const auto port = static_cast<std::uint16_t>(std::stoul(dir.read("port")));
  std::vector<Peer> peers;
  for (int i = 0; i < 40; ++i) peers.push_back(connect_to_port(port));
  ASSERT_TRUE(program.wait_for_err("Too many open files (EMFILE)"));
  const long before = cpu_ticks(program.pid());
  EXPECT_FALSE(has_answer(peers.back(), 1000));
  EXPECT_LE(cpu_ticks(program.pid()) - before, 5) << "more than 5 % of a core";
  peers.front().send("served");
  EXPECT_EQ(peers.front().receive(6), "served");
  for (std::size_t i = 0; i < 20; ++i) peers[i].close();
  peers.back().send("in the end");
  EXPECT_EQ(peers.back().receive(10), "in the end");
  peers.clear();
  program.signal(SIGTERM);
  // Peers that are not gone yet are told of as well.
  const std::string err = program.wait().err;
  EXPECT_EQ(err.find("EMFILE"), err.rfind("EMFILE")) << err;
}

}  // namespace
}  // namespace ioa::test
