// Real programs at either side of `ioa listen`: what people put behind it, and what they ask with.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/end_to_end/listen_exec_fixture.hpp"
#include "tests/support/server.hpp"

namespace ioa::test {
namespace {

class ListenServersTest : public ListenExecTest {
 protected:
  static std::string url(const ListenServer& server) {
    return "http://127.0.0.1:" + server.port_text() + "/";
  }
  static std::string sha256_of(const std::string& command) {
    return run_shell(command + " | sha256sum").out.substr(0, 64);
  }
};

// --- curl asks ------------------------------------------------------------------------------

TEST_F(ListenServersTest, CurlGetsALargePageOfNginxWhole) {
  const std::string page = test_bytes(20 << 20);
  Nginx nginx(page);
  ListenServer server({"-k", "--to", "tcp:" + nginx.host() + ":" + nginx.port()});
  dir_.write("page", page);
  EXPECT_EQ(sha256_of("curl -sS " + url(server)), sha256_of("cat " + (dir_ / "page")));
  server.wait_for("closed");
  expect_success(server.end(), "");
}

TEST_F(ListenServersTest, CurlKeepsAConnectionToNginxForMoreThanOnePage) {
  Nginx nginx("It works\n");
  ListenServer server({"-k", "--to", "tcp:" + nginx.host() + ":" + nginx.port()});
  const RunResult pages =
      run_shell("curl -sS " + url(server) + " " + url(server) + " " + url(server));
  EXPECT_EQ(pages.out, "It works\nIt works\nIt works\n") << pages.err;
  EXPECT_EQ(server.count("accepted"), 1U);
}

TEST_F(ListenServersTest, ManyCurlsAtOnceAreServedByNginx) {
  Nginx nginx("It works\n");
  ListenServer server({"-k", "--to", "tcp:" + nginx.host() + ":" + nginx.port()});
  const RunResult pages = run_shell("for i in $(seq 20); do curl -sS " + url(server) +
                                    " & clients=\"$clients $!\"; done; wait $clients");
  EXPECT_EQ(line_count(pages.out), 20U) << pages.err;
  server.wait_for("closed", 20);
  expect_success(server.end(), "");
}

TEST_F(ListenServersTest, ACommandLineIsAServerOfWebPages) {
  ListenServer server({"-k", "--drain", "10s", "-c",
                       "while read -r line && [ \"$line\" != \"$(printf \"\\r\")\" ]; do :; done; "
                       "printf \"HTTP/1.0 200 OK\\r\\n\\r\\nhello %s\\n\" $IOA_REMOTE_ADDR"});
  for (int i = 0; i < 2; ++i)
    expect_success(run_shell("curl -sS " + url(server)), "hello 127.0.0.1\n");
  server.wait_for("closed", 2);
  expect_success(server.end(), "");
}

TEST_F(ListenServersTest, ACommandTakesAnUploadOfCurlWhole) {
  const std::string bytes = test_bytes(5 << 20);
  dir_.write("upload", bytes);
  // As inetd has it: the request is read to the length that it says.
  ListenServer server(
      {"-k", "-c",
       "while read -r name value && [ \"$name\" != \"$(printf \"\\r\")\" ]; do "
       "[ \"$name\" = Content-Length: ] && size=${value%?}; done; "
       "sum=$(head -c $size | sha256sum); printf \"HTTP/1.0 200 OK\\r\\n\\r\\n%s\" \"$sum\""});
  const RunResult answer =
      run_shell("curl -sS -H Expect: --data-binary @" + (dir_ / "upload") + " " + url(server));
  EXPECT_EQ(answer.out.substr(0, 64), sha256_of("cat " + (dir_ / "upload"))) << answer.err;
}

// --- What a short connection costs ----------------------------------------------------------

/// The system calls of a server that forwards so many connections, one after the other.
std::size_t calls_for(int connections) {
  const TempDir dir;
  TestServer far;
  // -D: the program is our child, and strace(1) somebody else.
  std::vector<std::string> command{"strace", "-D", "-f", "-qqq", "-o", dir / "trace"};
  for (std::string& word : ioa({"listen", "-k", "--port-file", dir / "port", "127.0.0.1:0", "--to",
                                "tcp:127.0.0.1:" + far.port_text(), "--drain", "0"}))
    command.push_back(std::move(word));
  // LeakSanitizer refuses to be traced.
  Process server(command, Process::Stdio(), {"ASAN_OPTIONS=detect_leaks=0"});
  wait_until([&] { return ::access((dir / "port").c_str(), R_OK) == 0; }, "the server");
  const auto port = static_cast<std::uint16_t>(std::stoi(dir.read("port")));
  for (int i = 0; i < connections; ++i) {
    Peer peer = connect_to_port(port);
    peer.send("question");
    Peer upstream = far.accept();
    EXPECT_EQ(upstream.receive(8), "question");
    upstream.send("answer");
    EXPECT_EQ(peer.receive(6), "answer");
    peer.shut_down();
    EXPECT_EQ(upstream.receive_all(), "");
    upstream.close();
    EXPECT_EQ(peer.receive_all(), "");
  }
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_with_open_stdin().status, 0);
  wait_until([&] { return dir.read("trace").find("exit_group") != std::string::npos; }, "strace");
  return line_count(dir.read("trace"));
}

TEST_F(ListenServersTest, AForwardedConnectionCostsFewSystemCalls) {
  constexpr int kMost = 26;
  EXPECT_LE(calls_for(25), calls_for(5) + 20 * kMost);
}

// --- A late answer --------------------------------------------------------------------------

// A FIN is no reason to go: the answer may come whenever it comes.
TEST_F(ListenServersTest, AnAnswerLongAfterThePeersEndArrives) {
  const std::string line = "cat >" + (dir_ / "asked") + "; until [ -e " + (dir_ / "go") +
                           " ]; do sleep 0.02; done; echo answer";
  for (const auto& options : both_ways(line)) {
    ListenServer server(options);
    Peer peer = server.connect();
    peer.send("question");
    peer.shut_down();
    wait_until(
        [&] {
          return ::access((dir_ / "asked").c_str(), R_OK) == 0 && dir_.read("asked") == "question";
        },
        "the command to have the question");
    EXPECT_TRUE(server.program().is_running());
    dir_.write("go", "");
    EXPECT_EQ(peer.receive_all(), "answer\n");
    expect_success(server.program().wait(), "");
    ::unlink((dir_ / "go").c_str());
    ::unlink((dir_ / "asked").c_str());
  }
}

TEST_F(ListenServersTest, AnAnswerOfAnUpstreamLongAfterThePeersEndArrives) {
  TestServer tcp;
  TestServer unix_socket(dir_ / "socket");
  for (TestServer* far : {&tcp, &unix_socket}) {
    ListenServer server(
        {"--to", far == &tcp ? "tcp:127.0.0.1:" + tcp.port_text() : "unix:" + (dir_ / "socket")});
    Peer peer = server.connect();
    Peer upstream = far->accept();
    peer.send("question");
    peer.shut_down();
    EXPECT_EQ(upstream.receive_all(), "question");
    server.wait_for("eof");
    EXPECT_TRUE(server.program().is_running());
    upstream.send("answer");
    upstream.close();
    EXPECT_EQ(peer.receive_all(), "answer");
    expect_success(server.program().wait(), "");
  }
}

// --- Commands as other users, and of workers ------------------------------------------------

TEST_F(ListenServersTest, CommandsAreRunAsTheUserAndTheGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  for (const auto& options : both_ways("id -un; id -gn; id -Gn | grep -cw root")) {
    std::vector<std::string> all{"-k", "--user", "nobody", "--group", "daemon"};
    all.insert(all.end(), options.begin(), options.end());
    ListenServer server(all);
    EXPECT_EQ(server.connect().receive_all(), "nobody\ndaemon\n0\n");
  }
}

TEST_F(ListenServersTest, WorkersHaveCommandsToo) {
  ListenServer server({"-k", "--workers", "2", "-e", "sh -c 'echo $PPID; read line; echo $line'"});
  std::set<std::string> workers;
  std::vector<Peer> peers;
  for (int i = 0; i < 20; ++i) {
    peers.push_back(server.connect());
    std::string parent;
    while (parent.empty() || parent.back() != '\n') parent += peers.back().receive(1);
    workers.insert(parent);
  }
  for (Peer& peer : peers) {
    peer.send("bye\n");
    EXPECT_EQ(peer.receive_all(), "bye\n");
  }
  EXPECT_GE(workers.size(), 1U);
  EXPECT_LE(workers.size(), 2U);
  EXPECT_EQ(workers.count(std::to_string(server.program().pid()) + "\n"), 0U);
  server.wait_for("closed", 20);
  expect_success(server.end(), "");
}

TEST_F(ListenServersTest, AWorkerThatIsKilledTakesItsOwnCommandsAlong) {
  ListenServer server(
      {"-k", "--workers", "2", "-e", "sh -c 'echo $PPID $$; read line; echo $line'"});
  struct Served {
    Peer peer;
    pid_t worker = 0;
    pid_t command = 0;
  };
  std::vector<Served> all;
  for (int i = 0; i < 20; ++i) {
    Served served{server.connect()};
    std::string line;
    while (line.empty() || line.back() != '\n') line += served.peer.receive(1);
    std::istringstream(line) >> served.worker >> served.command;
    all.push_back(std::move(served));
  }
  const pid_t victim = all.front().worker;
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  ASSERT_TRUE(server.program().wait_for_err("killed by SIGKILL; another one takes its place"));
  for (Served& served : all) {
    if (served.worker == victim) {
      wait_until([&] { return is_gone(served.command); }, "its command to be gone");
      continue;
    }
    served.peer.send("alive\n");
    EXPECT_EQ(served.peer.receive_all(), "alive\n");
  }
  Peer next = server.connect();
  next.send("next\n");
  EXPECT_TRUE(next.receive_all().ends_with("\nnext\n"));
}

}  // namespace
}  // namespace ioa::test
