// Commands that a peer is joined to: --exec, --sh-exec, --to exec:, shell: and pty:.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using std::chrono::seconds;

class ConnectChildTest : public ::testing::Test {
 protected:
  std::vector<std::string> with(std::vector<std::string> options) {
    options.insert(options.begin(), "connect");
    options.insert(options.end(), {"127.0.0.1", server_.port_text()});
    return ioa(std::move(options));
  }
  /// Whether the process whose number stands in that file is gone (or ended and not reaped).
  bool is_gone(const std::string& file) {
    const pid_t pid = std::stoi(dir_.read(file));
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(stat, text);
    return text.empty() || text.substr(text.rfind(')') + 2, 1) == "Z";
  }
  bool has_text(const std::string& file) {
    return ::access((dir_ / file).c_str(), R_OK) == 0 && !dir_.read(file).empty();
  }

  TestServer server_;
  TempDir dir_;
};

TEST_F(ConnectChildTest, ACommandTalksToThePeer) {
  for (const auto& options :
       std::vector<std::vector<std::string>>{{"-e", "tr a-z A-Z"},
                                             {"--exec=tr a-z A-Z"},
                                             {"-c", "tr a-z A-Z | cat"},
                                             {"--sh-exec", "tr a-z A-Z"},
                                             {"--to", "exec:tr 'a-z' \"A-Z\""},
                                             {"--to", "shell:tr a-z A-Z"}}) {
    Process process(with(options));
    Peer peer = server_.accept();
    peer.send("hello");
    peer.shut_down();
    EXPECT_EQ(peer.receive_all(), "HELLO") << options.back();
    peer.close();
    expect_success(process.wait_with_open_stdin(), "");
  }
}

TEST_F(ConnectChildTest, ManyBytesGoThroughWholeBothWaysAtOnce) {
  for (const char* option : {"-e", "-c"}) {
    const std::string bytes = test_bytes(16'000'000);
    Process process(with({option, "cat"}));
    Peer peer = server_.accept();
    std::thread sender([&] {
      peer.send(bytes);
      peer.shut_down();
    });
    EXPECT_TRUE(peer.receive_all() == bytes);
    sender.join();
    peer.close();
    expect_success(process.wait(), "");
  }
}

TEST_F(ConnectChildTest, ALateAnswerComesWhole) {
  Process process(with({"-c", "cat >/dev/null; sleep 0.3; seq 1 100000"}));
  Peer peer = server_.accept();
  peer.shut_down();
  const std::string answer = peer.receive_all();
  EXPECT_EQ(answer.substr(answer.size() - 7), "100000\n");
  EXPECT_EQ(line_count(answer), 100'000U);
  peer.close();
  expect_success(process.wait(), "");
}

TEST_F(ConnectChildTest, TheEndOfACommandClosesTheConnectionThoughThePeerGoesOn) {
  Process process(with({"-c", "echo bye"}));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all(), "bye\n");
  expect_success(process.wait(), "");
}

TEST_F(ConnectChildTest, ACommandMayCloseItsOutputAndGoOnReading) {
  const std::string path = dir_ / "stored";
  Process process(with({"-c", "exec >&-; cat >" + path}));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all(), "");
  peer.send("after its end");
  peer.close();
  expect_success(process.wait(), "");
  EXPECT_EQ(dir_.read("stored"), "after its end");
}

TEST_F(ConnectChildTest, ACommandNeedNotReadWhatItIsSent) {
  Process process(with({"-c", "exec <&-; sleep 0.1; echo done"}));
  Peer peer = server_.accept();
  std::thread sender([&] {
    try {
      peer.send(test_bytes(1'000'000));
    } catch (const Error&) {
    }
  });
  EXPECT_EQ(peer.receive(5), "done\n");
  sender.join();
  peer.close();
  expect_success(process.wait(), "");
}

TEST_F(ConnectChildTest, OneThatLeavesAGrandchildOnItsOutputEndsTheConnection) {
  Process process(with({"-c", "sleep 1000 & echo $! >" + (dir_ / "pid") + "; echo hello"}));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all(), "hello\n");
  peer.close();
  expect_success(process.wait(seconds(10)), "");
  EXPECT_TRUE(is_gone("pid"));
}

TEST_F(ConnectChildTest, TheEnvironmentDescribesTheConnection) {
  Process process(with({"-c",
                        "echo $IOA_REMOTE_ADDR $IOA_REMOTE_PORT $IOA_LOCAL_ADDR $IOA_LOCAL_PORT "
                        "$IOA_PROTO $IOA_CONN",
                        "-s", "127.0.0.2"}));
  Peer peer = server_.accept();
  const std::string from = std::to_string(SocketAddress::peer_of(peer.fd()).port());
  EXPECT_EQ(peer.receive_all(),
            "127.0.0.1 " + server_.port_text() + " 127.0.0.2 " + from + " tcp 1\n");
  peer.close();
  process.wait();

  TestServer local(dir_ / "socket");
  Process second(ioa({"connect", "unix:" + (dir_ / "socket"), "-c",
                      "echo $IOA_REMOTE_ADDR,$IOA_REMOTE_PORT,$IOA_PROTO"}));
  Peer other = local.accept();
  EXPECT_EQ(other.receive_all(), (dir_ / "socket") + ",,unix\n");
}

TEST_F(ConnectChildTest, NothingIsExpandedInExec) {
  Process process(with({"-e", "printf %s,%s,%s '$HOME' \"*\" a\\ b|cat"}));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all(), "$HOME,*,a b|cat");
  peer.close();
  expect_success(process.wait(), "");
}

TEST_F(ConnectChildTest, StandardErrorIsOurs) {
  Process process(with({"-c", "echo complaint >&2"}));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all(), "");
  peer.close();
  EXPECT_EQ(process.wait().err, "complaint\n");
}

TEST_F(ConnectChildTest, ItHasNoOtherDescriptorsAndAGroupOfItsOwn) {
  Process::Stdio stdio;
  stdio.fd3 = open_to_read("/dev/null");
  Process process(with({"-c",
                        "for i in 3 4 5 6 7 8 9 10 11 12; do test -e /proc/$$/fd/$i && echo $i; "
                        "done; ps -o pgid= -p $$ | tr -d ' '; echo $$"}),
                  std::move(stdio));
  Peer peer = server_.accept();
  const std::string text = peer.receive_all();
  peer.close();
  process.wait();
  const std::string group = text.substr(0, text.find('\n') + 1);
  EXPECT_EQ(text, group + group);
}

// --- statuses ------------------------------------------------------------------------------------

TEST_F(ConnectChildTest, ItsStatusIsOursIfItEndsByItself) {
  for (const auto& [line, status] : {std::pair("exit 3", 3), std::pair("kill -9 $$", 137)}) {
    Process process(with({"-c", line}));
    Peer peer = server_.accept();
    peer.receive_all();
    peer.close();
    EXPECT_EQ(process.wait().status, status);
  }
}

TEST_F(ConnectChildTest, ACommandThatCannotBeRunIsToldBeforeAnythingIsConnected) {
  ScriptedPeer peer([](PeerConnection&) { throw std::runtime_error("it has connected"); });
  expect_failure(run_ioa(connect_to(peer, {"-e", "no-such-command x"})), 127,
                 "exec no-such-command: No such file or directory (ENOENT)");
  expect_failure(run_ioa(connect_to(peer, {"-e", "/no/such/command"})), 127, "(ENOENT)");
  expect_failure(run_ioa(connect_to(peer, {"-e", "/etc/passwd"})), 126, "(EACCES)");
  expect_failure(run_ioa(connect_to(peer, {"-e", "/tmp"})), 126, "(EACCES)");
}

TEST_F(ConnectChildTest, ACommandThatTurnsOutToBeNoneIsStatus126) {
  const std::string path = dir_.write("broken", "#!/no/such/interpreter\n");
  ::chmod(path.c_str(), 0755);
  Process process(with({"-e", path}));
  Peer peer = server_.accept();
  const RunResult result = process.wait();
  EXPECT_TRUE(result.status == 126 || result.status == 127) << result.status;
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
}

TEST_F(ConnectChildTest, EventsTellOfItsStartAndItsEnd) {
  Process process(with({"-c", "exit 3", "--events", dir_ / "events"}));
  Peer peer = server_.accept();
  peer.receive_all();
  peer.close();
  process.wait();
  const std::string events = dir_.read("events");
  EXPECT_NE(events.find(R"("event":"child.started")"), std::string::npos) << events;
  EXPECT_NE(events.find(R"("command":["exit 3"])"), std::string::npos) << events;
  EXPECT_NE(events.find(R"("event":"child.exited")"), std::string::npos) << events;
  EXPECT_NE(events.find(R"("status":3)"), std::string::npos) << events;
}

// --- the end of the connection -------------------------------------------------------------------

TEST_F(ConnectChildTest, AResetEndsIt) {
  Process process(with({"-c", "echo $$ >" + (dir_ / "pid") + "; exec sleep 1000"}));
  Peer peer = server_.accept();
  wait_until([&] { return has_text("pid"); }, "the command to start");
  peer.reset();
  expect_failure(process.wait(seconds(10)), 1, "Connection reset by peer (ECONNRESET)");
  EXPECT_TRUE(is_gone("pid"));
}

TEST_F(ConnectChildTest, OneThatIgnoresSigtermIsKilled) {
  Process process(
      with({"-c", "trap '' TERM; echo $$ >" + (dir_ / "pid") + "; while :; do sleep 1; done",
            "--kill-after", "100ms"}));
  Peer peer = server_.accept();
  wait_until([&] { return has_text("pid"); }, "the command to start");
  peer.reset();
  EXPECT_EQ(process.wait(seconds(10)).status, 1);
  EXPECT_TRUE(is_gone("pid"));
}

TEST_F(ConnectChildTest, OneThatAnswersSigtermMayFinish) {
  Process process(
      with({"-c", "trap 'sleep 0.2; echo bye >" + (dir_ / "last") + "; exit' TERM; echo $$ >" +
                      (dir_ / "pid") + "; while :; do sleep 0.05; done"}));
  Peer peer = server_.accept();
  wait_until([&] { return has_text("pid"); }, "the command to start");
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(seconds(10)).status, 143);
  EXPECT_EQ(dir_.read("last"), "bye\n");
}

TEST_F(ConnectChildTest, ATimeLimitEndsIt) {
  Process process(with({"-c", "echo $$ >" + (dir_ / "pid") + "; exec sleep 1000", "-i", "200ms"}));
  Peer peer = server_.accept();
  expect_failure(process.wait(seconds(10)), 124, "--idle-timeout 200ms reached: 0 bytes sent");
  EXPECT_TRUE(is_gone("pid"));
}

TEST_F(ConnectChildTest, ItDiesWithTheProgram) {
  Process process(with({"-c", "echo $$ >" + (dir_ / "pid") + "; exec sleep 1000"}));
  Peer peer = server_.accept();
  wait_until([&] { return has_text("pid"); }, "the command to start");
  process.signal(SIGKILL);
  process.wait();
  wait_until([&] { return is_gone("pid"); }, "the command to die");
}

// --- a terminal ----------------------------------------------------------------------------------

TEST_F(ConnectChildTest, PtyGivesItATerminalOfItsOwn) {
  Process process(with({"--to", "pty:tty; test -t 0 && test -t 1 && test -t 2 && echo terminals"}));
  Peer peer = server_.accept();
  const std::string text = peer.receive_all();
  EXPECT_EQ(text.substr(0, 9), "/dev/pts/") << text;
  EXPECT_NE(text.find("terminals\r\n"), std::string::npos) << text;
  peer.close();
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(ConnectChildTest, ThePeersEndIsTheTerminalsEnd) {
  for (const char* last : {"line\n", "half a line"}) {
    Process process(with({"--to", "pty:stty -echo; echo ready; cat; echo end"}));
    Peer peer = server_.accept();
    EXPECT_EQ(peer.receive(7), "ready\r\n");
    peer.send(last);
    peer.shut_down();
    const std::string text = peer.receive_all();
    EXPECT_EQ(text.substr(0, 4), std::string(last).substr(0, 4)) << text;
    EXPECT_EQ(text.substr(text.size() - 5), "end\r\n") << text;
    peer.close();
    EXPECT_EQ(process.wait(seconds(10)).status, 0);
  }
}

}  // namespace
}  // namespace ioa::test
