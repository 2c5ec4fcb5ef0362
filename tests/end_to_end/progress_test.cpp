// The live meter of --progress, and how it gets on with diagnostics.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  std::vector<std::string> send(std::vector<std::string> options) {
    options.insert(options.begin(), "connect");
    options.insert(options.end(), {"127.0.0.1", server_.port_text()});
    return ioa(std::move(options));
  }
  Process::Stdio from_file(std::size_t size) {
    Process::Stdio stdio;
    stdio.in = open_to_read(dir_.write("input", std::string(size, 'x')));
    return stdio;
  }

  TestServer server_;
  TempDir dir_;
};

TEST_F(ProgressTest, ShowsNothingWhereStandardErrorIsNoTerminal) {
  Process process(send({"--progress"}), from_file(100'000));
  Peer peer = server_.accept();
  EXPECT_EQ(peer.receive_all().size(), 100'000U);
  peer.close();
  expect_success(process.wait(), "");
}

TEST_F(ProgressTest, AlwaysWritesOrdinaryLinesWithBytesRateTimeAndEta) {
  // More than the two sockets hold, so that something is left to do while the peer waits.
  constexpr std::size_t kSize = 64U << 20;
  Process process(send({"--progress=always"}), from_file(kSize));
  Peer peer = server_.accept();
  ASSERT_TRUE(process.wait_for_err("ETA "));
  EXPECT_EQ(peer.receive_all().size(), kSize);
  peer.close();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err.find_first_of("\r\033"), std::string::npos) << result.err;
  EXPECT_EQ(result.err.substr(0, 13), "ioa connect: ");
  EXPECT_NE(result.err.find(" of 64.0M ("), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("ioa connect: 64.0M of 64.0M (100%), "), std::string::npos);
  EXPECT_NE(result.err.find("/s, 0:0"), std::string::npos) << result.err;
}

TEST_F(ProgressTest, DrawsInPlaceOnATerminalUnderTheDiagnostics) {
  Terminal terminal;
  Process::Stdio stdio = from_file(64U << 20);
  stdio.err = copy_of(terminal.slave);
  Process process(send({"--progress", "--color=never"}), std::move(stdio));
  Peer peer = server_.accept();
  std::string text;
  const auto read_until = [&](std::string_view wanted) {
    char chunk[4096];
    const std::size_t from = text.size();
    while (text.find(wanted, from) == std::string::npos) {
      const ssize_t size = ::read(terminal.master.get(), chunk, sizeof chunk);
      if (size <= 0) return false;
      text.append(chunk, static_cast<std::size_t>(size));
    }
    return true;
  };
  ASSERT_TRUE(read_until("ETA "));
  process.signal(SIGUSR1);
  ASSERT_TRUE(read_until("elapsed"));
  // A line of its own: it begins where the meter stood, which is drawn anew below it.
  EXPECT_NE(text.find("\rioa connect: "), std::string::npos) << text;
  ASSERT_TRUE(read_until("ETA "));
  EXPECT_EQ(peer.receive_all().size(), 64U << 20);
  peer.close();
  EXPECT_EQ(process.wait().status, 0);
  terminal.slave.reset();
  text.clear();
  read_until("no such text");  // to the end
  EXPECT_NE(text.find("64.0M of 64.0M (100%)"), std::string::npos) << text;
  EXPECT_EQ(text.back(), '\n');
}

TEST_F(ProgressTest, IsRefusedTogetherWithQuietAndWithAnotherWord) {
  expect_failure(run_ioa({"connect", "--quiet", "--progress", "127.0.0.1", "1"}), 2,
                 "--progress: cannot be used with --quiet");
  expect_failure(run_ioa({"connect", "--progress=maybe", "127.0.0.1", "1"}), 2,
                 "--progress maybe: expected auto, always or never");
}

TEST_F(ProgressTest, ResultsOnTheSameTerminalStandAboveIt) {
  Terminal terminal;
  Process::Stdio stdio;
  stdio.out = copy_of(terminal.slave);
  stdio.err = std::move(terminal.slave);
  Process process(
      ioa({"timer", "every", "600ms", "--count", "2", "--progress", "--format", "result"}),
      std::move(stdio));
  EXPECT_EQ(process.wait().status, 0);
  const std::string text = read_to_end(terminal.master.get());
  ASSERT_NE(text.find("tick 2 in 0:01, of 2"), std::string::npos) << text;
  std::size_t count = 0;
  for (std::size_t at = text.find("result\n"); at != text.npos;
       at = text.find("result\n", at + 1)) {
    ++count;
    ASSERT_GT(at, 0U) << text;
    EXPECT_EQ(text[at - 1], '\r') << text;
  }
  EXPECT_EQ(count, 2U);
}

}  // namespace
}  // namespace ioa::test
