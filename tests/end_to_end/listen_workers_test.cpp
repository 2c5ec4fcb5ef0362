// `ioa listen --workers`: several processes that serve the same sockets.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {
namespace {

class ListenWorkersTest : public ::testing::Test {
 protected:
  static std::vector<pid_t> children_of(pid_t pid) {
    std::istringstream list(run_shell("pgrep -P " + std::to_string(pid)).out);
    std::vector<pid_t> children;
    for (pid_t child = 0; list >> child;) children.push_back(child);
    return children;
  }
  /// Its worker processes, once there are so many.
  static std::vector<pid_t> workers_of(ListenServer& server, std::size_t count) {
    std::vector<pid_t> workers;
    wait_until(
        [&] {
          workers = children_of(server.program().pid());
          return workers.size() == count;
        },
        "the workers");
    return workers;
  }
  /// A connection that one of the workers serves.
  static Peer served(ListenServer& server) {
    Peer peer = server.connect();
    peer.send("x");
    EXPECT_EQ(peer.receive(1), "x");
    return peer;
  }
};

TEST_F(ListenWorkersTest, ServeTogetherAndEndInOrder) {
  ListenServer server({"-k", "--echo", "--workers", "3"});
  wait_until([&] { return children_of(server.program().pid()).size() == 3; }, "the workers");
  constexpr int kConnections = 30;
  for (int i = 0; i < kConnections; ++i) served(server);
  server.wait_for("closed", kConnections);
  std::set<double> numbers;
  for (const JsonObject& event : json_lines(server.dir().read("events")))
    if (event.name() == "accepted") numbers.insert(event.number("conn"));
  EXPECT_EQ(numbers.size(), static_cast<std::size_t>(kConnections)) << "each has its own number";
  expect_success(server.end(), "");
  EXPECT_EQ(server.count("exit"), 1U);
}

TEST_F(ListenWorkersTest, ConnectionsAreCutOrDrainedAsWithoutThem) {
  {
    ListenServer server({"-k", "--echo", "--workers", "2"});
    Peer peer = served(server);
    expect_failure(server.end(), 1, "1 connection cut");
  }
  ListenServer server({"-k", "--echo", "--workers", "2", "--drain", "0"});
  Peer peer = served(server);
  server.program().signal(SIGTERM);
  wait_until([&] { return !can_connect(server.port()); }, "refusing");
  peer.send("still there");
  EXPECT_EQ(peer.receive(11), "still there");
  peer.close();
  expect_success(server.program().wait_with_open_stdin(), "");
}

// Whoever waits in a socket's queue is served by another one, and nobody is turned away.
TEST_F(ListenWorkersTest, OneThatIsKilledUnderLoadLosesItsOwnConnectionsOnly) {
  ListenServer server({"-k", "--echo", "--workers", "3", "-m", "0"});
  std::vector<Peer> held;
  for (int i = 0; i < 60; ++i) held.push_back(served(server));
  const std::vector<pid_t> workers = workers_of(server, 3);

  std::atomic<bool> is_over = false;
  std::atomic<int> refused = 0;
  std::atomic<int> done = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      while (!is_over) {
        try {
          connect_to_port(server.port());
          ++done;
        } catch (const Error&) {
          ++refused;
        }
      }
    });
  wait_until([&] { return done > 100; }, "load");
  ASSERT_EQ(::kill(workers.front(), SIGKILL), 0);
  ASSERT_TRUE(server.program().wait_for_err("killed by SIGKILL; another one takes its place"));
  const int so_far = done;
  wait_until([&] { return done > so_far + 100; }, "load");
  wait_until([&] { return children_of(server.program().pid()).size() == 3; }, "the new worker");
  is_over = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(refused, 0);

  int alive = 0;
  for (Peer& peer : held) {
    try {
      peer.send("y");
      alive += peer.receive(1) == "y" ? 1 : 0;
    } catch (const Error&) {
    }
  }
  // Those of the two others; which one had how many is the system's choice.
  EXPECT_GT(alive, 0);
  served(server);
}

TEST_F(ListenWorkersTest, TheLimitOfConnectionsIsThatOfAllTogether) {
  ListenServer server({"-k", "--echo", "--workers", "2", "-m", "3"});
  std::vector<Peer> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(served(server));
  Peer waiting = server.connect();
  waiting.send("w");
  peers.front().send("z");
  EXPECT_EQ(peers.front().receive(1), "z");
  EXPECT_EQ(server.count("accepted"), 3U);
  peers.clear();
  EXPECT_EQ(waiting.receive(1), "w");
}

TEST_F(ListenWorkersTest, EndWithTheOneThatStartedThem) {
  ListenServer server({"-k", "--echo", "--workers", "2"});
  const std::vector<pid_t> workers = workers_of(server, 2);
  EXPECT_EQ(server.end(SIGKILL).status, 137);
  for (const pid_t worker : workers)
    wait_until(
        [&] {
          return run_shell("ps -o stat= " + std::to_string(worker) + " | grep -v Z").out.empty();
        },
        "the worker's end");
}

TEST_F(ListenWorkersTest, TheWholeRunHasItsLimit) {
  ListenServer server({"-k", "--echo", "--workers", "2", "--timeout", "0.3"});
  const RunResult result = server.program().wait_with_open_stdin();
  EXPECT_EQ(result.status, 124);
  EXPECT_NE(result.err.find("--timeout 300ms reached"), std::string::npos) << result.err;
}

TEST_F(ListenWorkersTest, WhatCannotBeBoundIsToldByOneOnly) {
  ListenServer server({"-k", "--echo"});
  expect_failure(
      run_ioa({"listen", "-k", "--echo", "--workers", "4", "127.0.0.1:" + server.port_text()}), 4,
      "Address already in use");
}

TEST_F(ListenWorkersTest, AUnixSocketsFileStaysUntilTheLastOfThem) {
  TempDir dir;
  ListenServer server({"-k", "--echo", "--workers", "2"}, "unix:" + (dir / "socket"));
  const std::vector<pid_t> workers = workers_of(server, 2);
  ASSERT_EQ(::kill(workers.front(), SIGTERM), 0);  // one that ends in order does not take it along
  wait_until(
      [&] {
        const std::vector<pid_t> now = children_of(server.program().pid());
        return now.size() == 2 && now != workers;
      },
      "the new worker");
  served(server);
  EXPECT_EQ(server.end().status, 0);
  EXPECT_FALSE(std::filesystem::exists(dir / "socket"));
}

}  // namespace
}  // namespace ioa::test
