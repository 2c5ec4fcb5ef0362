#include "ioa/net/address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

namespace ioa {
namespace {

using Scheme = Address::Scheme;

Address inet(Scheme scheme, Family family, std::string host, std::string service) {
  Address address;
  address.scheme = scheme;
  address.family = family;
  address.host = std::move(host);
  address.service = std::move(service);
  return address;
}

Address tcp(std::string host, std::string service) {
  return inet(Scheme::tcp, Family::any, std::move(host), std::move(service));
}

Address with_path(Scheme scheme, std::string path) {
  Address address;
  address.scheme = scheme;
  address.path = std::move(path);
  return address;
}

Address with_command(Scheme scheme, std::string command) {
  Address address;
  address.scheme = scheme;
  address.command = std::move(command);
  return address;
}

Address connect_to(std::string_view text) { return parse_address(text, AddressUse::connect); }

Address listen_on(std::string_view text) { return parse_address(text, AddressUse::listen); }

std::string complaint(std::string_view text, AddressUse use = AddressUse::connect) {
  try {
    return "read as " + parse_address(text, use).to_string();
  } catch (const AddressError& error) {
    return error.what();
  }
}

std::string complaint_of_operands(std::string_view host, std::string_view port) {
  try {
    return "read as " + make_address(host, port).to_string();
  } catch (const AddressError& error) {
    return error.what();
  }
}

TEST(AddressTest, ReadsHostAndPort) {
  EXPECT_EQ(connect_to("localhost:80"), tcp("localhost", "80"));
  EXPECT_EQ(connect_to("192.0.2.1:http"), tcp("192.0.2.1", "http"));
  EXPECT_EQ(connect_to("[::1]:8080"), tcp("::1", "8080"));
  EXPECT_EQ(connect_to("[fe80::1%eth0]:8080"), tcp("fe80::1%eth0", "8080"));
}

TEST(AddressTest, ReadsTwoOperands) {
  EXPECT_EQ(make_address("localhost", "80"), tcp("localhost", "80"));
  EXPECT_EQ(make_address("::1", "http"), tcp("::1", "http"));
  EXPECT_EQ(make_address("[::1]", "80"), tcp("::1", "80"));
  EXPECT_EQ(make_address("fe80::1%eth0", "80"), tcp("fe80::1%eth0", "80"));
  EXPECT_EQ(make_address("discard", "9"), tcp("discard", "9"));
}

TEST(AddressTest, ReadsASchemeBeforeTwoOperands) {
  EXPECT_EQ(make_address("tcp4:localhost", "80"),
            inet(Scheme::tcp, Family::ipv4, "localhost", "80"));
  EXPECT_EQ(make_address("tcp6:::1", "80"), inet(Scheme::tcp, Family::ipv6, "::1", "80"));
}

TEST(AddressTest, ReadsTheInternetSchemes) {
  EXPECT_EQ(connect_to("tcp:a:1"), tcp("a", "1"));
  EXPECT_EQ(connect_to("tcp4:a:1"), inet(Scheme::tcp, Family::ipv4, "a", "1"));
  EXPECT_EQ(connect_to("tcp6:[::1]:1"), inet(Scheme::tcp, Family::ipv6, "::1", "1"));
  EXPECT_EQ(connect_to("udp:a:1"), inet(Scheme::udp, Family::any, "a", "1"));
  EXPECT_EQ(connect_to("udp4:a:1"), inet(Scheme::udp, Family::ipv4, "a", "1"));
  EXPECT_EQ(connect_to("udp6:a:1"), inet(Scheme::udp, Family::ipv6, "a", "1"));
  EXPECT_EQ(connect_to("tls:a:https"), inet(Scheme::tls, Family::any, "a", "https"));
}

TEST(AddressTest, ReadsTheUnixSchemes) {
  EXPECT_EQ(connect_to("unix:/run/x"), with_path(Scheme::unix_stream, "/run/x"));
  EXPECT_EQ(connect_to("unix:@name"), with_path(Scheme::unix_stream, "@name"));
  EXPECT_EQ(connect_to("unix:a:b"), with_path(Scheme::unix_stream, "a:b"));
  EXPECT_EQ(connect_to("unix-dgram:x"), with_path(Scheme::unix_dgram, "x"));
  EXPECT_EQ(connect_to("unix-seqpacket:x"), with_path(Scheme::unix_seqpacket, "x"));
  EXPECT_EQ(make_unix_address("/run/x"), with_path(Scheme::unix_stream, "/run/x"));
}

TEST(AddressTest, ReadsCommandsAndFiles) {
  EXPECT_EQ(connect_to("exec:ls -l 'a b'"), with_command(Scheme::exec, "ls -l 'a b'"));
  EXPECT_EQ(connect_to("shell:a | b"), with_command(Scheme::shell, "a | b"));
  EXPECT_EQ(connect_to("pty:bash"), with_command(Scheme::pty, "bash"));
  EXPECT_EQ(connect_to("read:/a:b"), with_path(Scheme::read, "/a:b"));
  EXPECT_EQ(connect_to("write:a"), with_path(Scheme::write, "a"));
  EXPECT_EQ(connect_to("file:/dev/ttyS0"), with_path(Scheme::file, "/dev/ttyS0"));
}

TEST(AddressTest, ReadsDescriptorsAndMeters) {
  EXPECT_EQ(connect_to("fd:3").scheme, Scheme::fd);
  EXPECT_EQ(connect_to("fd:3").fd, 3);
  EXPECT_EQ(connect_to("-").scheme, Scheme::stdio);
  EXPECT_EQ(connect_to("zero:10M").scheme, Scheme::zero);
  EXPECT_EQ(connect_to("zero:10M").size, 10U << 20);
  EXPECT_EQ(connect_to("random:512").scheme, Scheme::random);
  EXPECT_EQ(connect_to("random:512").size, 512U);
  EXPECT_EQ(connect_to("discard").scheme, Scheme::discard);
}

TEST(AddressTest, ReadsSystemdSocketsForListening) {
  EXPECT_EQ(listen_on("systemd"), with_path(Scheme::systemd, ""));
  EXPECT_EQ(listen_on("systemd:web"), with_path(Scheme::systemd, "web"));
  EXPECT_EQ(complaint("systemd:web"),
            "systemd:web: expected an address to connect to: systemd: is for listening");
}

TEST(AddressTest, TakesSlashesBehindAScheme) {
  EXPECT_EQ(connect_to("tcp://a:1"), connect_to("tcp:a:1"));
  EXPECT_EQ(connect_to("tls://[::1]:1"), connect_to("tls:[::1]:1"));
  EXPECT_EQ(connect_to("unix:///run/x"), connect_to("unix:/run/x"));
  EXPECT_EQ(connect_to("unix://run/x"), connect_to("unix:run/x"));
  EXPECT_EQ(connect_to("exec://ls"), connect_to("exec:ls"));
  EXPECT_EQ(connect_to("fd://3"), connect_to("fd:3"));
}

TEST(AddressTest, TakesSchemesInEitherCase) {
  EXPECT_EQ(connect_to("TCP4:a:1"), connect_to("tcp4:a:1"));
}

TEST(AddressTest, ListensOnEveryLocalAddressWithAPortAlone) {
  EXPECT_EQ(listen_on("8080"), tcp("", "8080"));
  EXPECT_EQ(listen_on(":8080"), tcp("", "8080"));
  EXPECT_EQ(listen_on("0"), tcp("", "0"));
  EXPECT_EQ(listen_on("http"), tcp("", "http"));
  EXPECT_EQ(listen_on("tcp4:8080"), inet(Scheme::tcp, Family::ipv4, "", "8080"));
  EXPECT_EQ(listen_on("udp6:53"), inet(Scheme::udp, Family::ipv6, "", "53"));
  EXPECT_EQ(listen_on("tls:443"), inet(Scheme::tls, Family::any, "", "443"));
  EXPECT_EQ(listen_on("discard"), tcp("", "discard"));
}

TEST(AddressTest, ListensOnTheAddressGiven) {
  EXPECT_EQ(listen_on("[::]:80"), tcp("::", "80"));
  EXPECT_EQ(listen_on("127.0.0.1:0"), tcp("127.0.0.1", "0"));
  EXPECT_EQ(listen_on("unix:/run/x"), with_path(Scheme::unix_stream, "/run/x"));
}

TEST(AddressTest, KnowsItsPort) {
  EXPECT_EQ(connect_to("a:80").port(), 80);
  EXPECT_EQ(connect_to("a:http").port(), std::nullopt);
  EXPECT_EQ(connect_to("unix:80").port(), std::nullopt);
}

TEST(AddressTest, RefusesAPortOutOfRange) {
  const std::string expected = ": expected a port from 0 to 65535 or a service name";
  EXPECT_EQ(complaint("localhost:65536"), "localhost:65536" + expected);
  EXPECT_EQ(complaint("localhost:-1"), "localhost:-1" + expected);
  EXPECT_EQ(complaint("tcp4:localhost:99999"), "tcp4:localhost:99999" + expected);
  EXPECT_EQ(complaint("[::1]:70000"), "[::1]:70000" + expected);
  EXPECT_EQ(complaint("70000", AddressUse::listen), "70000" + expected);
  EXPECT_EQ(complaint(":70000", AddressUse::listen), ":70000" + expected);
  EXPECT_EQ(complaint("tcp6:70000", AddressUse::listen), "tcp6:70000" + expected);
  EXPECT_EQ(complaint_of_operands("localhost", "65536"), "65536" + expected);
  EXPECT_EQ(complaint_of_operands("localhost", "8 0"), "8 0" + expected);
}

TEST(AddressTest, RefusesAnEmptyHost) {
  EXPECT_EQ(complaint(":80"), ":80: expected a host before the ':'");
  EXPECT_EQ(complaint("tcp::80"), "tcp::80: expected a host before the ':'");
  EXPECT_EQ(complaint("tcp:"), "tcp:: expected HOST PORT, HOST:PORT, [V6]:PORT or SCHEME:REST");
  EXPECT_EQ(complaint(""), ": expected HOST PORT, HOST:PORT, [V6]:PORT or SCHEME:REST");
  EXPECT_EQ(complaint("[]:80"), "[]:80: expected an IPv6 address in brackets");
}

TEST(AddressTest, RefusesAnUnclosedBracket) {
  EXPECT_EQ(complaint("[::1:80"), "[::1:80: expected a ']' that closes the '['");
  EXPECT_EQ(complaint("tcp6:[::1"), "tcp6:[::1: expected a ']' that closes the '['");
  EXPECT_EQ(complaint("[::1", AddressUse::listen), "[::1: expected a ']' that closes the '['");
  EXPECT_EQ(complaint_of_operands("[::1", "80"), "[::1: expected a ']' that closes the '['");
}

TEST(AddressTest, AsksForAPortThatIsMissing) {
  const std::string named = ": expected a port as well: HOST PORT or HOST:PORT";
  const std::string v6 = ": expected a port as well: V6 PORT or [V6]:PORT";
  EXPECT_EQ(complaint("localhost"), "localhost" + named);
  EXPECT_EQ(complaint("8080"), "8080" + named);
  EXPECT_EQ(complaint("tcp4:localhost"), "tcp4:localhost" + named);
  EXPECT_EQ(complaint("::1"), "::1" + v6);
  EXPECT_EQ(complaint("[::1]"), "[::1]" + v6);
  EXPECT_EQ(complaint("127.0.0.1", AddressUse::listen), "127.0.0.1" + named);
  EXPECT_EQ(complaint("::1", AddressUse::listen), "::1" + v6);
}

TEST(AddressTest, RefusesAnUnknownScheme) {
  const std::string expected =
      ": expected a known scheme such as tcp: or unix:, or an IPv6 address in brackets";
  EXPECT_EQ(complaint("ftp://example.org:21"), "ftp://example.org:21" + expected);
  EXPECT_EQ(complaint("sctp:example.org:21"), "sctp:example.org:21" + expected);
  EXPECT_EQ(complaint("fe80::1%eth0:80"), "fe80::1%eth0:80" + expected);
  EXPECT_EQ(complaint("2001:db8::1::80"), "2001:db8::1::80" + expected);
  EXPECT_EQ(complaint("tcp5:80:80", AddressUse::listen), "tcp5:80:80" + expected);
}

TEST(AddressTest, RefusesAnAddressOfTheOtherFamily) {
  EXPECT_EQ(complaint("tcp4:[::1]:80"), "tcp4:[::1]:80: expected an IPv4 address or a name");
  EXPECT_EQ(complaint("tcp6:127.0.0.1:80"),
            "tcp6:127.0.0.1:80: expected an IPv6 address or a name");
  EXPECT_EQ(complaint_of_operands("udp4:::1", "80"),
            "udp4:::1: expected an IPv4 address or a name");
}

TEST(AddressTest, RefusesAPortTooMany) {
  EXPECT_EQ(complaint_of_operands("localhost:80", "81"),
            "81: expected nothing behind an address that has its port");
  EXPECT_EQ(complaint_of_operands("[::1]:80", "81"),
            "81: expected nothing behind an address that has its port");
  EXPECT_EQ(complaint_of_operands("unix:/run/x", "81"),
            "81: expected nothing behind an address that has no port");
}

TEST(AddressTest, TakesAUnixPathOf107Bytes) {
  const std::string path(107, 'p');
  EXPECT_EQ(connect_to("unix:" + path).path, path);
  EXPECT_EQ(make_unix_address(path).path, path);
  // The '@' stands for the NUL that an abstract name begins with.
  EXPECT_EQ(connect_to("unix:@" + path).path, "@" + path);
}

TEST(AddressTest, RefusesAUnixPathOver107Bytes) {
  const std::string path(108, 'p');
  const std::string expected = ": expected a Unix socket path of at most 107 bytes";
  EXPECT_EQ(complaint("unix:" + path), "unix:" + path + expected);
  EXPECT_EQ(complaint("unix-dgram:@" + path), "unix-dgram:@" + path + expected);
  EXPECT_THROW(make_unix_address(path), AddressError);
}

TEST(AddressTest, RefusesASchemeWithNothingOfUseBehindIt) {
  EXPECT_EQ(complaint("unix:"), "unix:: expected the path of a Unix socket");
  EXPECT_EQ(complaint("unix:@"), "unix:@: expected a name behind the '@'");
  EXPECT_EQ(complaint("exec: "), "exec: : expected a command");
  EXPECT_EQ(complaint("file:"), "file:: expected the path of a file");
  EXPECT_EQ(complaint("fd:-1"), "fd:-1: expected the number of a descriptor");
  EXPECT_EQ(complaint("fd:2147483648"), "fd:2147483648: expected the number of a descriptor");
  EXPECT_EQ(complaint("zero:10X"), "zero:10X: expected a size such as 512, 64K, 10M or 1G");
  EXPECT_EQ(complaint("systemd:", AddressUse::listen),
            "systemd:: expected systemd or systemd:NAME");
}

TEST(AddressTest, RefusesNulBytes) {
  const std::string text("unix:/a\0b", 9);
  EXPECT_THROW(parse_address(text, AddressUse::connect), AddressError);
  EXPECT_THROW(make_unix_address(std::string("a\0", 2)), AddressError);
  EXPECT_THROW(make_address(std::string("a\0", 2), "80"), AddressError);
}

TEST(AddressTest, IsWrittenAsItIsRead) {
  for (const std::string_view text : {"localhost:80",
                                      "[::1]:http",
                                      "[fe80::1%eth0]:80",
                                      "tcp4:a:1",
                                      "tcp6:[::1]:1",
                                      "udp:a:1",
                                      "tls:a:443",
                                      "unix:/run/x",
                                      "unix:@x",
                                      "unix-dgram:x",
                                      "unix-seqpacket:x",
                                      "exec:ls -l",
                                      "shell:a | b",
                                      "pty:sh",
                                      "read:a",
                                      "write:a",
                                      "file:a",
                                      "fd:3",
                                      "-",
                                      "zero:1024",
                                      "random:0",
                                      "discard",
                                      "unix:////x",
                                      "tcp:file:80"}) {
    EXPECT_EQ(connect_to(text).to_string(), text);
  }
  for (const std::string_view text : {":80", "tcp4:80", "udp6:http", "systemd", "systemd:web"}) {
    EXPECT_EQ(listen_on(text).to_string(), text);
  }
}

}  // namespace
}  // namespace ioa
