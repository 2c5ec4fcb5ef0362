// Commands that serve the peers of ioa listen: what they are given, and what is told of them.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "ioa/net/socket_address.hpp"
#include "tests/end_to_end/listen_exec_fixture.hpp"

namespace ioa::test {
namespace {

const std::string kShowEnds = "readlink /proc/self/fd/0 /proc/self/fd/1";

TEST_F(ListenExecTest, ACommandHasTheSocketItselfAndItWaits) {
  ListenServer server({"-e", "sh -c '" + kShowEnds + "; cat /proc/self/fdinfo/0'"});
  Peer peer = server.connect();
  const std::string text = peer.receive_all();
  const std::size_t end = text.find('\n') + 1;
  EXPECT_EQ(text.substr(0, 7), "socket:") << text;
  EXPECT_EQ(text.substr(end, end), text.substr(0, end)) << "both are the same";
  const std::size_t flags = text.find("flags:") + 6;
  ASSERT_LT(flags, text.size());
  EXPECT_EQ(std::stoi(text.substr(flags), nullptr, 8) & O_NONBLOCK, 0) << text;
  expect_success(server.program().wait(), "");
}

TEST_F(ListenExecTest, WhereBytesOrEndsCountItHasPipes) {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"-i", "20s"},
                                             {"--rate", "1G"},
                                             {"-C"},
                                             {"-x", dir_ / "dump"},
                                             {"--stats"},
                                             {"--sha256"},
                                             {"--on-stdin-eof", "half-close"},
                                             {"--on-peer-eof", "finish"},
                                             {"-q", "5s"},
                                             {"-N"},
                                             {"--recv-only"},
                                             {"--send-only"}}) {
    std::vector<std::string> all = {"-e", "sh -c '" + kShowEnds + " >" + (dir_ / "ends") + "'"};
    all.insert(all.end(), options.begin(), options.end());
    ListenServer server(all);
    server.connect().close();
    server.program().wait();
    EXPECT_EQ(dir_.read("ends").substr(0, 5), "pipe:") << options[0];
  }
}

TEST_F(ListenExecTest, ACommandLineHasPipesAndAPtyATerminal) {
  ListenServer line({"-c", kShowEnds});
  EXPECT_EQ(line.connect().receive_all().substr(0, 5), "pipe:");
  ListenServer terminal({"--to", "pty:test -t 0 && test -t 1 && test -t 2 && echo terminals"});
  EXPECT_EQ(terminal.connect().receive_all(), "terminals\r\n");
  EXPECT_EQ(terminal.program().wait().status, 0);
}

TEST_F(ListenExecTest, EveryFormOfACommandTalksToEveryPeer) {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"-e", "tr a-z A-Z"},
                                             {"--exec=tr 'a-z' \"A-Z\""},
                                             {"-c", "tr a-z A-Z | cat"},
                                             {"--sh-exec", "tr a-z A-Z"},
                                             {"--to", "exec:tr a-z A-Z"},
                                             {"--to", "shell:tr a-z A-Z"}}) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-k", "--drain", "10s"});
    ListenServer server(all);
    for (const auto& [text, answer] : {std::pair("one", "ONE"), std::pair("two", "TWO")}) {
      Peer peer = server.connect();
      peer.send(text);
      peer.shut_down();
      EXPECT_EQ(peer.receive_all(), answer) << options.back();
    }
    server.wait_for("closed", 2);
    EXPECT_EQ(server.end().status, 0);
  }
}

TEST_F(ListenExecTest, TheEnvironmentDescribesTheConnection) {
  for (const auto& options :
       both_ways("echo $IOA_REMOTE_ADDR $IOA_REMOTE_PORT $IOA_LOCAL_ADDR $IOA_LOCAL_PORT "
                 "$IOA_PROTO $IOA_CONN")) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-k", "--drain", "10s"});
    ListenServer server(all);
    for (const char* number : {"1", "2"}) {
      Peer peer = server.connect();
      const auto port = SocketAddress::local_of(peer.fd()).port();
      EXPECT_EQ(peer.receive_all(), "127.0.0.1 " + std::to_string(port) + " 127.0.0.1 " +
                                        server.port_text() + " tcp " + number + "\n");
    }
  }
  ListenServer local({"-c", "echo $IOA_REMOTE_PORT,$IOA_LOCAL_ADDR,$IOA_PROTO"},
                     "unix:" + (dir_ / "socket"));
  EXPECT_EQ(local.connect().receive_all(), "," + (dir_ / "socket") + ",unix\n");
}

TEST_F(ListenExecTest, ItHasNoDescriptorOfOursAndAGroupOfItsOwn) {
  for (const auto& options : both_ways("ls /proc/self/fd | tr \"\\n\" \" \"; "
                                       "ps -o pgid= -p $$ | tr -d \" \"; echo $$; cat")) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-k", "--drain", "10s"});
    ListenServer server(all);
    Peer first = server.connect();
    EXPECT_EQ(first.receive(8), "0 1 2 3 ");
    Peer peer = server.connect();
    peer.shut_down();
    const std::string text = peer.receive_all();
    EXPECT_EQ(text.substr(0, 8), "0 1 2 3 ") << "3 is the folder that is listed";
    const std::string group = text.substr(8, text.find('\n') - 7);
    EXPECT_EQ(text.substr(8), group + group);
  }
}

TEST_F(ListenExecTest, SignalsAreIgnoredAsTheyWereWhenWeWereStarted) {
  const std::string port = dir_ / "port";
  for (const char* option : {"-e", "-c"}) {
    for (const bool ignores : {true, false}) {
      const RunResult result = run_shell(
          std::string(ignores ? "trap '' PIPE; " : "") + "mkfifo " + port + "; $IOA listen " +
          option + " 'grep SigIgn /proc/self/status' 127.0.0.1:0 --port-file " + port +
          " & $IOA connect 127.0.0.1 $(cat " + port + ") </dev/null; rm " + port);
      const std::size_t at = result.out.find("SigIgn:");
      ASSERT_NE(at, std::string::npos) << result.err;
      const auto ignored = std::stoull(result.out.substr(at + 7), nullptr, 16);
      EXPECT_EQ((ignored >> (SIGPIPE - 1)) & 1U, ignores ? 1U : 0U) << option;
      EXPECT_EQ((ignored >> (SIGTERM - 1)) & 1U, 0U) << option;
    }
  }
}

TEST_F(ListenExecTest, EventsCountItsBytesAndTellItsEnd) {
  for (const auto& options : both_ways("head -c 5; echo answer; exit 3")) {
    std::vector<std::string> all = options;
    all.insert(all.end(), {"-k", "--drain", "10s"});
    ListenServer server(all);
    Peer peer = server.connect();
    peer.send("12345");
    peer.shut_down();
    EXPECT_EQ(peer.receive_all(), "12345answer\n");
    server.wait_for("closed");
    server.wait_for("child.exited");  // in either order
    const std::string events = server.dir().read("events");
    EXPECT_NE(events.find(R"("event":"child.started")"), std::string::npos) << events;
    EXPECT_NE(events.find(R"("status":3)"), std::string::npos) << events;
    EXPECT_NE(events.find(R"("bytes_sent":12,"bytes_received":5)"), std::string::npos) << events;
    EXPECT_EQ(server.end().status, 0) << "with -k a command's status is its own";
  }
  ListenServer local({"-e", "cat"}, "unix:" + (dir_ / "counted"));
  Peer peer = local.connect();
  peer.send("1234567");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "1234567");
  local.program().wait();
  const std::string events = local.dir().read("events");
  EXPECT_NE(events.find(R"("bytes_sent":7,"bytes_received":7)"), std::string::npos) << events;
}

TEST_F(ListenExecTest, UnixPeersNobodyCountsHaveTheSocketToo) {
  const RunResult result = run_shell("$IOA listen -e '" + kShowEnds + "' unix:" + (dir_ / "plain") +
                                     " --port-file " + (dir_ / "ready") + " & until test -s " +
                                     (dir_ / "ready") + "; do sleep 0.01; done; " +
                                     "$IOA connect unix:" + (dir_ / "plain") + " </dev/null; wait");
  EXPECT_EQ(result.out.substr(0, 7), "socket:") << result.out << result.err;
}

TEST_F(ListenExecTest, StandardErrorIsOurs) {
  for (const auto& options : both_ways("echo complaint >&2")) {
    ListenServer server(options);
    EXPECT_EQ(server.connect().receive_all(), "");
    EXPECT_EQ(server.program().wait().err, "complaint\n");
  }
}

TEST_F(ListenExecTest, ItsStatusIsOursWhereItIsTheOnlyOne) {
  for (const auto& [line, status] : {std::pair("exit 3", 3), std::pair("kill -9 $$", 137)}) {
    for (const auto& options : both_ways(line)) {
      ListenServer server(options);
      server.connect().receive_all();
      const RunResult result = server.program().wait();
      EXPECT_EQ(result.status, status);
      EXPECT_EQ(result.err, "");
    }
  }
}

TEST_F(ListenExecTest, ACommandThatCannotBeRunIsToldBeforeAnythingIsBound) {
  const std::string file = dir_ / "port";
  for (const auto& [command, status, why] :
       {std::tuple("no-such-command x", 127, "exec no-such-command: No such file"),
        std::tuple("/no/such/command", 127, "(ENOENT)"), std::tuple("/etc/passwd", 126, "(EACCES)"),
        std::tuple("/tmp", 126, "(EACCES)")}) {
    expect_failure(run_ioa({"listen", "-k", "127.0.0.1:0", "-e", command, "--port-file", file}),
                   status, why);
    EXPECT_NE(::access(file.c_str(), F_OK), 0);
  }
}

TEST_F(ListenExecTest, OneThatCannotBeRunLaterEndsItsOwnConnectionOnly) {
  const std::string script = dir_.write("script", "#!/bin/sh\necho ran\n");
  ::chmod(script.c_str(), 0755);
  ListenServer server({"-k", "-e", script, "--drain", "10s"});
  EXPECT_EQ(server.connect().receive_all(), "ran\n");
  ::chmod(script.c_str(), 0);
  dir_.write("script", "#!/no/such/interpreter\n");
  ::chmod(script.c_str(), 0755);
  EXPECT_EQ(server.connect().receive_all(), "");
  dir_.write("script", "#!/bin/sh\necho again\n");
  EXPECT_EQ(server.connect().receive_all(), "again\n");
  server.wait_for("closed", 3);
  const RunResult result = server.end();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(line_count(result.err), 1U) << result.err;
  EXPECT_NE(result.err.find("exec " + script), std::string::npos) << result.err;
}

TEST_F(ListenExecTest, OneThatCannotBeRunAfterAllIsTheStatusOfTheOnlyPeer) {
  const std::string script = dir_.write("broken", "#!/no/such/interpreter\n");
  ::chmod(script.c_str(), 0755);
  ListenServer server({"-e", script});
  EXPECT_EQ(server.connect().receive_all(), "");
  expect_failure(server.program().wait(), 127, "exec " + script);
}

TEST_F(ListenExecTest, ManyBytesGoThroughWholeBothWaysForManyAtOnce) {
  const std::size_t size = wants_long_tests() ? 64'000'000 : 6'000'000;
  for (const char* option : {"-e", "-c"}) {
    ListenServer server({"-k", option, "cat", "--drain", "10s"});
    std::vector<std::thread> clients;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
      clients.emplace_back([&server, size, seed] {
        const std::string bytes = test_bytes(size, seed);
        Peer peer = server.connect();
        std::thread sender([&] {
          peer.send(bytes);
          peer.shut_down();
        });
        EXPECT_TRUE(peer.receive_all() == bytes);
        sender.join();
      });
    }
    for (std::thread& client : clients) client.join();
    server.wait_for("closed", 8);
    const RunResult result = server.end();
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
  }
}

TEST_F(ListenExecTest, AThousandShortConnectionsAreServed) {
  ListenServer server({"-k", "-e", "echo served", "--drain", "10s"});
  constexpr int kClients = 4;
  constexpr int kEach = 250;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&server] {
      for (int n = 0; n < kEach; ++n) EXPECT_EQ(server.connect().receive_all(), "served\n");
    });
  }
  for (std::thread& client : clients) client.join();
  server.wait_for("closed", kClients * kEach);
  expect_success(server.end(), "");
}

}  // namespace
}  // namespace ioa::test
