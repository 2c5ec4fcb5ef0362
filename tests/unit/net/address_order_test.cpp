#include "ioa/net/address_order.hpp"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ioa {
namespace {

using ::testing::ElementsAre;

/// Each with the address that it would be reached from; an empty one: it cannot be reached.
using Routes = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> ordered(const Routes& routes) {
  std::map<std::string, std::string> sources(routes.begin(), routes.end());
  std::vector<ResolvedAddress> addresses;
  for (const auto& [address, source] : routes)
    addresses.push_back({*SocketAddress::from_numeric(address, 0), SOCK_STREAM, 0});
  order_addresses(addresses, [&](const SocketAddress& peer) {
    return SocketAddress::from_numeric(sources.at(peer.host()), 0);
  });
  std::vector<std::string> texts;
  for (const ResolvedAddress& each : addresses) texts.push_back(each.address.host());
  return texts;
}

// The examples of RFC 6724 s10.2.
TEST(AddressOrderTest, PrefersMatchingScope) {
  EXPECT_THAT(ordered({{"198.51.100.121", "169.254.13.78"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
              ElementsAre("2001:db8:1::1", "198.51.100.121"));
  EXPECT_THAT(ordered({{"2001:db8:1::1", "fe80::1"}, {"198.51.100.121", "198.51.100.117"}}),
              ElementsAre("198.51.100.121", "2001:db8:1::1"));
}

TEST(AddressOrderTest, PrefersHigherPrecedence) {
  EXPECT_THAT(ordered({{"10.1.2.3", "10.1.2.4"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
              ElementsAre("2001:db8:1::1", "10.1.2.3"));
}

TEST(AddressOrderTest, PrefersSmallerScope) {
  EXPECT_THAT(ordered({{"2001:db8:1::1", "2001:db8:1::2"}, {"fe80::1", "fe80::2"}}),
              ElementsAre("fe80::1", "2001:db8:1::1"));
}

TEST(AddressOrderTest, PrefersMatchingLabel) {
  EXPECT_THAT(
      ordered({{"2001:db8:1::1", "2002:c633:6401::2"}, {"2002:c633:6401::1", "2002:c633:6401::2"}}),
      ElementsAre("2002:c633:6401::1", "2001:db8:1::1"));
}

TEST(AddressOrderTest, AvoidsWhatCannotBeReached) {
  EXPECT_THAT(ordered({{"2001:db8:1::1", ""}, {"192.0.2.1", "192.0.2.2"}}),
              ElementsAre("192.0.2.1", "2001:db8:1::1"));
}

TEST(AddressOrderTest, PrefersTheLongerPrefixForIpv6Only) {
  EXPECT_THAT(ordered({{"2001:db8:3ffe::1", "2001:db8:1::2"}, {"2001:db8:1::1", "2001:db8:1::2"}}),
              ElementsAre("2001:db8:1::1", "2001:db8:3ffe::1"));
  EXPECT_THAT(ordered({{"203.0.113.1", "192.0.2.9"}, {"192.0.2.1", "192.0.2.9"}}),
              ElementsAre("203.0.113.1", "192.0.2.1"));
}

TEST(AddressOrderTest, LeavesEqualsAsTheyCome) {
  EXPECT_THAT(
      ordered({{"192.0.2.3", "192.0.2.9"}, {"192.0.2.1", "192.0.2.9"}, {"192.0.2.2", "192.0.2.9"}}),
      ElementsAre("192.0.2.3", "192.0.2.1", "192.0.2.2"));
}

TEST(AddressOrderTest, KnowsWhereTheSystemWouldSendFrom) {
  const auto source = source_address_for(*SocketAddress::from_numeric("127.0.0.1", 0));
  ASSERT_TRUE(source);
  EXPECT_EQ(source->host(), "127.0.0.1");
}

}  // namespace
}  // namespace ioa
