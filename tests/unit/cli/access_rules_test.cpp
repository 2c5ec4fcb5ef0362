#include "cli/commands/listen/access_rules.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "cli/commands/listen/address_set.hpp"

namespace ioa::cli {
namespace {

IpAddress ip(std::string_view text) {
  return *IpAddress::of(*SocketAddress::from_numeric(text, 4711));
}

/// Whether the rules of `text` mean this address.
bool means(std::string_view text, std::string_view address) {
  return read_access_rules(text).addresses.contains(ip(address));
}

std::string complaint(std::string_view text) {
  try {
    read_access_rules(text);
    return "no complaint";
  } catch (const AccessRuleError& error) {
    return std::to_string(error.line()) + ": " + error.rule() + ": " + error.expected();
  }
}

TEST(AccessRulesTest, AnAddressMeansItself) {
  EXPECT_TRUE(means("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(means("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(means("2001:db8::1", "2001:DB8:0:0::1"));
  EXPECT_FALSE(means("2001:db8::1", "2001:db8::2"));
}

TEST(AccessRulesTest, APrefixMeansAllThatBeginLikeIt) {
  EXPECT_TRUE(means("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(means("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(means("192.0.2.128/25", "192.0.2.128"));
  EXPECT_FALSE(means("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(means("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(means("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(means("0.0.0.0/0", "203.0.113.9"));
  EXPECT_TRUE(means("::/0", "fe80::1"));
}

TEST(AccessRulesTest, BitsBehindThePrefixCountForNothing) {
  EXPECT_TRUE(means("10.1.2.3/8", "10.200.0.1"));
  EXPECT_TRUE(means("2001:db8::1/32", "2001:db8:ffff::"));
  EXPECT_EQ(parse_address_prefix("10.1.2.3/8"), parse_address_prefix("10.0.0.0/8"));
}

TEST(AccessRulesTest, AMappedPeerIsAnIpv4Peer) {
  EXPECT_TRUE(means("127.0.0.0/8", "::ffff:127.0.0.1"));
  EXPECT_TRUE(means("::ffff:10.0.0.0/104", "10.1.1.1"));
  EXPECT_TRUE(means("::ffff:10.0.0.1", "10.0.0.1"));
  EXPECT_FALSE(means("127.0.0.0/8", "::127.0.0.1"));
}

TEST(AccessRulesTest, NoPrefixOfIpv6MeansAnIpv4Address) {
  EXPECT_FALSE(means("::/0", "127.0.0.1"));
  EXPECT_FALSE(means("::/0", "::ffff:127.0.0.1"));
  EXPECT_TRUE(means("::/0\n0.0.0.0/0", "127.0.0.1"));
}

TEST(AccessRulesTest, AZoneIsComparedWhereOneIsGiven) {
  EXPECT_TRUE(means("fe80::%lo/64", "fe80::1%lo"));
  EXPECT_FALSE(means("fe80::%lo/64", "fe80::1%7777"));
  EXPECT_TRUE(means("fe80::/64", "fe80::1%7777"));
  EXPECT_TRUE(means("fe80::1%lo", "fe80::1%lo"));
  EXPECT_EQ(complaint("fe80::1%nowhere"),
            "1: fe80::1%nowhere: expected an address with a zone that exists here");
}

TEST(AccessRulesTest, WhatLiesWithinAnotherPrefixChangesNothing) {
  const std::string_view rules = "10.0.0.0/8\n10.1.0.0/16\n10.0.0.0/24\n10.255.255.255\n10.0.0.0/8";
  for (const char* address : {"10.0.0.0", "10.0.1.0", "10.1.0.0", "10.2.0.0", "10.255.255.255"})
    EXPECT_TRUE(means(rules, address)) << address;
  EXPECT_FALSE(means(rules, "9.255.255.255"));
  EXPECT_FALSE(means(rules, "11.0.0.0"));
}

TEST(AccessRulesTest, ManyRulesAreSearchedNotWalked) {
  std::string text;
  for (int i = 0; i < 65536; ++i)
    text += "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".7\n";
  const AccessList list = read_access_rules(text);
  for (int i = 0; i < 65536; ++i) {
    const std::string net = "10." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    ASSERT_TRUE(list.addresses.contains(ip(net + ".7")));
    ASSERT_FALSE(list.addresses.contains(ip(net + ".8")));
  }
}

TEST(AccessRulesTest, ATextHasOneRuleALineAndComments) {
  const AccessList list = read_access_rules(
      "# who may come\n\n  10.0.0.1\t# the printer\r\n\texample.org \nlocalhost# no blank\n::1");
  EXPECT_TRUE(list.addresses.contains(ip("10.0.0.1")));
  EXPECT_TRUE(list.addresses.contains(ip("::1")));
  EXPECT_EQ(list.names, (std::vector<std::string>{"example.org", "localhost"}));
  EXPECT_TRUE(read_access_rules("").empty());
  EXPECT_TRUE(read_access_rules("\n# nothing\n \n").empty());
}

TEST(AccessRulesTest, SaysWhichLineItCannotRead) {
  EXPECT_EQ(complaint("10.0.0.1\n\n10.0.0.0/33\n"),
            "3: 10.0.0.0/33: expected a prefix such as 10.0.0.0/8 (a length of 0 to 32) or "
            "fe80::/10 (0 to 128)");
  EXPECT_EQ(complaint("two words"),
            "1: two words: expected an address, a prefix such as 10.0.0.0/8 or fe80::/10, or the "
            "name of a host");
}

TEST(AccessRulesTest, RefusesAddressesWithASlipInThem) {
  for (const char* text : {"10/8",
                           "10.0/16",
                           "10",
                           "10.1",
                           "256.0.0.1",
                           "1.2.3.4.5",
                           "10.0.0.0/",
                           "10.0.0.0/-1",
                           "10.0.0.0/08",
                           "10.0.0.0/255.0.0.0",
                           "10.0.0.0/8/8",
                           "::/129",
                           "::1/",
                           "/8",
                           "[::1]",
                           ":::",
                           "0x7f000001",
                           "0x7f.1",
                           "*.example.org",
                           "-name",
                           ".",
                           "a..",
                           "10.0.0.1 10.0.0.2",
                           "fe80::/64%lo",
                           "example.org:80"}) {
    EXPECT_NE(complaint(text), "no complaint") << text;
  }
  EXPECT_EQ(complaint("7of9"), "no complaint");
  EXPECT_EQ(complaint("m\xc3\xbcnchen.example"), "no complaint");
  EXPECT_EQ(complaint("a.example."), "no complaint");
  EXPECT_NE(complaint(std::string(254, 'a')), "no complaint");
}

TEST(AccessRulesTest, BoundsWhatItTakes) {
  std::string names;
  for (std::size_t i = 0; i <= kMaxAccessNames; ++i) names += "n" + std::to_string(i) + "x\n";
  EXPECT_EQ(complaint(names), "1001: n1000x: expected no more than 1000 names");
  std::string rules;
  for (std::size_t i = 0; i <= kMaxAccessRules; ++i) rules += "::\n";
  EXPECT_EQ(complaint(rules), "1000001: ::: expected no more than 1000000 rules");
}

}  // namespace
}  // namespace ioa::cli
