// Time limits and retries: each by the words of its option, with what was moved.
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "tests/end_to_end/end_to_end.hpp"
#include "tests/support/events.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

class ConnectLimitsTest : public GuardedTest {
 protected:
  /// Says hello, and then nothing until the other side goes.
  static void say_hello(PeerConnection& connection) {
    connection.send("hello");
    try {
      connection.read_all();
    } catch (const Error&) {
    }
  }
  /// Runs with standard input open, and no more than what was written to it.
  static RunResult run_open(std::vector<std::string> arguments, std::string_view input = {}) {
    Process process(ioa(std::move(arguments)));
    process.write(input);
    return process.wait_with_open_stdin();
  }
  TempDir dir;
};

TEST_F(ConnectLimitsTest, TheRunsLimitCutsItOff) {
  ScriptedPeer peer(say_hello);
  const RunResult result = run_open(connect_to(peer, {"--timeout", "150ms"}), "abc");
  expect_failure(result, 124, "--timeout 150ms reached: 3 bytes sent, 5 received");
  EXPECT_EQ(result.out, "hello");
  EXPECT_GE(result.duration, 150ms);
}

TEST_F(ConnectLimitsTest, SilenceEndsTheRun) {
  ScriptedPeer peer(say_hello);
  const RunResult result = run_open(connect_to(peer, {"-i", "0.15"}), "abc");
  expect_failure(result, 124, "--idle-timeout 150ms reached: 3 bytes sent, 5 received");
  EXPECT_EQ(result.out, "hello");
  EXPECT_GE(result.duration, 150ms);
}

TEST_F(ConnectLimitsTest, ZeroIsNoLimit) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.expect_end();
    connection.send("done");
  });
  expect_success(run_ioa(connect_to(peer, {"--timeout", "0", "-i0", "-w", "0"})), "done");
}

TEST_F(ConnectLimitsTest, TheConnectLimitDoesNotBoundSilenceAfterwards) {
  ScriptedPeer peer([](PeerConnection& connection) {
    connection.wait_until_told();
    connection.send("late");
  });
  const auto begin = std::chrono::steady_clock::now();
  Process process(ioa(connect_to(peer, {"-w", "50ms", "-v"})));
  ASSERT_TRUE(process.wait_for_err("connected to"));
  wait_until([&] { return std::chrono::steady_clock::now() > begin + 120ms; }, "the limit to pass");
  peer.tell();
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "late");
}

TEST_F(ConnectLimitsTest, ABlackHoleIsGivenUpAtTheConnectLimit) {
  expect_failure(
      run_in_private_network("127.0.0.1 localhost", "\"$IOA\" connect -w 200ms 192.0.2.66 80"), 124,
      "--connect-timeout 200ms reached: not connected");
}

TEST_F(ConnectLimitsTest, ABlackHoleIsGivenUpAtTheRunsLimit) {
  expect_failure(run_in_private_network("127.0.0.1 localhost",
                                        "\"$IOA\" connect --timeout 200ms 192.0.2.66 80"),
                 124, "--timeout 200ms reached: not connected, 0 bytes moved");
}

TEST_F(ConnectLimitsTest, TheConnectLimitIsForWhatThePeerIsJoinedToAsWell) {
  const std::string serve = serve_in_script("127.0.0.1", "7", "x");
  const std::string limit = "connect 192.0.2.66:80: --connect-timeout 200ms reached: not connected";
  expect_failure(run_in_private_network(
                     "", serve + "\"$IOA\" connect -w 200ms 127.0.0.1 7 --to 192.0.2.66:80"),
                 124, limit);
  expect_failure(run_in_private_network("", R"sh(
"$IOA" listen -w 200ms 127.0.0.1:8 --to 192.0.2.66:80 &
until grep -q ':0008 .* 0A ' /proc/net/tcp; do sleep 0.01; done
"$IOA" connect 127.0.0.1 8 </dev/null
wait $!
)sh"),
                 124, limit);
}

TEST_F(ConnectLimitsTest, ATimeLimitCountsWhileStandardOutputIsStuck) {
  ScriptedPeer peer([](PeerConnection& connection) {
    try {
      for (;;) connection.send(std::string(65536, 'x'));
    } catch (const Error&) {
    }
  });
  SocketPair out = blocking_pipe();
  Process::Stdio stdio;
  stdio.out = std::move(out.second);
  Process process(ioa(connect_to(peer, {"--timeout", "200ms"})), std::move(stdio));
  expect_failure(process.wait_with_open_stdin(), 124, "--timeout 200ms reached");
}

TEST_F(ConnectLimitsTest, APeerThatReadsNothingIsSilence) {
  ScriptedPeer peer([](PeerConnection& connection) { connection.wait_until_told(); });
  const std::string path = dir.write("much", std::string(30'000'000, 'x'));
  Process::Stdio stdio;
  stdio.in = open_to_read(path);
  const RunResult result =
      run_ioa_with(std::move(stdio), connect_to(peer, {"--idle-timeout=300ms"}));
  peer.tell();
  expect_failure(result, 124, "read but not delivered");
}

// The peer lives in another network, at the other end of a cable that is cut in mid-stream.
TEST_F(ConnectLimitsTest, APeerThatVanishesIsSilenceAndNoSuccess) {
  const RunResult result = run_in_private_network("127.0.0.1 localhost", R"sh(
touch /run/peer
unshare --net=/run/peer true
there() { nsenter --net=/run/peer "$@"; }
ip link set veth1 netns /run/peer
there ip addr add 192.0.2.2/24 dev veth1
there ip link set veth1 up
there socat -u TCP4-LISTEN:7,reuseaddr CREATE:/run/received &
until there grep -q ':0007 .* 0A ' /proc/net/tcp; do sleep 0.01; done
{ head -c 100000 /dev/zero; until [ -e /run/cut ]; do sleep 0.01; done; head -c 50000 /dev/zero; } |
  "$IOA" connect -i 1 192.0.2.2 7 &
client=$!
until [ "$(stat -c %s /run/received 2>/dev/null)" = 100000 ]; do sleep 0.01; done
ip link set veth0 down
touch /run/cut
wait $client
)sh");
  expect_failure(result, 124,
                 "--idle-timeout 1s reached: 100000 bytes sent, 0 received, 50000 read but not");
}

// --- retries -------------------------------------------------------------------------------------

TEST_F(ConnectLimitsTest, RetriesUntilTheServerIsThere) {
  ClosedPort port;
  SocketPair events = blocking_pipe();
  Process::Stdio stdio;
  stdio.fd3 = std::move(events.second);
  Process process(ioa(connect_to(port, {"--retry", "1000", "--retry-delay", "10ms",
                                        "--retry-max-delay", "20ms", "--events", "3"})),
                  std::move(stdio));
  // Listens once the first try has failed.
  std::string text;
  char chunk[4096];
  while (text.find("\"retry\"") == std::string::npos) {
    const ssize_t size = ::read(events.first.get(), chunk, sizeof chunk);
    ASSERT_GT(size, 0);
    text.append(chunk, static_cast<std::size_t>(size));
  }
  ASSERT_EQ(::listen(port.fd(), 1), 0);
  const UniqueFd connection(::accept4(port.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(connection);
  write_all(connection.get(), "at last");
  ::shutdown(connection.get(), SHUT_WR);
  expect_success(process.wait(), "at last");
  text += read_to_end(events.first.get());
  const Events all(text);
  EXPECT_EQ(all.first("retry").number("attempt"), 1);
  EXPECT_EQ(all.first("connected").number("conn"), 1);
}

TEST_F(ConnectLimitsTest, GivesUpAfterTheLastRetryWithTheLastFailure) {
  const ClosedPort port;
  const std::string events = dir / "events";
  const RunResult result =
      run_ioa(connect_to(port, {"--retry=3", "--retry-delay=20ms", "--events", events}));
  expect_failure(result, 4, "ECONNREFUSED");
  const Events all(dir.read("events"));
  EXPECT_EQ(all.count("attempt.failed"), 4U);
  ASSERT_EQ(all.count("retry"), 3U);
  double planned = 20;
  for (const JsonObject& event : all.all()) {
    if (event.name() != "retry") continue;
    EXPECT_GE(event.number("delay_ms"), planned * 0.75);
    EXPECT_LE(event.number("delay_ms"), planned * 1.25);
    planned *= 2;
  }
  EXPECT_GE(result.duration, 105ms);
}

TEST_F(ConnectLimitsTest, NoRetryIsAskedForByDefault) {
  const ClosedPort port;
  const std::string events = dir / "events";
  EXPECT_EQ(run_ioa(connect_to(port, {"--events", events})).status, 4);
  EXPECT_EQ(Events(dir.read("events")).names(), "attempt.start attempt.failed exit");
}

TEST_F(ConnectLimitsTest, WaitsForSoLong) {
  const ClosedPort port;
  const RunResult result = run_ioa(connect_to(port, {"--wait", "200ms", "--retry-delay=10ms"}));
  EXPECT_GE(result.duration, 200ms);
  EXPECT_LT(result.duration, 5s);
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(line_count(result.err), 1U);
}

TEST_F(ConnectLimitsTest, AWaitBoundsEachTryToo) {
  const RunResult result =
      run_in_private_network("127.0.0.1 localhost", "\"$IOA\" connect --wait 300ms 192.0.2.66 80");
  expect_failure(result, 124, "--wait 300ms reached");
  EXPECT_LT(result.duration, 10s);
}

TEST_F(ConnectLimitsTest, TheRunsLimitEndsRetriesThatHaveNone) {
  const ClosedPort port;
  expect_failure(run_ioa(connect_to(port, {"--wait", "0", "--timeout", "150ms"})), 124,
                 "--timeout 150ms reached");
}

TEST_F(ConnectLimitsTest, AUnixSocketIsWaitedForToo) {
  const std::string path = dir / "later";
  Process process(ioa({"connect", "-v", "--wait=20s", "--retry-delay=10ms", "unix:" + path}));
  ASSERT_TRUE(process.wait_for_err("trying again"));
  Process socat({"socat", "-u", "EXEC:echo served", "UNIX-LISTEN:" + path});
  const RunResult result = process.wait();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "served\n");
}

}  // namespace
}  // namespace ioa::test
