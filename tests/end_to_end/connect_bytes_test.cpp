// What is done with the bytes on their way: line ends, dumps, sums, rates.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/pattern.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/test_peer.hpp"

namespace ioa::test {
namespace {

using std::chrono::milliseconds;

constexpr const char* kSumOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kSumOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class ConnectBytesTest : public ::testing::Test {
 protected:
  /// Everything is taken and counted, and `answer` is sent at the end.
  struct Run {
    RunResult result;
    std::string at_peer;
  };
  Run run(std::vector<std::string> options, std::string_view input, std::string_view answer = {}) {
    Process process(to_server(std::move(options)));
    Peer peer = server_.accept();
    process.write(input);
    process.close_stdin();
    Run run;
    run.at_peer = peer.receive_all();
    peer.send(answer);
    peer.close();
    run.result = process.wait();
    return run;
  }
  std::vector<std::string> to_server(std::vector<std::string> options) {
    options.insert(options.begin(), "connect");
    options.insert(options.end(), {"127.0.0.1", server_.port_text()});
    return ioa(std::move(options));
  }
  Process::Stdio from_file(std::string_view bytes) {
    Process::Stdio stdio;
    stdio.in = open_to_read(dir_.write("input", bytes));
    return stdio;
  }

  TestServer server_;
  TempDir dir_;
};

// --- --crlf --------------------------------------------------------------------------------------

TEST_F(ConnectBytesTest, CrlfTranslatesWhatIsSentAndNothingElse) {
  for (const char* option : {"-C", "--crlf"}) {
    const Run got = run({option}, "a\nb\r\n\n\rc\r\r\nd", "x\ny\r\n");
    EXPECT_EQ(got.at_peer, "a\r\nb\r\n\r\n\rc\r\r\nd");
    EXPECT_EQ(got.result.out, "x\ny\r\n");
    EXPECT_EQ(got.result.status, 0);
  }
}

TEST_F(ConnectBytesTest, CrlfRemembersWhatCameBefore) {
  Process process(to_server({"-C"}));
  Peer peer = server_.accept();
  process.write("a\r");
  EXPECT_EQ(peer.receive(2), "a\r");
  process.write("\nb");
  EXPECT_EQ(peer.receive(2), "\nb");
  process.write("\n");
  EXPECT_EQ(peer.receive(2), "\r\n");
  process.write("\n");
  EXPECT_EQ(peer.receive(2), "\r\n");
  peer.close();
  EXPECT_EQ(process.wait().status, 0);
}

TEST_F(ConnectBytesTest, CrlfKeepsALargeFileWholeAndCountsWhatIsOnTheWire) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "line " + std::to_string(i) + "\n";
  const std::string wanted = replace_all(text, "\n", "\r\n");
  Process process(to_server({"-C", "--stats"}), from_file(text));
  Peer peer = server_.accept();
  EXPECT_TRUE(peer.receive_all() == wanted);
  peer.close();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.err.find(std::to_string(wanted.size()) + " bytes sent"), std::string::npos);
}

// --- --hex-dump ----------------------------------------------------------------------------------

TEST_F(ConnectBytesTest, HexDumpWritesDownBothDirectionsWithTimes) {
  const std::string path = dir_ / "dump";
  const Run got = run({"-x", path}, "hello\n\x01 and more than a line", "answer\xff");
  EXPECT_EQ(got.at_peer, "hello\n\x01 and more than a line");
  EXPECT_EQ(got.result.out, "answer\xff");
  const std::string time = R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z )";
  const std::string lines(
      time +
      R"(> 00000000  68 65 6c 6c 6f 0a 01 20  61 6e 64 20 6d 6f 72 65  \|hello\.\. and more\|\n)" +
      time + R"(> 00000010  20 74 68 61 6e 20 61 20  6c 69 6e 65 {14}\| than a line\|\n)" +  //
      time + R"(< 00000000  61 6e 73 77 65 72 ff {30}\|answer\.\|\n)");
  EXPECT_TRUE(matches(dir_.read("dump"), lines)) << dir_.read("dump");
}

TEST_F(ConnectBytesTest, HexDumpCountsOnInEachDirection) {
  Process process(to_server({"--hex-dump=" + (dir_ / "dump")}));
  Peer peer = server_.accept();
  process.write("one");
  EXPECT_EQ(peer.receive(3), "one");
  process.write("two");
  EXPECT_EQ(peer.receive(3), "two");
  peer.close();
  EXPECT_EQ(process.wait().status, 0);
  EXPECT_NE(dir_.read("dump").find("> 00000003  74 77 6f"), std::string::npos);
}

TEST_F(ConnectBytesTest, AppendAddsToTheDump) {
  const std::string path = dir_.write("dump", "before\n");
  run({"-x", path, "--append"}, "a");
  EXPECT_EQ(dir_.read("dump").substr(0, 7), "before\n");
  EXPECT_NE(dir_.read("dump").find("|a|"), std::string::npos);
  run({"-x", path}, "b");
  EXPECT_EQ(dir_.read("dump").find("before"), std::string::npos);
}

TEST_F(ConnectBytesTest, ADumpThatCannotBeWrittenIsToldAndHurtsNoByte) {
  const Run got = run({"-x", "/dev/full"}, "question", "answer");
  EXPECT_EQ(got.at_peer, "question");
  EXPECT_EQ(got.result.out, "answer");
  expect_failure(got.result, 1, "write /dev/full: No space left on device (ENOSPC), the hex dump");
  ScriptedPeer peer([](PeerConnection&) { throw std::runtime_error("it has connected"); });
  expect_failure(run_ioa(connect_to(peer, {"-x", dir_ / "no/dump"})), 1,
                 "open " + (dir_ / "no/dump"));
}

TEST_F(ConnectBytesTest, AnotherNetcatsProxyIsRefused) {
  for (const char* proxy : {"proxy:1080", "10.0.0.1:3128", "localhost:8080"})
    expect_failure(run_ioa({"connect", "-x", proxy, "127.0.0.1", "1"}), 2, "--proxy");
}

// --- --stats and --sha256 ------------------------------------------------------------------------

TEST_F(ConnectBytesTest, StatsSayAtTheEndWhatWasMovedAndHowFast) {
  const Run got = run({"--stats"}, std::string(5000, 'x'), "seven b");
  EXPECT_EQ(got.result.out, "seven b");
  EXPECT_TRUE(matches(got.result.err,
                      R"(ioa connect: 5000 bytes sent \([0-9.]+[KMG]?/s\), 7 bytes received )"
                      R"(\([0-9.]+[KMG]?/s\), [0-9.]+m?s\n)"))
      << got.result.err;
}

TEST_F(ConnectBytesTest, SumsAreThoseOfEachDirection) {
  const Run got = run({"--sha256"}, "abc");
  EXPECT_EQ(got.result.err, "ioa connect: SHA-256 sent: " + std::string(kSumOfAbc) +
                                "\nioa connect: SHA-256 received: " + kSumOfNothing + "\n");
  EXPECT_NE(run({"--sha256"}, "", "abc").result.err.find("received: " + std::string(kSumOfAbc)),
            std::string::npos);
}

TEST_F(ConnectBytesTest, TheSumIsOfWhatIsOnTheWire) {
  const Run plain = run({"--sha256"}, "a\r\nb\r\n");
  const Run translated = run({"--sha256", "-C"}, "a\nb\n");
  EXPECT_EQ(plain.result.err, translated.result.err);
}

// --- --rate --------------------------------------------------------------------------------------

TEST_F(ConnectBytesTest, TheRateHoldsOnEveryPath) {
  // By sendfile, by splice from a pipe, and by copying: a tenth of a second each at the least.
  const std::string bytes = test_bytes(100'000);
  for (const bool is_file : {true, false}) {
    for (const bool copies : {true, false}) {
      std::vector<std::string> options{"--rate", "1000000", "-v"};
      if (copies) options.emplace_back("--sha256");
      const auto began = std::chrono::steady_clock::now();
      Process process(to_server(options), is_file ? from_file(bytes) : Process::Stdio());
      Peer peer = server_.accept();
      if (!is_file) process.write(bytes);
      process.close_stdin();
      EXPECT_TRUE(peer.receive_all() == bytes);
      EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(80));
      peer.close();
      const RunResult result = process.wait();
      EXPECT_EQ(result.status, 0);
      const char* method = copies    ? "sent by copy"
                           : is_file ? "sent by sendfile"
                                     : "sent by splice";
      EXPECT_NE(result.err.find(method), std::string::npos) << result.err;
    }
  }
}

TEST_F(ConnectBytesTest, TheRateHoldsForWhatIsReceived) {
  const std::string bytes = test_bytes(100'000);
  Process process(to_server({"--rate=1000000"}));
  Peer peer = server_.accept();
  const auto began = std::chrono::steady_clock::now();
  peer.send(bytes);
  peer.close();
  const RunResult result = process.wait();
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(80));
  EXPECT_TRUE(result.out == bytes);
  EXPECT_EQ(result.status, 0);
}

TEST_F(ConnectBytesTest, ARateOfZeroIsNoLimitAndTheEndIsStillCounted) {
  const std::string bytes = test_bytes(4'000'000);
  const Run got = run({"--rate", "0"}, bytes);
  EXPECT_TRUE(got.at_peer == bytes);
  EXPECT_EQ(got.result.status, 0);
}

TEST_F(ConnectBytesTest, WhatARateHoldsBackIsNotLostWhenThePeerHasEnded) {
  const std::string bytes = test_bytes(50'000);
  Process process(to_server({"--rate", "500000", "-v"}));
  Peer peer = server_.accept();
  process.write(bytes);
  peer.shut_down();
  EXPECT_TRUE(peer.receive(bytes.size()) == bytes);
  EXPECT_EQ(process.wait().status, 0);
}

// --- together ------------------------------------------------------------------------------------

TEST_F(ConnectBytesTest, AllTogetherKeepEveryByte) {
  const std::string bytes = test_bytes(1'000'000);
  Process process(to_server({"--sha256", "--stats", "-x", dir_ / "dump", "--progress=always",
                             "--rate", "100M", "-o", dir_ / "out"}),
                  from_file(bytes));
  Peer peer = server_.accept();
  std::thread sender([&] {
    peer.send(bytes);
    peer.shut_down();
  });
  EXPECT_TRUE(peer.receive_all() == bytes);
  sender.join();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(dir_.read("out") == bytes);
  EXPECT_EQ(line_count(dir_.read("dump")), 2 * ((1'000'000 + 15) / 16))
      << "pieces end at 16 bytes?";
}

}  // namespace
}  // namespace ioa::test
