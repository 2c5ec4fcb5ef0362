// How bytes are moved, as strace(1) sees it: sendfile and splice where they can be used, reading
// and writing where not, and no change to a descriptor that was handed down.
#include <fcntl.h>

#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

class SystemCallsTest : public GuardedTest {
 protected:
  static constexpr std::size_t kMuch = 4'000'000;

  /// A peer that takes everything, and sends as much.
  static void exchange(PeerConnection& connection) {
    const std::string bytes = test_bytes(kMuch);
    std::thread sender([&] { connection.send(bytes); });
    EXPECT_TRUE(connection.read_all() == bytes);
    sender.join();
  }

  /// Runs with these ends; afterwards calls() can be asked. -v names the methods.
  void run(Process::Stdio stdio, std::vector<std::string> options = {},
           const ScriptedPeer::Script& script = &SystemCallsTest::exchange) {
    ScriptedPeer peer(script);
    options.insert(options.begin(), "-v");
    std::vector<std::string> command = ioa(connect_to(peer, std::move(options)));
    const std::vector<std::string> strace{
        "strace", "-f",
        "-qq",    "-s0",
        "-o",     dir / "trace",
        "-e",     "trace=sendfile,splice,read,write,sendto,recvfrom,fcntl,ioctl"};
    command.insert(command.begin(), strace.begin(), strace.end());
    // LeakSanitizer refuses to be traced.
    Process process(command, std::move(stdio), {"ASAN_OPTIONS=detect_leaks=0"});
    result = process.wait_with_open_stdin();
    peer.finish();
    EXPECT_EQ(result.status, 0) << result.err;
    trace = dir.read("trace");
  }
  /// How often this call moved something.
  std::size_t calls(const std::string& name) const {
    return find_all(trace, "\\b" + name + "\\([^\n]* = [1-9][0-9]*\n").size();
  }
  /// The bytes that it moved.
  std::uint64_t bytes(const std::string& name) const {
    std::uint64_t sum = 0;
    for (const auto& line : find_all(trace, "\\b" + name + "\\([^\n]* = ([1-9][0-9]*)\n"))
      sum += std::stoull(line[1]);
    return sum;
  }
  bool says(const std::string& text) const { return result.err.find(text) != std::string::npos; }

  /// A feeder of standard input and a collector of standard output, in threads.
  UniqueFd fed(SocketPair pair) {
    feeder = std::thread([fd = std::move(pair.second)] {
      const std::string bytes = test_bytes(kMuch);
      write_all(fd.get(), bytes);
    });
    return std::move(pair.first);
  }
  UniqueFd collected(SocketPair pair) {
    collector = std::thread([this, fd = std::move(pair.first)] { output = read_to_end(fd.get()); });
    return std::move(pair.second);
  }
  void join() {
    if (feeder.joinable()) feeder.join();
    if (collector.joinable()) collector.join();
  }
  ~SystemCallsTest() override { join(); }

  TempDir dir;
  RunResult result;
  std::string trace;
  std::string output;
  std::thread feeder;
  std::thread collector;
};

TEST_F(SystemCallsTest, AFileIsSentBySendfileAndStoredBySplicing) {
  Process::Stdio stdio;
  stdio.in = open_to_read(dir.write("in", test_bytes(kMuch)));
  stdio.out = open_to_write(dir / "out");
  run(std::move(stdio));
  EXPECT_TRUE(dir.read("out") == test_bytes(kMuch));
  EXPECT_TRUE(says("sent by sendfile, received by splice through a pipe")) << result.err;
  EXPECT_EQ(bytes("sendfile"), kMuch);
  EXPECT_EQ(calls("sendto"), 0U);
  // Into the pipe and out of it; the first reads are copies, since most connections stay small.
  EXPECT_GT(bytes("splice"), kMuch);
  EXPECT_LT(bytes("recvfrom"), kMuch / 4);
}

TEST_F(SystemCallsTest, PipesAreSplicedBothWays) {
  Process::Stdio stdio;
  stdio.in = fed(blocking_pipe());
  stdio.out = collected(blocking_pipe());
  run(std::move(stdio));
  join();
  EXPECT_TRUE(output == test_bytes(kMuch));
  EXPECT_TRUE(says("sent by splice, received by splice\n")) << result.err;
  EXPECT_EQ(bytes("splice"), 2 * kMuch);
  EXPECT_EQ(calls("recvfrom") + calls("sendto"), 0U);
}

TEST_F(SystemCallsTest, AFileThatIsAddedToIsWrittenSinceItCannotBeSplicedTo) {
  Process::Stdio stdio;
  stdio.in = open_to_read("/dev/null");
  stdio.out = open_to_write(dir / "out", O_APPEND);
  run(std::move(stdio), {}, [](PeerConnection& connection) {
    connection.expect_end();
    connection.send(test_bytes(kMuch));
  });
  EXPECT_TRUE(dir.read("out") == test_bytes(kMuch));
  EXPECT_NE(trace.find("= -1 EINVAL"), std::string::npos) << "splice was not tried";
  EXPECT_GE(bytes("write"), kMuch);
  EXPECT_TRUE(says("received by copy")) << result.err;
}

TEST_F(SystemCallsTest, SocketsThatWereHandedDownAreNeverWaitedFor) {
  Process::Stdio stdio;
  stdio.in = fed(blocking_sockets());
  stdio.out = collected(blocking_sockets());
  run(std::move(stdio));
  join();
  EXPECT_TRUE(output == test_bytes(kMuch));
  EXPECT_EQ(calls("splice"), 0U);
  EXPECT_GE(bytes("sendto"), 2 * kMuch);
  EXPECT_EQ(trace.find("recvfrom(0, \"\"..., 65536, 0,"), std::string::npos);
}

TEST_F(SystemCallsTest, ATerminalIsReadAndWritten) {
  Terminal in;
  Terminal out;
  Process::Stdio stdio;
  stdio.in = copy_of(in.slave);
  stdio.out = copy_of(out.slave);
  write_all(in.master.get(), "typed");
  run(std::move(stdio), {}, [](PeerConnection& connection) {
    connection.expect("typed");
    connection.send("shown");
  });
  EXPECT_EQ(read_available(out.master.get()), "shown");
  EXPECT_EQ(calls("splice"), 0U);
}

TEST_F(SystemCallsTest, SmallMessagesAreCopied) {
  Process::Stdio stdio;
  stdio.in = open_to_read("/dev/null");
  stdio.out = open_to_write(dir / "out");
  run(std::move(stdio), {}, [](PeerConnection& connection) {
    for (int i = 0; i < 20; ++i) connection.send("a line\n");
    connection.expect_end();
  });
  EXPECT_EQ(calls("splice"), 0U);
  EXPECT_GE(calls("recvfrom"), 1U);
}

TEST_F(SystemCallsTest, NoFlagOfAnInheritedDescriptorIsChanged) {
  for (int i = 0; i < 3; ++i) {
    Process::Stdio stdio;
    Terminal terminal;
    if (i == 0) {
      stdio.in = fed(blocking_pipe());
      stdio.out = collected(blocking_pipe());
    } else if (i == 1) {
      stdio.in = fed(blocking_sockets());
      stdio.out = collected(blocking_sockets());
    } else {
      stdio.in = copy_of(terminal.slave);
      stdio.out = copy_of(terminal.slave);
    }
    if (i < 2) {
      run(std::move(stdio));
      join();
    } else {
      run(std::move(stdio), {}, [](PeerConnection& connection) { connection.send("x"); });
    }
    for (const char* change : {"F_SETFL", "FIONBIO", "TCSETS"})
      EXPECT_EQ(trace.find(change), std::string::npos) << change;
  }
}

}  // namespace
}  // namespace ioa::test
