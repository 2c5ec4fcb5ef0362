#include "ioa/net/socket_address.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>

#include "ioa/base/error.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

SocketAddress numeric(std::string_view host, std::uint16_t port = 80) {
  return SocketAddress::from_numeric(host, port).value();
}

TEST(SocketAddressTest, IsEmptyByDefault) {
  const SocketAddress address;
  EXPECT_TRUE(address.empty());
  EXPECT_EQ(address.family(), AF_UNSPEC);
  EXPECT_EQ(address.to_string(), "");
  EXPECT_EQ(address.host(), "");
  EXPECT_EQ(address.port(), 0);
}

TEST(SocketAddressTest, ReadsAndWritesIpv4) {
  const auto address = numeric("1.2.3.4");
  EXPECT_EQ(address.family(), AF_INET);
  EXPECT_EQ(address.size(), sizeof(sockaddr_in));
  EXPECT_EQ(address.host(), "1.2.3.4");
  EXPECT_EQ(address.port(), 80);
  EXPECT_EQ(address.to_string(), "1.2.3.4:80");
}

TEST(SocketAddressTest, ReadsTheShortFormsOfIpv4) {
  EXPECT_EQ(numeric("127.1").to_string(), "127.0.0.1:80");
}

TEST(SocketAddressTest, ReadsAndWritesIpv6InBrackets) {
  const auto address = numeric("2001:DB8:0::1");
  EXPECT_EQ(address.family(), AF_INET6);
  EXPECT_EQ(address.host(), "2001:db8::1");
  EXPECT_EQ(address.to_string(), "[2001:db8::1]:80");
}

TEST(SocketAddressTest, KeepsTheZoneOfAnIpv6AddressByName) {
  const auto address = numeric("fe80::1%lo");
  EXPECT_EQ(address.to_string(), "[fe80::1%lo]:80");
  EXPECT_EQ(numeric("fe80::1%" + std::to_string(::if_nametoindex("lo"))), address);
  EXPECT_NE(numeric("fe80::1"), address);
}

TEST(SocketAddressTest, WritesTheNumberOfAZoneWithoutAName) {
  EXPECT_EQ(numeric("fe80::1%4242").to_string(), "[fe80::1%4242]:80");
}

TEST(SocketAddressTest, ReadsNoNames) {
  for (const char* host : {"localhost", "", "1.2.3.4.5", "fe80::1%no-such-zone", "1.2.3.4 x"})
    EXPECT_FALSE(SocketAddress::from_numeric(host, 80)) << host;
}

TEST(SocketAddressTest, MakesTheWildcardOfAFamily) {
  EXPECT_EQ(SocketAddress::any(AF_INET, 7).to_string(), "0.0.0.0:7");
  EXPECT_EQ(SocketAddress::any(AF_INET6, 7).to_string(), "[::]:7");
}

TEST(SocketAddressTest, ReadsAndWritesUnixPaths) {
  const auto address = SocketAddress::unix_path("/run/x");
  EXPECT_TRUE(address.is_unix());
  EXPECT_EQ(address.host(), "/run/x");
  EXPECT_EQ(address.port(), 0);
  EXPECT_EQ(address.to_string(), "unix:/run/x");
}

TEST(SocketAddressTest, ReadsAndWritesAbstractNames) {
  const auto address = SocketAddress::unix_path("@name");
  EXPECT_EQ(reinterpret_cast<const sockaddr_un*>(address.data())->sun_path[0], '\0');
  EXPECT_EQ(address.size(), offsetof(sockaddr_un, sun_path) + 5);
  EXPECT_EQ(address.to_string(), "unix:@name");
}

TEST(SocketAddressTest, RefusesUnixPathsThatDoNotFit) {
  EXPECT_EQ(SocketAddress::unix_path("/" + std::string(106, 'x')).host().size(), 107u);
  EXPECT_THROW(SocketAddress::unix_path("/" + std::string(107, 'x')), Error);
  EXPECT_THROW(SocketAddress::unix_path(""), Error);
}

TEST(SocketAddressTest, ChangesThePortOnly) {
  EXPECT_EQ(numeric("1.2.3.4").with_port(9).to_string(), "1.2.3.4:9");
  EXPECT_EQ(numeric("fe80::1%lo").with_port(9).to_string(), "[fe80::1%lo]:9");
  EXPECT_EQ(SocketAddress::unix_path("/x").with_port(9).to_string(), "unix:/x");
}

TEST(SocketAddressTest, ComparesWhatTheAddressesSay) {
  sockaddr_in noisy{};
  noisy.sin_family = AF_INET;
  noisy.sin_port = htons(80);
  noisy.sin_addr.s_addr = htonl(0x01020304);
  noisy.sin_zero[3] = 9;
  EXPECT_EQ(SocketAddress(reinterpret_cast<const sockaddr*>(&noisy), sizeof noisy),
            numeric("1.2.3.4"));
  EXPECT_NE(numeric("1.2.3.4", 80), numeric("1.2.3.4", 81));
  EXPECT_NE(numeric("::1"), numeric("::2"));
  EXPECT_NE(numeric("0.0.0.0"), numeric("::"));
  EXPECT_NE(SocketAddress::unix_path("/x"), SocketAddress::unix_path("@x"));
  EXPECT_EQ(SocketAddress::unix_path("@x"), SocketAddress::unix_path("@x"));
}

TEST(SocketAddressTest, KnowsLoopbackAddresses) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(numeric(host).is_loopback()) << host;
  for (const char* host : {"128.0.0.1", "::", "::2", "::ffff:1.2.3.4"})
    EXPECT_FALSE(numeric(host).is_loopback()) << host;
  EXPECT_TRUE(numeric("::ffff:1.2.3.4").is_v4_mapped());
  EXPECT_FALSE(numeric("::1.2.3.4").is_v4_mapped());
}

TEST(SocketAddressTest, KnowsWildcardsAndHowToReachThem) {
  const auto reach = [](const char* host) {
    return SocketAddress::from_numeric(host, 80)->to_reach().to_string();
  };
  EXPECT_EQ(reach("0.0.0.0"), "127.0.0.1:80");
  EXPECT_EQ(reach("::"), "[::1]:80");
  EXPECT_EQ(reach("192.0.2.1"), "192.0.2.1:80");
  EXPECT_EQ(SocketAddress::unix_path("/x").to_reach().to_string(), "unix:/x");
  EXPECT_TRUE(SocketAddress::any(AF_INET6, 1).is_wildcard());
  EXPECT_FALSE(SocketAddress::from_numeric("::1", 1)->is_wildcard());
  EXPECT_FALSE(SocketAddress().is_wildcard());
}

TEST(SocketAddressTest, TellsBothEndsOfASocket) {
  const auto pair = test::tcp_pair();
  EXPECT_EQ(SocketAddress::local_of(pair.first.get()), SocketAddress::peer_of(pair.second.get()));
  EXPECT_EQ(SocketAddress::local_of(pair.first.get()).host(), "127.0.0.1");
}

TEST(SocketAddressTest, TellsOfUnnamedUnixSocketsNothing) {
  const auto pair = test::unix_pair();
  EXPECT_EQ(SocketAddress::peer_of(pair.first.get()).to_string(), "unix:");
  EXPECT_TRUE(SocketAddress::peer_of(pair.first.get()).is_unix());
}

TEST(SocketAddressTest, ThrowsWhereThereIsNoSocketOrNoPeer) {
  EXPECT_THROW(SocketAddress::local_of(-1), Error);
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  try {
    SocketAddress::peer_of(fd.get());
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.operation(), "getpeername");
    EXPECT_EQ(error_name(error.code()), "ENOTCONN");
  }
}

}  // namespace
}  // namespace ioa
