// What makes no sense is one line and status 2, before anything is done.
#include <csignal>
#include <string>
#include <vector>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class UsageTest : public GuardedTest {};

TEST_F(UsageTest, GarbageIsOneLineThatNamesTheArgument) {
  const std::string long_path(108, 'p');
  const std::vector<std::pair<std::vector<std::string>, std::string>> garbage{
      {{}, "COMMAND"},
      {{"frobnicate"}, "frobnicate"},
      {{"connect"}, "ADDRESS"},
      {{"connect", "localhost"}, "localhost"},
      {{"connect", "localhost", "80", "81"}, "81"},
      {{"connect", "localhost", "65536"}, "65536"},
      {{"connect", "localhost", "-1"}, "-1"},
      {{"connect", ":80"}, ":80"},
      {{"connect", "", "80"}, "''"},
      {{"connect", "[::1", "80"}, "[::1"},
      {{"connect", "[::1]x:80"}, "[::1]x:80"},
      {{"connect", "unix:"}, "unix:"},
      {{"connect", "unix:" + long_path}, long_path},
      {{"connect", "-U"}, "ADDRESS"},
      {{"connect", "--no-such-option", "localhost", "80"}, "--no-such-option"},
      {{"connect", "-w", "soon", "localhost", "80"}, "soon"},
      {{"connect", "-w", "-1", "localhost", "80"}, "-1"},
      {{"connect", "-w"}, "-w"},
      {{"connect", "--timeout=", "localhost", "80"}, "--timeout"},
      {{"connect", "-4", "-6", "localhost", "80"}, "-6"},
      {{"connect", "--send-only", "--recv-only", "localhost", "80"}, "--recv-only"},
      {{"connect", "--append", "localhost", "80"}, "--append"},
      {{"connect", "--json", "localhost", "80"}, "--json"},
      {{"connect", "-z", "-o", "x", "localhost", "80"}, "--output"},
      {{"connect", "--on-stdin-eof", "never", "localhost", "80"}, "never"},
      {{"connect", "--retry-delay", "1s", "localhost", "80"}, "--retry-delay"},
      {{"connect", "-d", "localhost", "80"}, "--recv-only"},
      {{"connect", "-r", "localhost", "80"}, "-r"},
      {{"connect", "-p", "99999", "localhost", "80"}, "99999"},
      {{"connect", "-z", "localhost", "1-99999"}, "1-99999"},
      {{"connect", "-j", "0", "-z", "localhost", "1"}, "--jobs"},
      {{"connect", "-u", "tcp:localhost:53"}, "tcp:localhost:53"},
      {{"connect", "-u", "--frame", "word", "localhost", "53"}, "word"},
      {{"connect", "-u", "--mtu", "0", "localhost", "53"}, "--mtu"},
      {{"connect", "-u", "--nodelay", "localhost", "53"}, "--nodelay"},
      {{"connect", "--frame", "line", "localhost", "80"}, "--frame"},
      {{"connect", "-b", "localhost", "80"}, "--broadcast"},
      {{"connect", "-4", "udp6:localhost:53"}, "udp6:localhost:53"},
      {{"connect", "udp:localhost"}, "udp:localhost"},
      {{"connect", "unix-dgram:" + long_path}, long_path},
      {{"connect", "unix-seqpacket:"}, "unix-seqpacket:"},
      {{"connect", "-t", "localhost", "80"}, "--quit-after"},
      {{"connect", "-k", "localhost", "80"}, "listen"},
      {{"connect", "-T", "lowdelay", "localhost", "80"}, "--tos"},
      {{"connect", "-I", "1024", "localhost", "80"}, "--rcvbuf"},
      {{"connect", "-O", "1024", "localhost", "80"}, "--sndbuf"},
      {{"connect", "-M", "64", "localhost", "80"}, "--ttl"},
      {{"connect", "-W", "1", "localhost", "80"}, "--timeout"},
      {{"connect", "-z", "--stable", "1s", "localhost", "80"}, "--stable"},
      {{"connect", "-z", "localhost", "80", "--"}, "--"},
      {{"connect", "-v", "--quiet", "localhost", "80"}, "--quiet"},
      {{"connect", "--color", "blue", "localhost", "80"}, "blue"},
      {{"resolve", "--jobs", "0", "x"}, "--jobs"},
      {{"resolve", "-x", "localhost"}, "localhost"},
      {{"resolve", "-s", "--json", "x"}, "--json"},
      {{"resolve", "-", "x"}, "-"},
      {{"resolve", "[::1"}, "[::1"},
      {{"listen", "--nonsense"}, "listen"},
  };
  for (const auto& [arguments, named] : garbage) {
    std::string shown;
    for (const std::string& word : arguments) shown += "'" + word + "' ";
    SCOPED_TRACE(shown);
    const StallGuard guard(shown);  // so many runs need a limit each
    const RunResult result = run_ioa(arguments);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(line_count(result.err), 1U) << result.err;
    EXPECT_EQ(result.err.rfind("ioa", 0), 0U) << result.err;
    EXPECT_NE(result.err.find(named), std::string::npos) << result.err;
  }
}

TEST_F(UsageTest, WhatTheUserTypedIsEscaped) {
  const RunResult result = run_ioa({"connect", "--on-peer-eof", "a\nb\033[31m", "localhost", "80"});
  expect_failure(result, 2, "a\\nb\\x1b[31m");
}

TEST_F(UsageTest, NothingIsOpenedBefore) {
  ScriptedPeer peer([](PeerConnection&) { throw std::runtime_error("it has connected"); });
  const TempDir dir;
  const std::string path = dir.write("out", "precious");
  const std::vector<std::string> before{"-o", path, "--events", dir.write("events", "old")};
  std::vector<std::string> arguments = connect_to(peer, before);
  arguments.insert(arguments.end(), {"superfluous", "operands"});
  EXPECT_EQ(run_ioa(arguments).status, 2);
  EXPECT_EQ(dir.read("out"), "precious");
  EXPECT_EQ(dir.read("events"), "old");
}

TEST_F(UsageTest, HelpAndVersionGoToStandardOutput) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"},
                                             {"-h"},
                                             {"help"},
                                             {"help", "connect"},
                                             {"connect", "--help"},
                                             {"resolve", "-h"},
                                             {"--version"}}) {
    const RunResult result = run_ioa(arguments);
    EXPECT_EQ(result.status, 0) << arguments.back();
    EXPECT_NE(result.out.find("ioa"), std::string::npos);
    EXPECT_EQ(result.err, "");
  }
}

TEST_F(UsageTest, HelpThatCannotBeWrittenIsAFailure) {
  Process::Stdio stdio;
  stdio.out = open_to_write("/dev/full");
  expect_failure(run_ioa_with(std::move(stdio), {"--help"}), 1, "ENOSPC");
}

TEST_F(UsageTest, EventsNeedADescriptorThatIsWrittenTo) {
  const std::string expected = ": expected a descriptor that is open for writing, or a path";
  Process::Stdio stdio;
  stdio.fd3 = open_to_read("/dev/null");
  expect_failure(run_ioa_with(std::move(stdio), {"run", "--events", "3", "echo", "x"}), 2,
                 "--events 3" + expected);
  // No test runner leaves so high a number open to its tests.
  expect_failure(run_ioa({"run", "--events", "700", "echo", "x"}), 2, "--events 700" + expected);
}

TEST_F(UsageTest, HelpThatNobodyReadsEndsQuietly) {
  SocketPair pipe = blocking_pipe();
  Process::Stdio stdio;
  stdio.out = std::move(pipe.second);
  pipe.first.reset();
  const RunResult result = run_ioa_with(std::move(stdio), {"--help"});
  EXPECT_EQ(result.status, 128 + SIGPIPE);
  EXPECT_EQ(result.err, "");
}

TEST_F(UsageTest, HabitsAreWelcome) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.expect_end(); },
                    ScriptedPeer::Where::ipv4, 7);
  const std::string port = peer.port();
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"127.0.0.1", port},
           {"-N", "127.0.0.1", port},
           {"connect", "127.0.0.1", port, "-w1"},
           {"-nw1", "127.0.0.1", port},
           {"127.0.0.1", "-w", "1", port, "-N"},
           {"127.0.0.1:" + port},
           {"connect", "--connect-timeout=1", "--", "127.0.0.1", port}})
    expect_success(run_ioa(arguments), "");
}

}  // namespace
}  // namespace ioa::test
