// Every command line that `ioa connect` refuses, with the exact line that says why.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/commands/connect_options.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

// What is behind "ioa connect: ".
std::string complaint(const std::vector<std::string_view>& args) {
  try {
    parse_connect(read_arguments(connect_command(), args));
    return "no complaint";
  } catch (const UsageError& error) {
    const std::string line = error.what();
    const std::string program = "ioa connect: ";
    return line.compare(0, program.size(), program) == 0 ? line.substr(program.size()) : line;
  }
}

// The same for options before a peer that is always the same.
std::string complaint_of_options(std::vector<std::string_view> args) {
  args.insert(args.end(), {"localhost", "80"});
  return complaint(args);
}

TEST(ConnectUsageTest, WantsAnAddress) {
  EXPECT_EQ(complaint({}), "ADDRESS: expected HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH");
  EXPECT_EQ(complaint({"-U"}), "ADDRESS: expected the path of a Unix socket");
  EXPECT_EQ(complaint({"-U", ""}), "'': expected the path of a Unix socket");
  EXPECT_EQ(complaint({"-z"}), "ADDRESS: expected HOST PORT... or HOST:PORT...");
  EXPECT_EQ(complaint({""}), "'': expected HOST PORT, HOST:PORT, [V6]:PORT or SCHEME:REST");
}

TEST(ConnectUsageTest, WantsAPort) {
  EXPECT_EQ(complaint({"localhost"}), "localhost: expected a port as well: HOST PORT or HOST:PORT");
  EXPECT_EQ(complaint({"::1"}), "::1: expected a port as well: V6 PORT or [V6]:PORT");
  EXPECT_EQ(complaint({"localhost", ""}), "'': expected a port from 0 to 65535 or a service name");
  EXPECT_EQ(complaint({"", "80"}), "'': expected a host name or a numeric address");
}

TEST(ConnectUsageTest, RefusesAPortOutOfRange) {
  const std::string expected = ": expected a port from 0 to 65535 or a service name";
  EXPECT_EQ(complaint({"localhost", "65536"}), "65536" + expected);
  EXPECT_EQ(complaint({"localhost:65536"}), "localhost:65536" + expected);
  EXPECT_EQ(complaint({"--", "localhost", "-1"}), "-1" + expected);
}

TEST(ConnectUsageTest, RefusesWhatIsNoAddress) {
  EXPECT_EQ(complaint({":80"}), ":80: expected a host before the ':'");
  EXPECT_EQ(complaint({"[::1:80"}), "[::1:80: expected a ']' that closes the '['");
  EXPECT_EQ(complaint({"gopher://h:70"}),
            "gopher://h:70: expected a known scheme such as tcp: or unix:, or an IPv6 address in "
            "brackets");
  const std::string path(108, 'p');
  EXPECT_EQ(complaint({"-U", path}), path + ": expected a Unix socket path of at most 107 bytes");
}

TEST(ConnectUsageTest, RefusesOperandsTooMany) {
  EXPECT_EQ(complaint({"localhost", "80", "81"}),
            "81: expected nothing behind HOST PORT; several ports need -z/--probe");
  EXPECT_EQ(complaint({"localhost:80", "81"}),
            "81: expected nothing behind an address that has its port");
  EXPECT_EQ(complaint({"unix:/run/x", "81"}),
            "81: expected nothing behind an address that has no port");
  EXPECT_EQ(complaint({"-U", "/run/x", "81"}), "81: expected nothing behind the path");
}

TEST(ConnectUsageTest, RefusesKindsOfAddressesOfLaterReleases) {
  const std::string expected =
      ": expected a TCP, UDP or Unix socket address; other kinds are not in this release";
  for (const std::string text :
       {"tls:localhost:443", "exec:ls", "shell:ls", "pty:sh", "read:f", "write:f", "file:f", "fd:3",
        "-", "zero:1G", "random:1G", "discard"}) {
    EXPECT_EQ(complaint({text}), text + expected);
  }
  EXPECT_EQ(complaint({"tls:localhost", "53"}), "tls:localhost" + expected);
}

TEST(ConnectUsageTest, RefusesASchemeThatHasNoDatagramsWithUdp) {
  EXPECT_EQ(complaint({"-u", "tcp:localhost:53"}),
            "tcp:localhost:53: cannot be used with -u/--udp; expected HOST:PORT or udp:");
  EXPECT_EQ(complaint({"-u", "TCP4:localhost", "53"}),
            "TCP4:localhost: cannot be used with -u/--udp; expected HOST:PORT or udp:");
  EXPECT_EQ(complaint({"-zu", "tcp:localhost:53"}),
            "tcp:localhost:53: cannot be used with -u/--udp; expected HOST:PORT or udp:");
  const std::string unix_text =
      ": cannot be used with -u/--udp; a Unix datagram socket is "
      "unix-dgram:PATH";
  EXPECT_EQ(complaint({"-u", "unix:/run/x"}), "unix:/run/x" + unix_text);
  EXPECT_EQ(complaint({"-u", "unix-seqpacket:/run/x"}), "unix-seqpacket:/run/x" + unix_text);
}

TEST(ConnectUsageTest, RefusesOptionsThatAKindOfSocketDoesNotHave) {
  for (const std::string option : {"--nodelay", "--fastopen", "--mptcp"}) {
    EXPECT_EQ(complaint({"-u", option, "localhost", "53"}), option + ": cannot be used with UDP");
    EXPECT_EQ(complaint({option, "unix-dgram:/x"}), option + ": cannot be used with a Unix socket");
  }
  EXPECT_EQ(complaint({"-u", "--keepalive=1", "localhost", "53"}),
            "--keepalive 1: cannot be used with UDP");
  EXPECT_EQ(complaint_of_options({"-b"}), "-b/--broadcast: expected -u/--udp with it");
  EXPECT_EQ(complaint({"-b", "unix-dgram:/x"}),
            "-b/--broadcast: cannot be used with a Unix socket");
  EXPECT_EQ(complaint_of_options({"--frame=line"}),
            "--frame line: cannot be used with a stream, which has no datagrams");
  EXPECT_EQ(complaint_of_options({"--mtu=9"}),
            "--mtu 9: cannot be used with a stream, which has no datagrams");
  EXPECT_EQ(complaint({"-u", "--on-peer-eof=exit", "localhost", "53"}),
            "--on-peer-eof exit: cannot be used with datagrams, which have no end");
  EXPECT_EQ(complaint_of_options({"--fastopen", "--mptcp"}),
            "--mptcp: cannot be used with --fastopen");
  EXPECT_EQ(complaint({"-s", "/run/me", "localhost", "80"}),
            "-s/--source /run/me: expected an IP address or a name, as the peer is no Unix socket");
  EXPECT_EQ(complaint({"-s", "me", "unix-dgram:/x"}),
            "-s/--source me: expected a path with a '/' in it, or @NAME");
}

TEST(ConnectUsageTest, RefusesFramesThatAreNone) {
  EXPECT_EQ(complaint({"-u", "--frame=word", "localhost", "53"}),
            "--frame word: expected chunk, line, nul or len32");
  EXPECT_EQ(complaint({"-u", "--frame=line", "--mtu=9", "localhost", "53"}),
            "--mtu 9: expected --frame chunk with it");
  for (const std::string size : {"0", "65508"})
    EXPECT_EQ(complaint({"-u", "--mtu", size, "localhost", "53"}),
              "--mtu " + size + ": expected a size from 1 to 65507 bytes");
}

TEST(ConnectUsageTest, RefusesAWaitingThatMakesNoSense) {
  EXPECT_EQ(complaint({"-z", "--stable=1", "localhost", "53"}),
            "--stable 1: expected --wait with it");
  EXPECT_EQ(complaint({"-z", "--any", "--until-closed", "localhost", "53"}),
            "--any: cannot be used with --until-closed");
  EXPECT_EQ(complaint({"--until-closed", "localhost", "53"}),
            "--until-closed: expected -z/--probe with it");
  EXPECT_EQ(complaint({"-z", "localhost", "53", "--"}), "--: expected a command behind it");
  EXPECT_EQ(complaint({"-z", "--", "true"}), "ADDRESS: expected HOST PORT... or HOST:PORT...");
}

TEST(ConnectUsageTest, RefusesFamiliesThatContradict) {
  EXPECT_EQ(complaint_of_options({"-46"}), "-6: cannot be used with -4");
  EXPECT_EQ(complaint({"-4", "::1", "80"}), "[::1]:80: expected an IPv4 address or a name");
  EXPECT_EQ(complaint({"-6", "127.0.0.1:80"}), "127.0.0.1:80: expected an IPv6 address or a name");
  EXPECT_EQ(complaint({"-4", "tcp6:localhost:80"}), "tcp6:localhost:80: expected an IPv4 address");
  EXPECT_EQ(complaint_of_options({"-6", "-s", "127.0.0.1"}),
            "-s/--source 127.0.0.1: expected an IPv6 address");
  EXPECT_EQ(complaint({"-s", "127.0.0.1", "::1", "80"}),
            "[::1]:80: expected an IPv4 address or a name");
}

TEST(ConnectUsageTest, RefusesAnInternetOptionWithAUnixSocket) {
  EXPECT_EQ(complaint({"-4", "unix:/run/x"}), "-4: cannot be used with a Unix socket");
  EXPECT_EQ(complaint({"-6U", "/run/x"}), "-6: cannot be used with a Unix socket");
  EXPECT_EQ(complaint({"-p1", "-U", "/run/x"}),
            "-p/--source-port 1: cannot be used with a Unix socket");
  EXPECT_EQ(complaint({"--nodelay", "-U", "/run/x"}),
            "--nodelay: cannot be used with a Unix socket");
  EXPECT_EQ(complaint({"-s", "::1", "-U", "/run/x"}),
            "-s/--source ::1: cannot be used with a Unix socket");
}

TEST(ConnectUsageTest, RefusesANameWhereLookUpsAreForbidden) {
  EXPECT_EQ(complaint({"-n", "localhost", "80"}),
            "localhost:80: expected a numeric address, as -n/--numeric is given");
  EXPECT_EQ(complaint({"-n", "-s", "myhost", "127.0.0.1", "80"}),
            "-s/--source myhost: expected a numeric address, as -n/--numeric is given");
  EXPECT_EQ(complaint({"-zn", "localhost", "80"}),
            "localhost:80: expected a numeric address, as -n/--numeric is given");
}

TEST(ConnectUsageTest, RefusesDurationsThatAreNone) {
  const std::string expected = ": expected a duration such as 250ms, 1.5s, 2m or 1h30m";
  EXPECT_EQ(complaint_of_options({"-w", "abc"}), "-w/--connect-timeout abc" + expected);
  EXPECT_EQ(complaint_of_options({"-w-1"}), "-w/--connect-timeout -1" + expected);
  EXPECT_EQ(complaint_of_options({"-i", "FILE"}), "-i/--idle-timeout FILE" + expected);
  EXPECT_EQ(complaint_of_options({"--timeout="}), "--timeout ''" + expected);
  EXPECT_EQ(complaint_of_options({"-q", "99999999999999999999"}),
            "-q/--quit-after 99999999999999999999" + expected);
  EXPECT_EQ(complaint_of_options({"--attempt-delay=1x"}), "--attempt-delay 1x" + expected);
  EXPECT_EQ(complaint_of_options({"--wait=x"}), "--wait x" + expected);
  EXPECT_EQ(complaint_of_options({"--retry=1", "--retry-delay=x"}), "--retry-delay x" + expected);
  EXPECT_EQ(complaint_of_options({"--retry=1", "--retry-max-delay=x"}),
            "--retry-max-delay x" + expected);
  EXPECT_EQ(complaint_of_options({"--keepalive=x"}), "--keepalive x" + expected);
}

TEST(ConnectUsageTest, RefusesNumbersOutOfTheirRange) {
  EXPECT_EQ(complaint_of_options({"--ttl", "0"}), "--ttl 0: expected a number from 1 to 255");
  EXPECT_EQ(complaint_of_options({"--ttl", "256"}), "--ttl 256: expected a number from 1 to 255");
  const std::string tos = ": expected a number from 0 to 255 or from 0x00 to 0xff";
  EXPECT_EQ(complaint_of_options({"--tos", "256"}), "--tos 256" + tos);
  EXPECT_EQ(complaint_of_options({"--tos", "0x100"}), "--tos 0x100" + tos);
  EXPECT_EQ(complaint_of_options({"--tos", "0x"}), "--tos 0x" + tos);
  EXPECT_EQ(complaint_of_options({"--keepalive", "0"}),
            "--keepalive 0: expected a duration from 1s to 32767s");
  EXPECT_EQ(complaint_of_options({"--keepalive", "10h"}),
            "--keepalive 10h: expected a duration from 1s to 32767s");
  EXPECT_EQ(complaint_of_options({"--retry", "-1"}),
            "--retry -1: expected a number from 0 to 1000000000");
  EXPECT_EQ(complaint_of_options({"--sndbuf", "0"}),
            "--sndbuf 0: expected a size from 1 to 2147483647 bytes");
  EXPECT_EQ(complaint_of_options({"--rcvbuf", "2G"}),
            "--rcvbuf 2G: expected a size from 1 to 2147483647 bytes");
  EXPECT_EQ(complaint_of_options({"--rcvbuf", "big"}),
            "--rcvbuf big: expected a size such as 512, 64K, 10M or 1G");
}

TEST(ConnectUsageTest, RefusesALocalEndThatIsNone) {
  EXPECT_EQ(complaint_of_options({"-p", "65536"}),
            "-p/--source-port 65536: expected a port from 0 to 65535");
  EXPECT_EQ(complaint_of_options({"-p", "http"}),
            "-p/--source-port http: expected a port from 0 to 65535");
  EXPECT_EQ(complaint_of_options({"-s", "::1%"}),
            "-s/--source ::1%: expected a host name or a numeric address");
  EXPECT_EQ(complaint_of_options({"-s", ""}),
            "-s/--source '': expected a host name or a numeric address");
  EXPECT_EQ(complaint_of_options({"-s", "a:http"}),
            "-s/--source a:http: expected a port from 0 to 65535");
  EXPECT_EQ(complaint_of_options({"-s", "a:1", "-p", "2"}),
            "-s/--source a:1: expected no port, as -p/--source-port gives it");
  EXPECT_EQ(complaint_of_options({"--interface", "sixteen-letters-"}),
            "--interface sixteen-letters-: expected the name of a network interface");
  EXPECT_EQ(complaint_of_options({"--interface="}),
            "--interface '': expected the name of a network interface");
}

TEST(ConnectUsageTest, RefusesWordsThatAreNoChoice) {
  EXPECT_EQ(complaint_of_options({"--color=blue"}), "--color blue: expected auto, always or never");
  EXPECT_EQ(complaint_of_options({"--on-stdin-eof=stop"}),
            "--on-stdin-eof stop: expected half-close, after-reply, close or keep");
  EXPECT_EQ(complaint_of_options({"--on-peer-eof=stop"}),
            "--on-peer-eof stop: expected auto, exit or finish");
  EXPECT_EQ(complaint_of_options({"--events="}),
            "--events '': expected the number of a descriptor or the path of a file");
  EXPECT_EQ(complaint_of_options({"--loop="}), "--loop '': expected the name of an event backend");
  EXPECT_EQ(complaint_of_options({"-o", ""}), "-o/--output '': expected the path of a file");
}

TEST(ConnectUsageTest, RefusesOptionsThatContradict) {
  EXPECT_EQ(complaint_of_options({"-v", "--quiet"}), "-v/--verbose: cannot be used with --quiet");
  EXPECT_EQ(complaint_of_options({"--send-only", "--recv-only"}),
            "--send-only: cannot be used with --recv-only");
  EXPECT_EQ(complaint_of_options({"-N", "--on-stdin-eof=close"}),
            "--on-stdin-eof: cannot be used with -N");
  EXPECT_EQ(
      complaint_of_options({"-q1", "--on-stdin-eof=close"}),
      "--on-stdin-eof close: cannot be used with -q/--quit-after, as there is no wait to end");
  EXPECT_EQ(complaint_of_options({"--send-only", "-o", "f"}),
            "-o/--output: cannot be used with --send-only");
  EXPECT_EQ(complaint_of_options({"--send-only", "--on-stdin-eof=after-reply"}),
            "--on-stdin-eof: cannot be used with --send-only");
  EXPECT_EQ(complaint_of_options({"--recv-only", "--on-stdin-eof=keep"}),
            "--on-stdin-eof: cannot be used with --recv-only");
  EXPECT_EQ(complaint_of_options({"--recv-only", "--on-peer-eof=exit"}),
            "--on-peer-eof: cannot be used with --recv-only");
  EXPECT_EQ(complaint_of_options({"--recv-only", "-q1"}),
            "-q/--quit-after: cannot be used with --recv-only");
  EXPECT_EQ(complaint_of_options({"--sequential", "--attempt-delay=1s"}),
            "--attempt-delay: cannot be used with --sequential");
}

TEST(ConnectUsageTest, RefusesOptionsThatNeedAnother) {
  EXPECT_EQ(complaint_of_options({"--append"}),
            "--append: expected -o/--output FILE, -x/--hex-dump FILE or --to write:FILE with it");
  EXPECT_EQ(complaint_of_options({"--kill-after=1"}),
            "--kill-after 1: expected a command with it: --exec, --sh-exec or --to");
  EXPECT_EQ(complaint_of_options({"--retry-delay=1s"}),
            "--retry-delay 1s: expected --retry or --wait with it");
  EXPECT_EQ(complaint_of_options({"--retry-max-delay=1s"}),
            "--retry-max-delay 1s: expected --retry or --wait with it");
  EXPECT_EQ(complaint_of_options({"--retry=1", "--retry-delay=2s", "--retry-max-delay=1s"}),
            "--retry-max-delay 1s: expected no less than --retry-delay");
  EXPECT_EQ(complaint_of_options({"--json"}), "--json: expected -z/--probe with it");
  EXPECT_EQ(complaint_of_options({"--any"}), "--any: expected -z/--probe with it");
  EXPECT_EQ(complaint_of_options({"-j5"}), "-j/--jobs 5: expected -z/--probe with it");
}

TEST(ConnectUsageTest, RefusesNearSidesThatMakeNoSense) {
  EXPECT_EQ(complaint_of_options({"-e", "cat", "-c", "cat"}),
            "-c/--sh-exec: cannot be used with -e/--exec");
  EXPECT_EQ(complaint_of_options({"-e", "cat", "--to", "discard"}),
            "-e/--exec: cannot be used with --to");
  EXPECT_EQ(complaint_of_options({"-e", "cat 'x"}),
            "-e/--exec cat 'x: expected a command with all its quotes closed");
  EXPECT_EQ(complaint_of_options({"-e", " "}), "-e/--exec  : expected a command");
  EXPECT_EQ(complaint_of_options({"-c", " "}), "-c/--sh-exec  : expected a command line");
  EXPECT_EQ(complaint_of_options({"--to", "shell: "}), "--to shell: : expected a command");
  EXPECT_EQ(complaint_of_options({"--to", "udp:localhost:53"}),
            "--to udp:localhost:53: expected an address whose bytes are a stream");
  EXPECT_EQ(complaint_of_options({"-e", "cat", "-o", "f"}),
            "-o/--output: cannot be used with -e/--exec");
  EXPECT_EQ(complaint_of_options({"--to", "write:f", "-o", "f"}),
            "-o/--output: cannot be used with --to");
}

TEST(ConnectUsageTest, RefusesRatesThatAreNone) {
  EXPECT_EQ(complaint_of_options({"--rate", "fast"}),
            "--rate fast: expected a rate in bytes a second such as 512, 64K, 10M or 1G");
  EXPECT_EQ(complaint_of_options({"--stats", "--quiet"}), "--stats: cannot be used with --quiet");
  EXPECT_EQ(complaint_of_options({"--sha256", "--quiet"}), "--sha256: cannot be used with --quiet");
  EXPECT_EQ(complaint_of_options({"--recv-only", "-C"}),
            "-C/--crlf: cannot be used with --recv-only");
}

TEST(ConnectUsageTest, RefusesToMoveBytesInAProbe) {
  EXPECT_EQ(complaint_of_options({"-z", "-o", "f"}), "-o/--output: cannot be used with -z/--probe");
  EXPECT_EQ(complaint_of_options({"-z", "-e", "cat"}), "-e/--exec: cannot be used with -z/--probe");
  EXPECT_EQ(complaint_of_options({"-z", "--to", "discard"}),
            "--to: cannot be used with -z/--probe");
  EXPECT_EQ(complaint_of_options({"-zC"}), "-C/--crlf: cannot be used with -z/--probe");
  EXPECT_EQ(complaint_of_options({"-z", "-i1"}),
            "-i/--idle-timeout: cannot be used with -z/--probe");
  EXPECT_EQ(complaint_of_options({"-z", "--recv-only"}),
            "--recv-only: cannot be used with -z/--probe");
  EXPECT_EQ(complaint({"-zu", "--frame=line", "localhost", "53"}),
            "--frame: cannot be used with -z/--probe");
  EXPECT_EQ(complaint_of_options({"-z", "--fastopen"}),
            "--fastopen: cannot be used with -z/--probe");
}

TEST(ConnectUsageTest, RefusesTargetsThatAreNone) {
  const std::string ports =
      ": expected a port from 0 to 65535, a range such as 8000-8010 or a service name";
  EXPECT_EQ(complaint({"-z", "host"}), "host: expected a port as well: HOST PORT or HOST:PORT");
  EXPECT_EQ(complaint({"-z", "host", "65536"}), "65536" + ports);
  EXPECT_EQ(complaint({"-z", "host", "80-65536"}), "80-65536" + ports);
  EXPECT_EQ(complaint({"-z", "host", "80-"}), "80-" + ports);
  EXPECT_EQ(complaint({"-z", "host", "other:80"}), "other:80" + ports);
  EXPECT_EQ(complaint({"-z", "a:80-90-100"}), "a:80-90-100" + ports);
  EXPECT_EQ(complaint({"-z", "a:80", "b"}), "b: expected HOST:PORT, as the first target is one");
  EXPECT_EQ(complaint({"-z", "exec:a"}),
            "exec:a: expected a TCP, UDP or Unix socket address; other kinds are not in this "
            "release");
  EXPECT_EQ(complaint({"-zU"}), "ADDRESS: expected the path of a Unix socket");
  EXPECT_EQ(complaint({"-z", "-a:1-2"}),
            "-a in -a:1-2: unknown option; 'ioa connect --help' lists them");
  EXPECT_EQ(complaint({"-zj0", "host", "80"}), "-j/--jobs 0: expected a number from 1 to 65536");
}

TEST(ConnectUsageTest, RefusesLettersThatNetcatsDisagreeAbout) {
  const std::string prefix = ": means different things to different programs; ";
  EXPECT_EQ(complaint_of_options({"-d"}), "-d" + prefix + "use --recv-only to leave stdin alone");
  EXPECT_EQ(complaint_of_options({"-W", "1"}), "-W" + prefix + "use --timeout to limit the run");
  EXPECT_EQ(complaint_of_options({"-zr"}),
            "-r" + prefix + "use --jobs to probe ports side by side");
  EXPECT_EQ(complaint_of_options({"-x", "proxy:1080"}),
            "-x/--hex-dump proxy:1080: expected a file; a proxy is for --proxy, and a file of that "
            "name is ./proxy:1080");
  EXPECT_EQ(complaint_of_options({"-X5"}), "-X" + prefix + "use --proxy, in releases that have it");
  EXPECT_EQ(complaint_of_options({"-P", "me"}),
            "-P" + prefix + "use --proxy, in releases that have it");
  EXPECT_EQ(complaint_of_options({"-T", "lowdelay"}), "-T" + prefix + "use --tos");
  EXPECT_EQ(complaint_of_options({"-M", "64"}), "-M" + prefix + "use --ttl");
  EXPECT_EQ(complaint_of_options({"-I", "1024"}), "-I" + prefix + "use --rcvbuf");
  EXPECT_EQ(complaint_of_options({"-O", "1024"}), "-O" + prefix + "use --sndbuf");
  EXPECT_EQ(complaint_of_options({"-k"}), "-k" + prefix + "use 'ioa listen --keep-open'");
  EXPECT_EQ(complaint_of_options({"-m1"}),
            "-m" + prefix + "use --mtu, or 'ioa listen --max-conns'");
  EXPECT_EQ(complaint_of_options({"-t"}),
            "-t" + prefix + "use --quit-after to end a wait; telnet's options are not answered");
}

TEST(ConnectUsageTest, KnowsNoOptionOfLaterReleases) {
  for (const std::string option : {"--tls", "--script"}) {
    EXPECT_EQ(complaint_of_options({option}),
              option + ": unknown option; 'ioa connect --help' lists them");
  }
}

TEST(ConnectUsageTest, KeepsWhatItEchoesOnOneLine) {
  EXPECT_EQ(complaint({"a\nb", "80"}), "a\\nb: expected a host name or a numeric address");
  EXPECT_EQ(complaint_of_options({"-w", "\x1b[2J"}),
            "-w/--connect-timeout \\x1b[2J: expected a duration such as 250ms, 1.5s, 2m or 1h30m");
}

}  // namespace
}  // namespace ioa::cli
