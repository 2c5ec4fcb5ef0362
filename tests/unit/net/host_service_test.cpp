#include "ioa/net/host_service.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace ioa {
namespace {

std::string complaint(std::string_view text) {
  try {
    const HostService parsed = parse_host_service(text);
    return "read as " + parsed.host + " and " + parsed.service;
  } catch (const AddressError& error) {
    return error.what();
  }
}

HostService pair_of(std::string host, std::string service) {
  return {std::move(host), std::move(service)};
}

TEST(HostServiceTest, ReadsAHostAlone) {
  EXPECT_EQ(parse_host_service("example.org"), pair_of("example.org", ""));
  EXPECT_EQ(parse_host_service("example.org."), pair_of("example.org.", ""));
  EXPECT_EQ(parse_host_service("_dmarc.example.org"), pair_of("_dmarc.example.org", ""));
  EXPECT_EQ(parse_host_service("192.0.2.1"), pair_of("192.0.2.1", ""));
}

TEST(HostServiceTest, ReadsAHostWithAService) {
  EXPECT_EQ(parse_host_service("example.org:80"), pair_of("example.org", "80"));
  EXPECT_EQ(parse_host_service("example.org:http"), pair_of("example.org", "http"));
  EXPECT_EQ(parse_host_service("192.0.2.1:http-alt"), pair_of("192.0.2.1", "http-alt"));
}

TEST(HostServiceTest, ReadsIpv6WithAndWithoutBrackets) {
  EXPECT_EQ(parse_host_service("::1"), pair_of("::1", ""));
  EXPECT_EQ(parse_host_service("[::1]"), pair_of("::1", ""));
  EXPECT_EQ(parse_host_service("[::1]:53"), pair_of("::1", "53"));
  EXPECT_EQ(parse_host_service("::ffff:192.0.2.1"), pair_of("::ffff:192.0.2.1", ""));
}

TEST(HostServiceTest, KeepsAZoneId) {
  EXPECT_EQ(parse_host_service("fe80::1%eth0"), pair_of("fe80::1%eth0", ""));
  EXPECT_EQ(parse_host_service("[fe80::1%br-1.20]:80"), pair_of("fe80::1%br-1.20", "80"));
}

TEST(HostServiceTest, WritesAPortTheOneWay) {
  EXPECT_EQ(parse_host_service("a:0080"), pair_of("a", "80"));
  EXPECT_EQ(parse_host_service("a:0"), pair_of("a", "0"));
  EXPECT_EQ(parse_host_service("a:65535"), pair_of("a", "65535"));
}

TEST(HostServiceTest, RefusesAPortThatIsNone) {
  const std::string expected = ": expected a port from 0 to 65535 or a service name";
  for (const std::string text :
       {"a:", "a:65536", "a:-1", "a:+80", "a: 80", "a:80 ", "a:99999999999999999999", "a:80-90",
        "a:8/0", "[::1]:", "[::1]:x y", "a:b:c"}) {
    EXPECT_EQ(complaint(text), text + expected);
  }
}

TEST(HostServiceTest, RefusesAHostThatIsNone) {
  const std::string expected = ": expected a host name or a numeric address";
  for (const std::string text :
       {"", ":80", "a b", "-a", "a/b", "a@b:80", "*", "a%eth0", "a\tb", "host\x1b[31m"}) {
    EXPECT_EQ(complaint(text), text + expected);
  }
}

TEST(HostServiceTest, RefusesANameThatIsTooLong) {
  EXPECT_EQ(parse_host_service(std::string(253, 'a')).host, std::string(253, 'a'));
  EXPECT_THROW(parse_host_service(std::string(255, 'a')), AddressError);
}

TEST(HostServiceTest, RefusesBracketsThatDoNotHoldIpv6) {
  EXPECT_EQ(complaint("[::1"), "[::1: expected a ']' that closes the '['");
  EXPECT_EQ(complaint("["), "[: expected a ']' that closes the '['");
  EXPECT_EQ(complaint("[]"), "[]: expected an IPv6 address in brackets");
  EXPECT_EQ(complaint("[a]:80"), "[a]:80: expected an IPv6 address in brackets");
  EXPECT_EQ(complaint("[127.0.0.1]:80"), "[127.0.0.1]:80: expected an IPv6 address in brackets");
  EXPECT_EQ(complaint("[fe80::1%]:80"), "[fe80::1%]:80: expected an IPv6 address in brackets");
  EXPECT_EQ(complaint("[::1]80"), "[::1]80: expected nothing, or a ':' and a port, behind the ']'");
}

TEST(HostServiceTest, RefusesAZoneIdThatNoInterfaceCanHave) {
  EXPECT_EQ(literal_family("fe80::1%sixteen-letters-"), std::nullopt);
  EXPECT_EQ(literal_family("fe80::1%a/b"), std::nullopt);
  EXPECT_EQ(literal_family("fe80::1%a%b"), std::nullopt);
}

TEST(LiteralFamilyTest, TellsAddressesFromNames) {
  EXPECT_EQ(literal_family("192.0.2.1"), Family::ipv4);
  EXPECT_EQ(literal_family("127.1"), Family::ipv4);
  EXPECT_EQ(literal_family("::"), Family::ipv6);
  EXPECT_EQ(literal_family("fe80::1%eth0"), Family::ipv6);
  for (const std::string_view name :
       {"", "localhost", "1.2.3.4.5", "300.0.0.1", "1.2.3.4 x", "::g", "1::2::3", "[::1]", "a.1"}) {
    EXPECT_EQ(literal_family(name), std::nullopt) << name;
  }
}

TEST(ParsePortTest, TakesPlainDecimalDigitsOnly) {
  EXPECT_EQ(parse_port("0"), 0);
  EXPECT_EQ(parse_port("65535"), 65535);
  for (const std::string_view text : {"", "65536", "-1", "+1", "0x50", "80a", " 80", "http"}) {
    EXPECT_EQ(parse_port(text), std::nullopt) << text;
  }
}

TEST(ParseHostTest, TakesAHostAndNothingElse) {
  EXPECT_EQ(parse_host("localhost"), "localhost");
  EXPECT_EQ(parse_host("[::1]"), "::1");
  EXPECT_EQ(parse_host("fe80::1%eth0"), "fe80::1%eth0");
  EXPECT_THROW(parse_host("localhost:80"), AddressError);
  EXPECT_THROW(parse_host("[::1]:80"), AddressError);
  EXPECT_THROW(parse_host(""), AddressError);
}

}  // namespace
}  // namespace ioa
