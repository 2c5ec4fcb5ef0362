// Standard input, output and error of every kind, and none.
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

class ConnectStdioTest : public GuardedTest {
 protected:
  /// Answers "question" with "answer".
  static void converse(PeerConnection& peer) {
    peer.expect("question");
    peer.expect_end();
    peer.send("answer");
  }
  TempDir dir;
};

TEST_F(ConnectStdioTest, SucceedsQuietly) {
  for (const auto where : {ScriptedPeer::Where::ipv4, ScriptedPeer::Where::ipv6,
                           ScriptedPeer::Where::unix_path, ScriptedPeer::Where::abstract}) {
    ScriptedPeer peer(converse, where);
    expect_success(run_ioa(connect_to(peer), "question"), "answer");
    peer.finish();
  }
}

TEST_F(ConnectStdioTest, TakesHostAndPortAsOperandsOfTheirOwn) {
  ScriptedPeer v4(converse);
  expect_success(run_ioa({v4.host(), v4.port()}, "question"), "answer");
  ScriptedPeer v6(converse, ScriptedPeer::Where::ipv6);
  expect_success(run_ioa({"connect", v6.host(), v6.port()}, "question"), "answer");
}

TEST_F(ConnectStdioTest, TakesAUnixPathWithItsOption) {
  ScriptedPeer peer(converse, ScriptedPeer::Where::unix_path);
  const std::string path = peer.address().substr(5);
  expect_success(run_ioa({"connect", "-U", path}, "question"), "answer");
}

TEST_F(ConnectStdioTest, PassesEveryByteAsItIs) {
  std::string bytes;
  for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i % 256);
  ScriptedPeer peer([&](PeerConnection& connection) {
    connection.expect(bytes);
    connection.expect_end();
    connection.send(bytes);
  });
  expect_success(run_ioa(connect_to(peer), bytes), bytes);
}

TEST_F(ConnectStdioTest, PassesWhatIsTypedAtOnce) {
  ScriptedPeer peer([](PeerConnection& connection) {
    for (int i = 0; i < 3; ++i) {
      connection.expect("ping\n");
      connection.send("pong\n");
    }
    connection.expect_end();
  });
  Process process(ioa(connect_to(peer)));
  for (const char* expected : {"pong\n", "pong\npong\n", "pong\npong\npong\n"}) {
    process.write("ping\n");
    ASSERT_TRUE(process.wait_for_out(expected));
  }
  expect_success(process.wait(), "pong\npong\npong\n");
}

TEST_F(ConnectStdioTest, TakesClosedStandardInputAsOneThatHasEnded) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect_end();
    connection.send("hello");
  });
  Process::Stdio stdio;
  stdio.closed_in = true;
  expect_success(run_ioa_with(std::move(stdio), connect_to(peer)), "hello");
}

TEST_F(ConnectStdioTest, TakesStandardInputThatCannotBeReadAsAFailure) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.expect_end(); });
  Process::Stdio stdio;
  stdio.in = open_to_write(dir.write("x", "content"));
  expect_failure(run_ioa_with(std::move(stdio), connect_to(peer)), 1,
                 "read standard input: Bad file descriptor");
}

TEST_F(ConnectStdioTest, NeedsStandardOutputOnlyForBytes) {
  Process::Stdio closed;
  closed.closed_out = true;
  ScriptedPeer silent([](PeerConnection& peer) { peer.expect("question"); });
  expect_success(run_ioa_with(std::move(closed), connect_to(silent), "question"), "");

  ScriptedPeer peer(converse);
  Process::Stdio closed_again;
  closed_again.closed_out = true;
  expect_failure(run_ioa_with(std::move(closed_again), connect_to(peer), "question"), 1,
                 "write standard output: Bad file descriptor (EBADF)");
}

TEST_F(ConnectStdioTest, DoesNotSendItsTalkToThePeerIfStandardErrorIsClosed) {
  ScriptedPeer peer(converse);
  Process::Stdio stdio;
  stdio.closed_err = true;
  expect_success(run_ioa_with(std::move(stdio), connect_to(peer, {"-vv"}), "question"), "answer");
  peer.finish();
}

TEST_F(ConnectStdioTest, WorksWithAllThreeClosed) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.expect_end(); });
  const auto all_closed = [] {
    Process::Stdio stdio;
    stdio.closed_in = stdio.closed_out = stdio.closed_err = true;
    return stdio;
  };
  EXPECT_EQ(run_ioa_with(all_closed(), connect_to(peer, {"-v"})).status, 0);
  peer.finish();
  const ClosedPort port;
  EXPECT_EQ(run_ioa_with(all_closed(), connect_to(port)).status, 4);
}

TEST_F(ConnectStdioTest, SaysThatTheDiskIsFull) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send("much");
    connection.read_all();
  });
  Process::Stdio stdio;
  stdio.out = open_to_write("/dev/full");
  expect_failure(
      run_ioa_with(std::move(stdio), connect_to(peer)), 1,
      "write standard output: No space left on device (ENOSPC): 0 bytes sent, 0 received");
}

TEST_F(ConnectStdioTest, ThrowsAwayWhatGoesToDevNull) {
  const std::string much(5'000'000, 'x');
  ScriptedPeer peer([&](PeerConnection& connection) { connection.send(much); });
  Process::Stdio stdio;
  stdio.in = open_to_read("/dev/null");
  stdio.out = open_to_write("/dev/null");
  expect_success(run_ioa_with(std::move(stdio), connect_to(peer)), "");
}

TEST_F(ConnectStdioTest, EndsQuietlyWhenTheReaderOfItsOutputLeaves) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send("first line\n");
    connection.wait_until_told();
    connection.send("second line\n");
    try {
      connection.read_all();
    } catch (const Error&) {
    }
  });
  Process process(ioa(connect_to(peer)));
  ASSERT_TRUE(process.wait_for_out("first line\n"));
  process.stop_reading_output();
  peer.tell();
  const RunResult result = process.wait_with_open_stdin();
  EXPECT_EQ(result.status, 141);
  EXPECT_EQ(result.err, "");
}

TEST_F(ConnectStdioTest, EndsQuietlyWhenHeadHasHadEnough) {
  ScriptedPeer peer([](PeerConnection& connection) {
    try {
      for (;;) connection.send("a line\n");
    } catch (const Error&) {
    }
  });
  const RunResult outcome = run_shell("{ \"$IOA\" " + peer.host() + " " + peer.port() +
                                      " </dev/null; echo $? >&2; } | head -n 1");
  EXPECT_EQ(outcome.out, "a line\n");
  EXPECT_EQ(outcome.err, "141\n");
}

TEST_F(ConnectStdioTest, ClosesStandardOutputWithThePeersEndWhileItGoesOnSending) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send("all I have");
    connection.half_close();
    connection.expect("late");
    connection.expect_end();
  });
  SocketPair out = blocking_pipe();
  Process::Stdio stdio;
  stdio.out = std::move(out.second);
  Process process(ioa(connect_to(peer, {"--on-peer-eof", "finish"})), std::move(stdio));
  EXPECT_EQ(read_to_end(out.first.get()), "all I have");
  process.write("late");
  expect_success(process.wait(), "");
}

// --- --output ------------------------------------------------------------------------------------

TEST_F(ConnectStdioTest, StoresWhatItReceives) {
  ScriptedPeer peer(converse, ScriptedPeer::Where::ipv4, 3);
  const std::string path = dir.write("out", "longer than the answer");
  expect_success(run_ioa(connect_to(peer, {"-o", path}), "question"), "");
  EXPECT_EQ(dir.read("out"), "answer");
  expect_success(run_ioa(connect_to(peer, {"--output=" + path, "--append"}), "question"), "");
  EXPECT_EQ(dir.read("out"), "answeranswer");
  expect_success(run_ioa(connect_to(peer, {"-o", dir / "new"}), "question"), "");
  EXPECT_EQ(dir.read("new"), "answer");
}

TEST_F(ConnectStdioTest, KeepsTheOldFileIfThereIsNoConnection) {
  const ClosedPort port;
  const std::string path = dir.write("out", "precious");
  expect_failure(run_ioa(connect_to(port, {"-o", path})), 4, "ECONNREFUSED");
  EXPECT_EQ(dir.read("out"), "precious");
}

TEST_F(ConnectStdioTest, SaysWhichFileItCannotWriteBeforeItConnects) {
  ScriptedPeer peer([](PeerConnection&) { throw std::runtime_error("it has connected"); });
  expect_failure(run_ioa(connect_to(peer, {"-o", dir / "no/such/folder"})), 1,
                 "open " + (dir / "no/such/folder") + ": No such file or directory (ENOENT)");
  expect_failure(run_ioa(connect_to(peer, {"-o", dir.path().string()})), 1, "(EISDIR)");
}

TEST_F(ConnectStdioTest, NamesTheOutputFileThatIsFull) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send("x");
    connection.read_all();
  });
  expect_failure(run_ioa(connect_to(peer, {"-o", "/dev/full"})), 1, "write /dev/full: No space");
}

TEST_F(ConnectStdioTest, CanBeInterruptedWhileAFifoHasNoReader) {
  const std::string path = dir / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  ScriptedPeer peer([](PeerConnection&) {});
  Process process(ioa(connect_to(peer, {"-o", path})));
  wait_until([&] { return process.is_sleeping(); }, "the open to block");
  process.signal(SIGINT);
  EXPECT_EQ(process.wait(std::chrono::seconds(5)).status, 130);
}

// --- shared descriptors --------------------------------------------------------------------------

class SharedDescriptorsTest : public ConnectStdioTest {
 protected:
  static bool is_non_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

  /// Runs with these descriptors, looks at them in mid-run, kills the program, and looks again.
  void expect_untouched(const UniqueFd& in, const UniqueFd& out) {
    ScriptedPeer peer([](PeerConnection& connection) {
      connection.send("hello");
      try {
        connection.read_all();
      } catch (const Error&) {
      }
    });
    SocketPair events = blocking_pipe();
    Process::Stdio stdio;
    stdio.in = copy_of(in);
    stdio.out = copy_of(out);
    stdio.err = copy_of(out);
    stdio.fd3 = std::move(events.second);
    Process process(ioa(connect_to(peer, {"--events", "3", "-v"})), std::move(stdio));
    std::string text;
    char chunk[4096];
    while (text.find("\"connected\"") == std::string::npos) {
      const ssize_t size = ::read(events.first.get(), chunk, sizeof chunk);
      ASSERT_GT(size, 0);
      text.append(chunk, static_cast<std::size_t>(size));
    }
    wait_until([&] { return process.is_sleeping(); }, "the program to wait");
    EXPECT_FALSE(is_non_blocking(in.get()));
    EXPECT_FALSE(is_non_blocking(out.get()));
    process.signal(SIGKILL);
    process.wait();
    EXPECT_FALSE(is_non_blocking(in.get()));
    EXPECT_FALSE(is_non_blocking(out.get()));
  }
};

TEST_F(SharedDescriptorsTest, PipesStayBlocking) {
  const SocketPair in = blocking_pipe();
  const SocketPair out = blocking_pipe();
  expect_untouched(in.first, out.second);
}

TEST_F(SharedDescriptorsTest, SocketsStayBlocking) {
  const SocketPair in = blocking_sockets();
  const SocketPair out = blocking_sockets();
  expect_untouched(in.first, out.second);
}

TEST_F(SharedDescriptorsTest, TerminalsStayBlocking) {
  const Terminal terminal;
  expect_untouched(terminal.slave, terminal.slave);
}

TEST_F(SharedDescriptorsTest, APipelineWhoseOutputAndTalkAreOneFileStaysWhole) {
  // What cat reads is a pipe that the program's standard error is as well.
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.send(test_bytes(500'000));
    connection.read_all();
  });
  const RunResult result =
      run_shell("\"$IOA\" connect " + peer.address() + " --stats </dev/null 2>&1 | cat");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.substr(0, 500'000), test_bytes(500'000));
  EXPECT_NE(result.out.find("500000 bytes received", 500'000), std::string::npos);
}

TEST_F(SharedDescriptorsTest, ATerminalIsLeftAsItWasFound) {
  for (const int number : {SIGINT, SIGTERM, SIGKILL}) {
    ScriptedPeer peer([](PeerConnection& connection) {
      connection.send("hello");
      try {
        connection.read_all();
      } catch (const Error&) {
      }
    });
    const Terminal terminal;
    termios before{};
    ASSERT_EQ(::tcgetattr(terminal.slave.get(), &before), 0);
    Process::Stdio stdio;
    stdio.in = copy_of(terminal.slave);
    stdio.out = copy_of(terminal.slave);
    Process process(ioa(connect_to(peer, {"--progress=always"})), std::move(stdio));
    char chunk[16];
    EXPECT_EQ(::read(terminal.master.get(), chunk, sizeof chunk), 5);
    wait_until([&] { return process.is_sleeping(); }, "the program to wait");
    process.signal(number);
    process.wait();
    termios after{};
    ASSERT_EQ(::tcgetattr(terminal.slave.get(), &after), 0);
    EXPECT_EQ(std::memcmp(&before, &after, sizeof before), 0) << number;
    EXPECT_FALSE(is_non_blocking(terminal.slave.get()));
  }
}

TEST_F(SharedDescriptorsTest, AWritingEndOfAPipeIsNotReadFrom) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.expect_end(); });
  SocketPair pipe = blocking_pipe();
  write_all(pipe.second.get(), "for somebody else");
  Process::Stdio stdio;
  stdio.in = copy_of(pipe.second);
  EXPECT_EQ(run_ioa_with(std::move(stdio), connect_to(peer)).status, 1);
  pipe.second.reset();
  EXPECT_EQ(read_to_end(pipe.first.get()), "for somebody else");
}

}  // namespace
}  // namespace ioa::test
