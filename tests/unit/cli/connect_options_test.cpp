#include "cli/commands/connect_options.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

ConnectOptions read(std::vector<std::string_view> args) {
  return parse_connect(read_arguments(connect_command(), args));
}

// The options that were given before a peer that is always the same.
ConnectOptions read_options(std::vector<std::string_view> args) {
  args.insert(args.end(), {"localhost", "80"});
  return read(std::move(args));
}

std::string peer_of(std::vector<std::string_view> args) {
  return read(std::move(args)).peer.to_string();
}

// The targets of a probe: each as an address, then "-LAST" if it is a range.
std::vector<std::string> targets_of(std::vector<std::string_view> args) {
  args.insert(args.begin(), "-z");
  std::vector<std::string> targets;
  for (const ProbeTarget& target : read(std::move(args)).targets) {
    targets.push_back(target.address.to_string());
    if (target.last_port) targets.back() += '-' + std::to_string(*target.last_port);
  }
  return targets;
}

using Targets = std::vector<std::string>;

TEST(ConnectOptionsTest, HasTheDefaultsOfTheContract) {
  const ConnectOptions options = read({"localhost", "80"});
  EXPECT_EQ(options.connect_timeout, 30s);
  EXPECT_EQ(options.attempt_delay, 250ms);
  EXPECT_EQ(options.retry.delay, 200ms);
  EXPECT_EQ(options.retry.max_delay, 5s);
  EXPECT_FALSE(options.retry.is_set());
  EXPECT_EQ(options.idle_timeout, 0ns);
  EXPECT_EQ(options.timeout, 0ns);
  EXPECT_EQ(options.on_stdin_eof, OnStdinEof::half_close);
  EXPECT_EQ(options.on_peer_eof, OnPeerEof::automatic);
  EXPECT_EQ(options.quit_after, std::nullopt);
  EXPECT_EQ(options.direction, Direction::both);
  EXPECT_EQ(options.family, Family::any);
  EXPECT_FALSE(options.source.is_set());
  EXPECT_FALSE(options.sequential);
  EXPECT_FALSE(options.probe);
  EXPECT_EQ(options.general.color, ColorMode::automatic);
  EXPECT_EQ(options.general.verbosity, 0);
  EXPECT_FALSE(options.general.events.is_set());
}

TEST(ConnectOptionsTest, ReadsEveryFormOfAPeer) {
  EXPECT_EQ(peer_of({"localhost", "80"}), "localhost:80");
  EXPECT_EQ(peer_of({"localhost:http"}), "localhost:http");
  EXPECT_EQ(peer_of({"[::1]:80"}), "[::1]:80");
  EXPECT_EQ(peer_of({"::1", "80"}), "[::1]:80");
  EXPECT_EQ(peer_of({"fe80::1%eth0", "80"}), "[fe80::1%eth0]:80");
  EXPECT_EQ(peer_of({"unix:/run/x"}), "unix:/run/x");
  EXPECT_EQ(peer_of({"unix:@x"}), "unix:@x");
  EXPECT_EQ(peer_of({"tcp4:localhost:80"}), "tcp4:localhost:80");
  EXPECT_EQ(peer_of({"tcp6:[::1]:80"}), "tcp6:[::1]:80");
  EXPECT_EQ(peer_of({"tcp://localhost:80"}), "localhost:80");
  EXPECT_EQ(peer_of({"-U", "/run/x"}), "unix:/run/x");
  EXPECT_EQ(peer_of({"-U", "localhost:80"}), "unix:localhost:80");
}

TEST(ConnectOptionsTest, HoldsThePeerToAFamily) {
  EXPECT_EQ(peer_of({"-4", "localhost", "80"}), "tcp4:localhost:80");
  EXPECT_EQ(peer_of({"-6", "localhost", "80"}), "tcp6:localhost:80");
  EXPECT_EQ(read({"-6", "localhost", "80"}).family, Family::ipv6);
  EXPECT_EQ(read({"tcp4:localhost:80"}).family, Family::ipv4);
  EXPECT_EQ(peer_of({"-4", "tcp4:localhost:80"}), "tcp4:localhost:80");
  EXPECT_EQ(peer_of({"-6", "::1", "80"}), "tcp6:[::1]:80");
}

TEST(ConnectOptionsTest, ReadsTheLocalEnd) {
  EXPECT_EQ(read_options({"-s", "192.0.2.1"}).source.host, "192.0.2.1");
  EXPECT_EQ(read_options({"-s", "192.0.2.1:5000"}).source.port, 5000);
  EXPECT_EQ(read_options({"-s", "::1"}).source.host, "::1");
  EXPECT_EQ(read_options({"--source=[::1]:5000"}).source.host, "::1");
  EXPECT_EQ(read_options({"--source=[::1]:5000"}).source.port, 5000);
  EXPECT_EQ(read_options({"-p5000"}).source.port, 5000);
  EXPECT_TRUE(read_options({"-p5000"}).source.is_set());
  const ConnectOptions both = read_options({"-s", "myhost", "-p", "5000"});
  EXPECT_EQ(both.source.host, "myhost");
  EXPECT_EQ(both.source.port, 5000);
}

TEST(ConnectOptionsTest, TakesTheFamilyOfANumericSource) {
  EXPECT_EQ(read_options({"-s", "192.0.2.1"}).family, Family::ipv4);
  EXPECT_EQ(read_options({"-s", "::1"}).peer.family, Family::ipv6);
  EXPECT_EQ(read_options({"-s", "myhost"}).family, Family::any);
}

TEST(ConnectOptionsTest, ReadsSocketOptions) {
  const SocketTuning socket =
      read_options({"--interface", "eth0", "--ttl", "64", "--tos", "16", "--nodelay", "--keepalive",
                    "1m", "--sndbuf", "64K", "--rcvbuf", "1M"})
          .socket;
  EXPECT_EQ(socket.interface, "eth0");
  EXPECT_EQ(socket.ttl, 64);
  EXPECT_EQ(socket.tos, 16);
  EXPECT_TRUE(socket.nodelay);
  EXPECT_EQ(socket.keepalive, 60s);
  EXPECT_EQ(socket.sndbuf, 65536);
  EXPECT_EQ(socket.rcvbuf, 1048576);
  EXPECT_EQ(read_options({"--tos", "0xb8"}).socket.tos, 184);
  EXPECT_EQ(read_options({"--keepalive", "1.2s"}).socket.keepalive, 2s);
}

TEST(ConnectOptionsTest, ReadsLimits) {
  EXPECT_EQ(read_options({"-w1"}).connect_timeout, 1s);
  EXPECT_EQ(read_options({"-w", "0"}).connect_timeout, 0s);
  EXPECT_EQ(read_options({"--connect-timeout=250ms"}).connect_timeout, 250ms);
  EXPECT_EQ(read_options({"-i", "2m"}).idle_timeout, 2min);
  EXPECT_EQ(read_options({"--timeout", "1h30m"}).timeout, 90min);
  EXPECT_EQ(read_options({"--attempt-delay", "0"}).attempt_delay, 0s);
  EXPECT_EQ(read_options({"-q", "0"}).quit_after, 0s);
}

TEST(ConnectOptionsTest, ReadsRetries) {
  const RetryPolicy retry =
      read_options({"--retry=3", "--wait=1m", "--retry-delay=1s", "--retry-max-delay=2s"}).retry;
  EXPECT_EQ(retry.retries, 3U);
  EXPECT_EQ(retry.wait, 1min);
  EXPECT_EQ(retry.delay, 1s);
  EXPECT_EQ(retry.max_delay, 2s);
  EXPECT_TRUE(retry.is_set());
}

TEST(ConnectOptionsTest, RaisesTheLongestDelayToTheFirst) {
  EXPECT_EQ(read_options({"--retry=3", "--retry-delay=10s"}).retry.max_delay, 10s);
}

TEST(ConnectOptionsTest, ReadsWhatAnEndMeans) {
  EXPECT_EQ(read_options({"--on-stdin-eof=half-close"}).on_stdin_eof, OnStdinEof::half_close);
  EXPECT_EQ(read_options({"--on-stdin-eof=after-reply"}).on_stdin_eof, OnStdinEof::after_reply);
  EXPECT_EQ(read_options({"--on-stdin-eof=close"}).on_stdin_eof, OnStdinEof::close);
  EXPECT_EQ(read_options({"--on-stdin-eof=keep"}).on_stdin_eof, OnStdinEof::keep);
  EXPECT_EQ(read_options({"--on-peer-eof=auto"}).on_peer_eof, OnPeerEof::automatic);
  EXPECT_EQ(read_options({"--on-peer-eof=exit"}).on_peer_eof, OnPeerEof::exit);
  EXPECT_EQ(read_options({"--on-peer-eof=finish"}).on_peer_eof, OnPeerEof::finish);
}

TEST(ConnectOptionsTest, AcceptsTheDefaultByItsOldName) {
  EXPECT_EQ(read_options({"-N"}).on_stdin_eof, OnStdinEof::half_close);
  EXPECT_EQ(read_options({"-N", "--on-stdin-eof=half-close"}).on_stdin_eof, OnStdinEof::half_close);
  EXPECT_TRUE(read_options({"-zN"}).probe);
}

TEST(ConnectOptionsTest, ReadsWhereBytesGo) {
  EXPECT_EQ(read_options({"--send-only"}).direction, Direction::send_only);
  EXPECT_EQ(read_options({"--recv-only"}).direction, Direction::receive_only);
  EXPECT_EQ(read_options({"-o", "file"}).output, "file");
  EXPECT_FALSE(read_options({"-o", "file"}).append);
  EXPECT_TRUE(read_options({"-ofile", "--append"}).append);
}

TEST(ConnectOptionsTest, ReadsGeneralOptions) {
  const GeneralOptions general =
      read_options({"-vv", "--events", "3", "--loop", "poll", "--color=never"}).general;
  EXPECT_EQ(general.verbosity, 2);
  EXPECT_EQ(general.events.fd, 3);
  EXPECT_EQ(general.loop, "poll");
  EXPECT_EQ(general.color, ColorMode::never);
  EXPECT_EQ(read_options({"--events=./3"}).general.events.path, "./3");
  EXPECT_EQ(read_options({"--events=./3"}).general.events.fd, -1);
  EXPECT_EQ(read_options({"--color=always"}).general.color, ColorMode::always);
  EXPECT_TRUE(read_options({"--quiet"}).general.quiet);
}

TEST(ConnectOptionsTest, TakesTheLastOfAnOptionGivenTwice) {
  EXPECT_EQ(read_options({"-w1", "-w2"}).connect_timeout, 2s);
}

TEST(ConnectOptionsTest, KeepsNamesFromLookUps) {
  EXPECT_TRUE(read({"-n", "127.0.0.1", "80"}).numeric);
  EXPECT_TRUE(read({"-n", "fe80::1%lo", "80"}).numeric);
  EXPECT_TRUE(read({"-n", "127.1", "http"}).numeric);
  EXPECT_TRUE(read({"-nU", "/run/x"}).numeric);
}

TEST(ConnectProbeTest, TakesOneHostAndManyPorts) {
  EXPECT_EQ(targets_of({"host", "22", "80", "8000-8010"}),
            (Targets{"host:22", "host:80", "host:8000-8010"}));
  EXPECT_EQ(targets_of({"host", "http"}), (Targets{"host:http"}));
  EXPECT_EQ(targets_of({"::1", "80"}), (Targets{"[::1]:80"}));
  EXPECT_EQ(targets_of({"[::1]", "80"}), (Targets{"[::1]:80"}));
  EXPECT_EQ(targets_of({"tcp6:::1", "80"}), (Targets{"tcp6:[::1]:80"}));
  EXPECT_EQ(targets_of({"host", "90-80", "http-alt"}), (Targets{"host:80-90", "host:http-alt"}));
}

TEST(ConnectProbeTest, TakesManyHostsWithTheirPorts) {
  EXPECT_EQ(targets_of({"a:22", "b:http", "[::1]:80"}), (Targets{"a:22", "b:http", "[::1]:80"}));
  EXPECT_EQ(targets_of({"a:8000-8010", "[::1]:1-2"}), (Targets{"a:8000-8010", "[::1]:1-2"}));
  EXPECT_EQ(targets_of({"tcp4:a:80"}), (Targets{"tcp4:a:80"}));
}

TEST(ConnectProbeTest, HoldsItsTargetsToAFamily) {
  EXPECT_EQ(targets_of({"-4", "host", "22", "80"}), (Targets{"tcp4:host:22", "tcp4:host:80"}));
}

TEST(ConnectProbeTest, ReadsItsOptions) {
  const ConnectOptions options = read({"-zvnw1", "-j", "5", "--any", "--json", "127.0.0.1", "80"});
  EXPECT_TRUE(options.probe);
  EXPECT_EQ(options.jobs, 5U);
  EXPECT_TRUE(options.any);
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.connect_timeout, 1s);
  EXPECT_EQ(options.general.verbosity, 1);
  EXPECT_EQ(read({"-z", "host", "80"}).jobs, 256U);
}

TEST(ConnectProbeTest, TakesRetriesAndLimits) {
  const ConnectOptions options = read({"-z", "--wait=30s", "--timeout=1m", "host", "80"});
  EXPECT_EQ(options.retry.wait, 30s);
  EXPECT_EQ(options.timeout, 1min);
}

TEST(ConnectOptionsTest, ReadsPeersOfDatagrams) {
  EXPECT_EQ(peer_of({"-u", "localhost", "53"}), "udp:localhost:53");
  EXPECT_EQ(peer_of({"-u", "localhost:53"}), "udp:localhost:53");
  EXPECT_EQ(peer_of({"-u", "udp6:localhost:53"}), "udp6:localhost:53");
  EXPECT_EQ(peer_of({"udp4:localhost", "53"}), "udp4:localhost:53");
  EXPECT_EQ(peer_of({"-4u", "localhost", "53"}), "udp4:localhost:53");
  EXPECT_EQ(peer_of({"udp://[::1]:53"}), "udp:[::1]:53");
  EXPECT_EQ(peer_of({"-uU", "/run/x"}), "unix-dgram:/run/x");
  EXPECT_EQ(peer_of({"unix-dgram:@x"}), "unix-dgram:@x");
  EXPECT_EQ(peer_of({"unix-seqpacket:/run/x"}), "unix-seqpacket:/run/x");
}

TEST(ConnectOptionsTest, ReadsHowDatagramsAreMade) {
  const auto framing = [](std::vector<std::string_view> args) {
    args.insert(args.end(), {"-u", "localhost", "53"});
    return read(std::move(args)).datagrams;
  };
  EXPECT_EQ(framing({}).framing, std::nullopt);
  EXPECT_EQ(framing({}).mtu, 1400U);
  EXPECT_EQ(framing({"--frame=line"}).framing, DatagramFraming::line);
  EXPECT_EQ(framing({"--frame", "len32"}).framing, DatagramFraming::len32);
  EXPECT_EQ(framing({"--mtu", "1K"}).mtu, 1024U);
  EXPECT_EQ(framing({"--mtu", "1K"}).framing, DatagramFraming::chunk);
  EXPECT_FALSE(framing({}).broadcast);
  EXPECT_TRUE(framing({"-b"}).broadcast);
}

TEST(ConnectOptionsTest, ReadsTheLocalPathOfAUnixDatagramSocket) {
  EXPECT_EQ(read({"-s", "/run/me", "unix-dgram:/run/x"}).source.path, "/run/me");
  EXPECT_EQ(read({"-s", "@me", "unix-dgram:/run/x"}).source.path, "@me");
  EXPECT_EQ(read({"-s", "unix-dgram:me", "unix-dgram:/run/x"}).source.path, "me");
  EXPECT_TRUE(read({"-s", "@me", "unix-dgram:/run/x"}).source.is_set());
}

TEST(ConnectOptionsTest, ReadsWhatIsOfTcpAlone) {
  EXPECT_TRUE(read_options({"--fastopen"}).socket.fastopen);
  EXPECT_TRUE(read_options({"--mptcp"}).socket.mptcp);
  EXPECT_FALSE(read_options({}).socket.fastopen);
  EXPECT_FALSE(read_options({}).socket.mptcp);
}

TEST(ConnectProbeTest, TakesUdpAndUnixTargets) {
  EXPECT_EQ(targets_of({"-u", "host", "53", "60-61"}), (Targets{"udp:host:53", "udp:host:60-61"}));
  EXPECT_EQ(targets_of({"udp:host", "53"}), (Targets{"udp:host:53"}));
  EXPECT_EQ(targets_of({"host:80", "udp:host:53", "unix:/run/x:1-2", "unix-dgram:@y"}),
            (Targets{"host:80", "udp:host:53", "unix:/run/x:1-2", "unix-dgram:@y"}));
  EXPECT_EQ(targets_of({"-U", "/a", "/b"}), (Targets{"unix:/a", "unix:/b"}));
  EXPECT_EQ(targets_of({"-uU", "/a"}), (Targets{"unix-dgram:/a"}));
}

TEST(ConnectProbeTest, TakesACommandBehindDashes) {
  const ConnectOptions options =
      read({"-z", "--wait=1s", "host", "80", "--", "echo", "-n", "--", "x"});
  EXPECT_EQ(options.command, (std::vector<std::string>{"echo", "-n", "--", "x"}));
  EXPECT_EQ(options.targets.size(), 1U);
  EXPECT_EQ(options.stable, 0ns);
  EXPECT_FALSE(options.until_closed);
  const ConnectOptions waiting =
      read({"-z", "--wait=1s", "--stable=2s", "--until-closed", "host", "80"});
  EXPECT_EQ(waiting.stable, 2s);
  EXPECT_TRUE(waiting.until_closed);
}

TEST(ConnectProbeTest, WaitsForUdpASecondOrAsLongAsIsSaid) {
  EXPECT_EQ(read({"-zu", "host", "53"}).udp_answer, 1s);
  EXPECT_EQ(read({"-zu", "-w3", "host", "53"}).udp_answer, 3s);
}

}  // namespace
}  // namespace ioa::cli
