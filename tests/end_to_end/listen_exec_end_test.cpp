// Commands that serve the peers of ioa listen: how they, and their connections, end.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/end_to_end/listen_exec_fixture.hpp"

namespace ioa::test {
namespace {

using std::chrono::seconds;

class ListenExecEndTest : public ListenExecTest {
 protected:
  /// A command that does nothing, and can be looked for.
  std::string sleeper(const std::string& before = "") {
    return before + "echo $$ >" + (dir_ / "pid") + "; exec sleep 1000";
  }
  /// The same, but SIGTERM does not end it.
  std::string stubborn() {
    return "trap \"echo told >" + (dir_ / "told") + "\" TERM; echo $$ >" + (dir_ / "pid") +
           "; while :; do sleep 0.1; done";
  }
  void expect_gone(pid_t pid) {
    wait_until([&] { return is_gone(pid); }, "the command to be gone");
  }
};

TEST_F(ListenExecEndTest, APeerThatHasShutDownGetsTheWholeAnswer) {
  for (const auto& options : both_ways("cat >/dev/null; sleep 0.3; seq 1 300000")) {
    ListenServer server(options);
    Peer peer = server.connect();
    peer.shut_down();
    const std::string answer = peer.receive_all();
    EXPECT_EQ(answer.substr(answer.size() - 7), "300000\n");
    EXPECT_EQ(line_count(answer), 300'000U);
    expect_success(server.program().wait(), "");
  }
}

TEST_F(ListenExecEndTest, WhatItHasWrittenArrivesThoughThePeerGoesOnSending) {
  for (const auto& options : both_ways("head -c 3000000 /dev/zero")) {
    ListenServer server(options);
    Peer peer = server.connect();
    std::thread sender([&] {
      try {
        for (;;) peer.send(std::string(1 << 16, 'x'));
      } catch (const Error&) {
      }
    });
    EXPECT_EQ(peer.receive(3'000'000).size(), 3'000'000U);
    EXPECT_EQ(server.program().wait().status, 0);
    sender.join();
  }
}

TEST_F(ListenExecEndTest, ASlowPeerGetsWhatAnEndedCommandHasLeft) {
  ListenServer server({"-k", "-e", "head -c 300000 /dev/zero"});
  Peer slow = server.connect();
  server.wait_for("child.exited");
  Peer quick = server.connect();
  EXPECT_EQ(quick.receive_all().size(), 300'000U) << "others are served meanwhile";
  EXPECT_EQ(slow.receive_all().size(), 300'000U);
  server.wait_for("closed", 2);
  expect_success(server.end(), "");
}

TEST_F(ListenExecEndTest, TheEndOfACommandClosesTheConnectionThoughThePeerGoesOn) {
  for (const auto& options : both_ways("echo bye")) {
    ListenServer server(options);
    Peer peer = server.connect();
    EXPECT_EQ(peer.receive_all(), "bye\n");
    expect_success(server.program().wait(), "");
  }
}

TEST_F(ListenExecEndTest, ACommandThatIsNotReadIsNotWaitedForTwice) {
  ListenServer server({"-e", "sh -c 'exec <&-; sleep 0.1; echo done'"});
  Peer peer = server.connect();
  std::thread sender([&] {
    try {
      peer.send(test_bytes(1'000'000));
    } catch (const Error&) {
    }
  });
  EXPECT_EQ(peer.receive(5), "done\n");
  sender.join();
  EXPECT_EQ(server.program().wait().status, 0);
}

TEST_F(ListenExecEndTest, ACommandLineMayCloseItsOutputAndGoOnReading) {
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {"-c", "exec >&-; cat >" + (dir_ / "stored")},
           {"-e", "sh -c 'exec >&-; cat >" + (dir_ / "stored") + "'", "--on-stdin-eof",
            "half-close"}}) {
    ListenServer server(options);
    Peer peer = server.connect();
    EXPECT_EQ(peer.receive_all(), "");
    peer.send("after its end");
    peer.close();
    expect_success(server.program().wait(), "");
    EXPECT_EQ(dir_.read("stored"), "after its end");
  }
}

TEST_F(ListenExecEndTest, OneThatClosesItsOutputAloneKeepsTheSocketUntilItEnds) {
  ListenServer server({"-e", "sh -c 'echo hello; exec >&-; cat >" + (dir_ / "stored") + "'"});
  Peer peer = server.connect();
  EXPECT_EQ(peer.receive(6), "hello\n");
  peer.send("more");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "");
  expect_success(server.program().wait(), "");
  EXPECT_EQ(dir_.read("stored"), "more");
}

TEST_F(ListenExecEndTest, AGrandchildThatHoldsTheConnectionEndsWithIt) {
  for (const auto& options :
       both_ways("sleep 1000 & echo $! >" + (dir_ / "pid") + "; echo hello")) {
    ListenServer server(options);
    EXPECT_EQ(server.connect().receive_all(), "hello\n");
    expect_success(server.program().wait(seconds(10)), "");
    EXPECT_TRUE(is_gone(pid_in("pid")));
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, OneThatHasLeftTheGroupDoesNotKeepTheConnectionOpen) {
  ListenServer server(
      {"-e", "sh -c 'setsid sleep 1000 & echo $! >" + (dir_ / "pid") + "; sleep 0.2; echo hello'"});
  EXPECT_EQ(server.connect().receive_all(), "hello\n");
  expect_success(server.program().wait(seconds(10)), "");
  const pid_t pid = pid_in("pid");
  EXPECT_FALSE(is_gone(pid)) << "who takes a session of its own is left alone";
  ::kill(pid, SIGKILL);
}

TEST_F(ListenExecEndTest, AResetEndsACommandThatLooksElsewhere) {
  for (const auto& options : both_ways(sleeper())) {
    ListenServer server(options);
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    peer.reset();
    expect_failure(server.program().wait(seconds(10)), 1, "Connection reset by peer (ECONNRESET)");
    expect_gone(pid);
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, AResetAfterThePeersEndEndsItToo) {
  ListenServer server({"-e", "sh -c '" + sleeper("head -c 5; ") + "'"});
  Peer peer = server.connect();
  peer.send("12345");
  peer.shut_down();
  EXPECT_EQ(peer.receive(5), "12345");
  const pid_t pid = pid_in("pid");
  peer.reset();
  expect_failure(server.program().wait(seconds(10)), 1,
                 "recv: Broken pipe (EPIPE): 5 bytes sent, 5 received");
  expect_gone(pid);
}

TEST_F(ListenExecEndTest, OthersGoOnWhenOneIsReset) {
  for (const auto& options : both_ways("echo $$ >" + (dir_ / "pid") + "; cat; exec sleep 1000")) {
    std::vector<std::string> all = options;
    all.push_back("-k");
    ListenServer server(all);
    Peer other = server.connect();
    other.send("a");
    EXPECT_EQ(other.receive(1), "a");
    ::unlink((dir_ / "pid").c_str());
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    peer.reset();
    server.wait_for("closed");
    expect_gone(pid);
    other.send("b");
    EXPECT_EQ(other.receive(1), "b");
    EXPECT_EQ(server.end().status, 1) << "a connection was cut";
    ::unlink((dir_ / "pid").c_str());
  }
}

// --- told to end ---------------------------------------------------------------------------------

TEST_F(ListenExecEndTest, ASignalEndsIt) {
  for (const auto& options : both_ways(sleeper())) {
    ListenServer server(options);
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    expect_failure(server.end(SIGINT), 130, "ended by SIGINT: 0 bytes sent");
    EXPECT_TRUE(is_gone(pid));
    EXPECT_EQ(peer.receive_all(), "");
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, OneThatIgnoresSigtermIsKilled) {
  for (const auto& options : both_ways(stubborn())) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"--kill-after", "100ms"});
    ListenServer server(all);
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    EXPECT_EQ(server.end().status, 143);
    EXPECT_TRUE(is_gone(pid));
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, ASecondSignalKillsAtOnce) {
  for (const auto& options : both_ways(stubborn())) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"--kill-after", "0"});
    ListenServer server(all);
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    server.program().signal(SIGTERM);
    wait_until([&] { return ::access((dir_ / "told").c_str(), R_OK) == 0; }, "its being told");
    EXPECT_FALSE(is_gone(pid));
    server.program().signal(SIGINT);
    EXPECT_EQ(server.program().wait(seconds(10)).status, 130);
    expect_gone(pid);
    ::unlink((dir_ / "pid").c_str());
    ::unlink((dir_ / "told").c_str());
  }
}

TEST_F(ListenExecEndTest, WithDrainTheyMayFinish) {
  for (const auto& options :
       both_ways("echo $$ >" + (dir_ / "pid") + "; cat; sleep 0.2; echo bye")) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-k", "-v", "--drain", "15s"});
    ListenServer server(all);
    Peer peer = server.connect();
    pid_in("pid");
    server.program().signal(SIGTERM);
    EXPECT_TRUE(server.program().wait_for_err("waiting for 1 connection to end"));
    peer.send("text ");
    peer.shut_down();
    EXPECT_EQ(peer.receive_all(), "text bye\n");
    EXPECT_EQ(server.program().wait().status, 0);
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, AfterDrainTheyAreEnded) {
  for (const auto& options : both_ways(sleeper())) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-k", "--drain", "100ms"});
    ListenServer server(all);
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    EXPECT_EQ(server.end().status, 1);
    EXPECT_TRUE(is_gone(pid));
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, TheTimeLimitEndsIt) {
  for (const auto& options : both_ways(sleeper())) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"--timeout", "600ms"});
    ListenServer server(all);
    Peer peer = server.connect();
    expect_failure(server.program().wait(seconds(10)), 124, "--timeout 600ms reached");
    EXPECT_TRUE(is_gone(pid_in("pid")));
    ::unlink((dir_ / "pid").c_str());
  }
}

TEST_F(ListenExecEndTest, SilenceEndsIt) {
  ListenServer server({"-e", "sh -c '" + sleeper() + "'", "-i", "200ms"});
  Peer peer = server.connect();
  expect_failure(server.program().wait(seconds(10)), 124, "--idle-timeout 200ms reached");
  EXPECT_TRUE(is_gone(pid_in("pid")));
}

TEST_F(ListenExecEndTest, ItDiesWithUs) {
  for (const auto& options : both_ways(sleeper())) {
    ListenServer server(options);
    Peer peer = server.connect();
    const pid_t pid = pid_in("pid");
    server.program().signal(SIGKILL);
    server.program().wait();
    expect_gone(pid);
    ::unlink((dir_ / "pid").c_str());
  }
}

}  // namespace
}  // namespace ioa::test
