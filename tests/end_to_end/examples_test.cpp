// The example programs, as somebody who tries them would run them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string example(const std::string& name) {
  return std::filesystem::path(ioa_binary()).parent_path() / "examples" / name;
}

/// A server of the examples, on a port that it has told.
class ExampleServer {
 public:
  explicit ExampleServer(const std::string& name, std::vector<std::string> more = {}) {
    SocketPair output = blocking_pipe();
    out_ = std::move(output.first);
    Process::Stdio stdio;
    stdio.out = std::move(output.second);
    std::vector<std::string> argv{example(name), "0"};
    argv.insert(argv.end(), more.begin(), more.end());
    program_ = std::make_unique<Process>(argv, std::move(stdio));
    const std::string line = read_line();
    EXPECT_THAT(line, StartsWith("listening on "));
    port_ = line.substr(line.rfind(':') + 1);
  }

  std::string read_line() const {
    std::string line;
    for (char c = 0; ::read(out_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  const std::string& port() const { return port_; }
  Peer connect() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port_)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return Peer(std::move(fd));
  }
  Process& program() { return *program_; }

 private:
  UniqueFd out_;
  std::string port_;
  std::unique_ptr<Process> program_;
};

class ExamplesTest : public GuardedTest {};

TEST_F(ExamplesTest, EchoServerSendsBackWhatItGets) {
  ExampleServer server("echo_server");
  Peer first = server.connect();
  Peer second = server.connect();
  first.send("hello\n");
  second.send("you");
  EXPECT_EQ(second.receive(3), "you");
  EXPECT_EQ(first.receive(6), "hello\n");
  first.send("the last, without an end");
  first.shut_down();
  EXPECT_EQ(first.receive_all(), "the last, without an end");
}

TEST_F(ExamplesTest, EchoServerHoldsBackWhoDoesNotRead) {
  ExampleServer server("echo_server");
  Peer peer = server.connect();
  const std::string bytes = test_bytes(std::size_t{32} << 20);
  std::thread sender([&] {
    peer.send(bytes);
    peer.shut_down();
  });
  wait_until([&] { return server.program().is_sleeping(); }, "the server to be full");
  const long memory = server.program().peak_memory_kib();
  EXPECT_TRUE(peer.receive_all() == bytes);
  sender.join();
  EXPECT_TRUE(!is_release_build() || memory < 20'000) << memory;
}

TEST_F(ExamplesTest, ChatServerTellsEverybodyButTheSender) {
  ExampleServer server("chat_server");
  Peer anna = server.connect();
  Peer bert = server.connect();
  Peer carl = server.connect();
  // What Anna hears from both proves that both have joined.
  bert.send("bert is here\n");
  EXPECT_EQ(anna.receive(13), "bert is here\n");
  carl.send("carl is here\n");
  EXPECT_EQ(anna.receive(13), "carl is here\n");
  EXPECT_EQ(bert.receive(13), "carl is here\n");
  anna.send("half ");
  carl.receive(13);
  carl.send("whole\n");
  EXPECT_EQ(anna.receive(6), "whole\n");
  anna.send("and half\n");
  EXPECT_EQ(bert.receive(20), "whole\nhalf and half\n");
  anna.shut_down();
  EXPECT_EQ(anna.receive_all(), "");
}

TEST_F(ExamplesTest, ChatServerIsNotHeldUpByWhoDoesNotRead) {
  ExampleServer server("chat_server");
  Peer silent = server.connect();
  Peer reader = server.connect();
  Peer talker = server.connect();
  reader.send("ready\n");
  EXPECT_EQ(talker.receive(6), "ready\n");
  const std::string line = std::string(99'999, 'x') + "\n";
  constexpr std::size_t kLines = 200;
  for (std::size_t i = 0; i < kLines; ++i) {
    talker.send(line);
    ASSERT_TRUE(reader.receive(line.size()) == line);
  }
  EXPECT_LT(silent.receive_all().size(), kLines * line.size()) << "it was sent away";
}

TEST_F(ExamplesTest, TcpProxyPassesBytesAndEndsOnBothWays) {
  ScriptedPeer target([](PeerConnection& connection) {
    connection.expect("question");
    connection.expect_end();
    connection.send("answer");
  });
  ExampleServer server("tcp_proxy", {target.host(), target.port()});
  Peer peer = server.connect();
  peer.send("question");
  peer.shut_down();
  EXPECT_EQ(peer.receive_all(), "answer");
  target.finish();
}

TEST_F(ExamplesTest, TcpProxyServesSeveralAtATimeThroughAnother) {
  ExampleServer echo("echo_server");
  ExampleServer server("tcp_proxy", {"127.0.0.1", echo.port()});
  const std::string bytes = test_bytes(std::size_t{4} << 20);
  Peer idle = server.connect();
  for (int i = 0; i < 3; ++i) {
    Peer peer = server.connect();
    std::thread sender([&] {
      peer.send(bytes);
      peer.shut_down();
    });
    EXPECT_TRUE(peer.receive_all() == bytes);
    sender.join();
  }
  idle.shut_down();
  EXPECT_EQ(idle.receive_all(), "");
}

TEST_F(ExamplesTest, TcpProxyTellsWhatFailsAndGoesOn) {
  const ClosedPort closed;
  ExampleServer server("tcp_proxy", {"127.0.0.1", closed.port()});
  for (int i = 0; i < 2; ++i) {
    Peer peer = server.connect();
    EXPECT_EQ(peer.receive_all(), "");
  }
  EXPECT_TRUE(server.program().wait_for_err("ECONNREFUSED"));
  EXPECT_TRUE(server.program().is_running());
}

TEST_F(ExamplesTest, WhoamiServerTellsNameAndPort) {
  ExampleServer server("whoami_server");
  Peer peer = server.connect();
  sockaddr_in own{};
  socklen_t size = sizeof own;
  ::getsockname(peer.fd(), reinterpret_cast<sockaddr*>(&own), &size);
  const std::string answer = peer.receive_all();
  EXPECT_THAT(answer, StartsWith("You are "));
  EXPECT_THAT(answer, HasSubstr(" port " + std::to_string(ntohs(own.sin_port)) + "\n"));
}

TEST_F(ExamplesTest, ServersSayWhyTheyCannotListen) {
  const ClosedPort taken;
  for (const char* name : {"echo_server", "chat_server", "whoami_server"}) {
    const RunResult result = Process({example(name), "no-such-service"}).wait();
    EXPECT_THAT(result.err, HasSubstr("EAI_SERVICE")) << name;
    EXPECT_EQ(result.status, 1);
  }
}

TEST_F(ExamplesTest, StdioPumpCopiesFilesAndPipes) {
  const TempDir dir;
  const std::string bytes = test_bytes(std::size_t{3} << 20);
  const std::string in = dir.write("in", bytes);
  const std::string pump = example("stdio_pump");
  for (const std::string& command :
       {pump + " <in >out", "cat in | " + pump + " | cat >out", "cat in | " + pump + " >out",
        pump + " <in | cat >out", pump + " <in >>out"}) {
    dir.write("out", "");
    const RunResult result = run_shell("cd '" + dir.path().string() + "' && " + command);
    EXPECT_EQ(result.status, 0) << command << result.err;
    EXPECT_TRUE(dir.read("out") == bytes) << command;
  }
}

TEST_F(ExamplesTest, StdioPumpTellsThatItCannotWrite) {
  const RunResult result = run_shell("echo text | " + example("stdio_pump") + " >/dev/full");
  EXPECT_THAT(result.err, HasSubstr("standard output: No space left on device"));
  EXPECT_EQ(result.status, 1);
}

TEST_F(ExamplesTest, PeriodicReporterReportsInTime) {
  const RunResult result = Process({example("periodic_reporter"), "20", "3"}).wait();
  EXPECT_EQ(line_count(result.out), 3U);
  EXPECT_THAT(result.out, HasSubstr("report 3 after "));
  EXPECT_GE(result.duration.count(), 60);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(Process({example("periodic_reporter"), "x"}).wait().status, 64);
}

struct HttpCase {
  const char* name;
  std::string response;
  const char* out;
  const char* err;
};

class HttpGetTest : public GuardedTest, public ::testing::WithParamInterface<HttpCase> {};

TEST_P(HttpGetTest, PrintsTheBodyOrSaysWhyNot) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    connection.send(GetParam().response);
    connection.half_close();
    connection.read_all();
  });
  const RunResult result = Process({example("http_get"), peer.host(), peer.port(), "/page"}).wait();
  peer.finish();
  EXPECT_EQ(result.out, GetParam().out);
  EXPECT_EQ(result.err, GetParam().err);
  EXPECT_EQ(result.status, *GetParam().err == '\0' ? 0 : 1);
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, HttpGetTest,
    ::testing::Values(
        HttpCase{"Length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
        HttpCase{"UntilTheEnd", "HTTP/1.1 200 OK\r\n\r\nall\nof it", "all\nof it", ""},
        HttpCase{"Chunks",
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                 "4\r\nWiki\r\n10;name=value\r\npedia in chunks.\r\n0\r\n\r\n",
                 "Wikipedia in chunks.", ""},
        HttpCase{"Empty", "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "", ""},
        HttpCase{"CutOff", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello",
                 "http_get: the response has ended too early\n"},
        HttpCase{"CutOffChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                 "ab", "http_get: the response has ended too early\n"},
        HttpCase{"Nothing", "", "", "http_get: the response has ended too early\n"},
        HttpCase{"NotFound", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "no",
                 "http_get: HTTP/1.1 404 Not Found\n"}),
    [](const auto& param) { return param.param.name; });

TEST_F(ExamplesTest, HttpGetSaysWhyItCannotConnect) {
  const ClosedPort closed;
  const RunResult result = Process({example("http_get"), "127.0.0.1", closed.port()}).wait();
  EXPECT_THAT(result.err, HasSubstr("ECONNREFUSED"));
  EXPECT_EQ(result.status, 1);
}

TEST_F(ExamplesTest, HashFilesSaysWhatSha256sumDoes) {
  const TempDir dir;
  const std::string script = "cd " + dir.path().string() +
                             " && seq 100000 >a && printf abc >b && : >c && " +
                             example("hash_files") + " a b c >ours; sha256sum a b c | cmp - ours";
  expect_success(run_shell(script), "");
  const RunResult result =
      run_shell("cd " + dir.path().string() + " && " + example("hash_files") + " nowhere b");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("open nowhere: No such file or directory (ENOENT)"));
  EXPECT_THAT(result.out, HasSubstr("  b\n"));
}

TEST_F(ExamplesTest, SupervisorStartsItsCommandAgain) {
  const TempDir dir;
  const std::string counter = dir / "count";
  // Fails twice, then succeeds.
  const std::string command = "echo >>" + counter + "; [ $(wc -l <" + counter + ") = 3 ]";
  const RunResult result = run_shell(example("supervisor") + " 5 sh -c '" + command + "'");
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.err, HasSubstr("run 3: exited with status 0"));
  const RunResult failing = run_shell(example("supervisor") + " 1 sh -c 'exit 7'");
  EXPECT_EQ(failing.status, 7);
  EXPECT_THAT(failing.err, HasSubstr("run 2: exited with status 7"));
  EXPECT_EQ(run_shell(example("supervisor") + " 1 /no/such/command").status, 127);
}

TEST_F(ExamplesTest, SupervisorTakesItsCommandWithIt) {
  const TempDir dir;
  Process supervisor({example("supervisor"), "1", "sh", "-c", "echo $$ >&2; exec sleep 60"});
  ASSERT_TRUE(supervisor.wait_for_err("\n"));
  supervisor.signal(SIGTERM);
  const RunResult result = supervisor.wait();
  EXPECT_EQ(result.status, 128 + SIGTERM);
  const ::pid_t child = std::stoi(result.err);
  wait_until([child] { return ::kill(child, 0) != 0; }, "the end of the command");
}

TEST_F(ExamplesTest, LogFollowerGoesOnThroughRotationAndRestarts) {
  const TempDir dir;
  const std::string log = dir / "log";
  auto append = [&log](const char* text) { run_shell("echo " + std::string(text) + " >>" + log); };
  append("one");
  auto server = std::make_unique<TestServer>();
  const std::string port = server->port_text();
  Process follower({example("log_follower"), log, "127.0.0.1", port});
  {
    Peer peer = server->accept();
    EXPECT_EQ(peer.receive(4), "one\n");
    run_shell("mv " + log + " " + log + ".1");
    append("two");
    EXPECT_EQ(peer.receive(4), "two\n");
  }
  // The connection is gone; what is written now must not be.
  Peer peer = [&] {
    append("three");
    append("four");
    return server->accept();
  }();
  EXPECT_THAT(peer.receive(5), ::testing::AnyOf("three", "four\n"));
  follower.signal(SIGTERM);
}

TEST_F(ExamplesTest, NetcatClientTranslatesTheEndsOfLinesAndPassesTheEndOn) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect("one\r\ntwo\r\n");
    connection.expect_end();
    connection.send("a late answer\r\n\r\nits last line");
  });
  const RunResult result = run_shell("printf 'one\\ntwo\\n' | " + example("netcat_client") +
                                     " 127.0.0.1 " + peer.port());
  peer.finish();
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out, "a late answer\n\nits last line\n");
  EXPECT_EQ(result.status, 0);
}

TEST_F(ExamplesTest, NetcatClientEndsWithTheServer) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.send("bye\r\n"); });
  Process client({example("netcat_client"), "127.0.0.1", peer.port()});
  const RunResult result = client.wait_with_open_stdin();
  peer.finish();
  EXPECT_EQ(result.out, "bye\n");
  EXPECT_EQ(result.status, 0);
}

TEST_F(ExamplesTest, TailLogfilePrintsWhatIsAdded) {
  const TempDir dir;
  const std::string log = dir.write("log", "old\nbeg");
  SocketPair output = blocking_pipe();
  Process::Stdio stdio;
  stdio.out = std::move(output.second);
  Process tail({example("tail_logfile"), log}, std::move(stdio));
  ASSERT_TRUE(tail.wait_for_err("following"));
  const auto next = [&output] {
    std::string line;
    for (char c = 0; ::read(output.first.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  };
  run_shell("echo un >>" + log);
  EXPECT_EQ(next(), "begun");
  run_shell("mv " + log + " " + log + ".1; echo new >" + log);
  EXPECT_EQ(next(), "new");
  ASSERT_TRUE(tail.wait_for_err("replaced\n"));
  tail.signal(SIGTERM);
}

}  // namespace
}  // namespace ioa::test
