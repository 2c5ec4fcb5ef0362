#include "ioa/ares/reply_decoder.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/dns_message.hpp"

namespace ioa {
namespace {

using detail::decode_reply;
using detail::DecodedReply;
using test::address_record;
using test::alias_record;
using test::DnsMessage;
using test::DnsQuery;
using test::record;
using test::wire_name;
using test::wire_u16;
using test::wire_u32;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kName = "example.org";

/// The reply to a question for that name.
std::string reply(const DnsMessage& message, RecordType type) {
  DnsQuery query;
  query.bytes = wire_name(kName) + wire_u16(static_cast<std::uint16_t>(type)) + wire_u16(1);
  return message.wire(query);
}

DecodedReply decode(const std::string& wire, RecordType type) {
  return decode_reply({reinterpret_cast<const unsigned char*>(wire.data()), wire.size()}, type);
}

DecodedReply decode(const DnsMessage& message, RecordType type) {
  return decode(reply(message, type), type);
}

DnsCode code_of(const DecodedReply& decoded) { return static_cast<DnsCode>(decoded.code); }

/// What a record with this data is in text; "malformed" if it is.
std::string text_of(RecordType type, const std::string& data) {
  DnsMessage message;
  message.answers = {record(kName, static_cast<std::uint16_t>(type), 300, data)};
  const DecodedReply decoded = decode(message, type);
  if (decoded.records.size() == 1) return decoded.records[0].value;
  return code_of(decoded) == DnsCode::malformed ? "malformed" : "?";
}

std::string with_size(const std::string& text) { return static_cast<char>(text.size()) + text; }

TEST(ReplyDecoderTest, ReadsEveryTypeAsAZoneFileHasIt) {
  EXPECT_EQ(text_of(RecordType::a, {"\300\0\2\1", 4}), "192.0.2.1");
  EXPECT_EQ(
      text_of(RecordType::aaaa, std::string("\x20\x01\x0d\xb8") + std::string(11, '\0') + '\1'),
      "2001:db8::1");
  EXPECT_EQ(text_of(RecordType::ns, wire_name("ns.example.org")), "ns.example.org.");
  EXPECT_EQ(text_of(RecordType::cname, wire_name("other")), "other.");
  EXPECT_EQ(text_of(RecordType::ptr, wire_name("host.example.org")), "host.example.org.");
  EXPECT_EQ(text_of(RecordType::mx, wire_u16(10) + wire_name("mail")), "10 mail.");
  EXPECT_EQ(text_of(RecordType::mx, wire_u16(0) + wire_name("")), "0 .");
  EXPECT_EQ(text_of(RecordType::srv, wire_u16(1) + wire_u16(2) + wire_u16(443) + wire_name("h")),
            "1 2 443 h.");
  EXPECT_EQ(text_of(RecordType::soa, wire_name("ns") + wire_name("root") + wire_u32(2026112301) +
                                         wire_u32(3600) + wire_u32(600) + wire_u32(86400) +
                                         wire_u32(300)),
            "ns. root. 2026112301 3600 600 86400 300");
  EXPECT_EQ(text_of(RecordType::caa, std::string("\0\5issuex.org", 12)), "0 issue \"x.org\"");
}

TEST(ReplyDecoderTest, QuotesStrings) {
  EXPECT_EQ(text_of(RecordType::txt, with_size("v=spf1 -all")), "\"v=spf1 -all\"");
  EXPECT_EQ(
      text_of(RecordType::txt, with_size("a\"\\\x1b[31m\xff") + with_size("") + with_size("b")),
      "\"a\\\"\\\\\\027[31m\\255\" \"\" \"b\"");
  EXPECT_EQ(text_of(RecordType::txt, ""), "malformed");
  EXPECT_EQ(text_of(RecordType::txt, "\5ab"), "malformed");
}

TEST(ReplyDecoderTest, EscapesWhatANameMayHold) {
  EXPECT_EQ(text_of(RecordType::ptr, with_size("a.b\x1b") + std::string(1, '\0')), "a\\.b\\027.");
}

TEST(ReplyDecoderTest, ReadsTheParametersOfServices) {
  const auto parameter = [](std::uint32_t key, const std::string& value) {
    return wire_u16(key) + wire_u16(static_cast<std::uint32_t>(value.size())) + value;
  };
  EXPECT_EQ(text_of(RecordType::https, wire_u16(0) + wire_name("other")), "0 other.");
  EXPECT_EQ(
      text_of(RecordType::https,
              wire_u16(1) + wire_name("") + parameter(0, wire_u16(1) + wire_u16(4)) +
                  parameter(1, with_size("h2") + with_size("h3")) + parameter(2, "") +
                  parameter(3, wire_u16(8443)) +
                  parameter(4, std::string("\300\0\2\1\300\0\2\2", 8)) + parameter(5, "ech?") +
                  parameter(6, std::string(15, '\0') + '\1') + parameter(667, "hello")),
      "1 . mandatory=alpn,ipv4hint alpn=\"h2,h3\" no-default-alpn port=8443 "
      "ipv4hint=192.0.2.1,192.0.2.2 ech=ZWNoPw== ipv6hint=::1 key667=\"hello\"");
  // RFC 9460 appendix D.2, figure 10.
  EXPECT_EQ(text_of(RecordType::https, wire_u16(16) + wire_name("foo.example.org") +
                                           parameter(1, with_size("f\\oo,bar") + with_size("h2"))),
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"");
  EXPECT_EQ(text_of(RecordType::https, wire_u16(1) + wire_name("") + parameter(3, "x")),
            "malformed");
  EXPECT_EQ(text_of(RecordType::https, wire_u16(1) + wire_name("") + parameter(1, "\5h2")),
            "malformed");
  EXPECT_EQ(text_of(RecordType::https, wire_u16(1) + wire_name("") + parameter(4, "abc")),
            "malformed");
  EXPECT_EQ(text_of(RecordType::https, wire_u16(1) + wire_name("") + wire_u16(3)), "malformed");
}

TEST(ReplyDecoderTest, DataOfTheWrongSizeIsMalformed) {
  for (const std::size_t size : {0U, 3U, 5U})
    EXPECT_EQ(text_of(RecordType::a, std::string(size, 'x')), "malformed") << size;
  EXPECT_EQ(text_of(RecordType::aaaa, "1234"), "malformed");
  EXPECT_EQ(text_of(RecordType::mx, wire_u16(10) + wire_name("mail") + "x"), "malformed");
  EXPECT_EQ(text_of(RecordType::mx, "x"), "malformed");
  EXPECT_EQ(text_of(RecordType::soa, wire_name("ns") + wire_name("root") + wire_u32(1)),
            "malformed");
  EXPECT_EQ(text_of(RecordType::caa, "\1"), "malformed");
  EXPECT_EQ(text_of(RecordType::ns, "\7short"), "malformed");
}

TEST(ReplyDecoderTest, FollowsAliasesInAnyOrderAndTakesTheLeastTtl) {
  DnsMessage message;
  message.answers = {address_record("c", "192.0.2.1"), alias_record("b", "c"),
                     record(kName, 5, 60, wire_name("B")), address_record("other", "203.0.113.1")};
  const DecodedReply decoded = decode(message, RecordType::a);
  EXPECT_THAT(decoded.records, ElementsAre(DnsRecord{60, "192.0.2.1"}));
  EXPECT_EQ(decoded.canonical_name, "c");
}

TEST(ReplyDecoderTest, LeavesOutWhatBelongsToOtherNames) {
  DnsMessage message;
  message.answers = {address_record("other", "203.0.113.1"), address_record(kName, "192.0.2.1")};
  EXPECT_THAT(decode(message, RecordType::a).records, ElementsAre(DnsRecord{300, "192.0.2.1"}));
  message.answers.pop_back();
  EXPECT_EQ(code_of(decode(message, RecordType::a)), DnsCode::no_data);
}

TEST(ReplyDecoderTest, AnAliasIsARecordOfItsOwn) {
  DnsMessage message;
  message.answers = {alias_record(kName, "b"), alias_record("b", "c")};
  EXPECT_THAT(decode(message, RecordType::cname).records, ElementsAre(DnsRecord{300, "b."}));
  EXPECT_EQ(code_of(decode(message, RecordType::a)), DnsCode::no_data);
}

TEST(ReplyDecoderTest, AliasesThatLeadInACircleAreTold) {
  DnsMessage message;
  message.answers = {alias_record(kName, "b"), alias_record("b", kName)};
  EXPECT_EQ(code_of(decode(message, RecordType::aaaa)), DnsCode::alias_loop);
  message.answers = {alias_record(kName, kName)};
  EXPECT_EQ(code_of(decode(message, RecordType::mx)), DnsCode::alias_loop);
}

TEST(ReplyDecoderTest, SaysHowLongNothingMayBeRemembered) {
  DnsMessage message;
  message.authorities = {test::negative_record("org", 120)};
  EXPECT_EQ(decode(message, RecordType::a).negative_ttl_s, 120U);
  message.rcode = 3;
  EXPECT_EQ(decode(message, RecordType::a).negative_ttl_s, 120U);
  message.authorities = {test::negative_record("org", 999'999)};
  EXPECT_EQ(decode(message, RecordType::a).negative_ttl_s, 3600U) << "the record's own";
  message.authorities.clear();
  EXPECT_EQ(decode(message, RecordType::a).negative_ttl_s, 0U);
}

TEST(ReplyDecoderTest, ATtlThatIsNegativeIsNone) {
  DnsMessage message;
  message.answers = {record(kName, 12, 0x80000000, wire_name("x"))};
  EXPECT_EQ(decode(message, RecordType::ptr).records.at(0).ttl_s, 0U);
}

TEST(ReplyDecoderTest, WhatIsCutAnywhereIsMalformedOrLess) {
  DnsMessage message;
  message.answers = {alias_record(kName, "b"), record("b", 15, 300, wire_u16(1) + wire_name("m")),
                     record("b", 15, 300, wire_u16(2) + wire_name("n"))};
  const std::string whole = reply(message, RecordType::mx);
  EXPECT_THAT(decode(whole, RecordType::mx).records, SizeIs(2));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(code_of(decode(whole.substr(0, size), RecordType::mx)), DnsCode::malformed) << size;
}

TEST(ReplyDecoderTest, PointersThatLeadInACircleOrForwardAreMalformed) {
  for (const int target : {12 + 17, 12 + 18, 300, 0x3fff}) {  // to itself, forward, and out of it
    std::string wire = reply({}, RecordType::ptr);
    ASSERT_EQ(wire.size(), 29U);
    wire[7] = 1;
    wire += wire_u16(static_cast<std::uint32_t>(0xc000 | target)) + wire_u16(12) + wire_u16(1) +
            wire_u32(1) + wire_u16(2) + "\xc0\x0c";
    EXPECT_EQ(code_of(decode(wire, RecordType::ptr)), DnsCode::malformed) << target;
  }
}

TEST(ReplyDecoderTest, PointersThatLeadBackAreNames) {
  DnsMessage message;
  message.answers = {std::string("\xc0\x0c") + wire_u16(15) + wire_u16(1) + wire_u32(300) +
                     wire_u16(9) + wire_u16(5) + "\4mail\xc0\x0c"};
  EXPECT_THAT(decode(message, RecordType::mx).records,
              ElementsAre(DnsRecord{300, "5 mail.example.org."}));
}

TEST(ReplyDecoderTest, ANameHasAtMost255Bytes) {
  std::string name;
  for (int i = 0; i < 3; ++i) name += with_size(std::string(63, 'x'));
  EXPECT_EQ(text_of(RecordType::ptr, name + with_size(std::string(61, 'x')) + '\0').size(), 254U);
  EXPECT_EQ(text_of(RecordType::ptr, name + with_size(std::string(62, 'x')) + '\0'), "malformed");
}

TEST(ReplyDecoderTest, WhatWouldBeFarLargerInTextIsRefused) {
  DnsMessage message;
  std::string name;
  for (int i = 0; i < 3; ++i) name += with_size(std::string(63, '\1'));
  message.answers = {record(kName, 12, 1, name + '\0')};
  const std::size_t place = 12 + wire_name(kName).size() + 4 + wire_name(kName).size() + 10;
  const std::string pointer = wire_u16(static_cast<std::uint32_t>(0xc000 | place));
  for (int i = 0; i < 4000; ++i)
    message.answers.push_back("\xc0\x0c" + wire_u16(12) + wire_u16(1) + wire_u32(1) + wire_u16(2) +
                              pointer);
  EXPECT_LT(reply(message, RecordType::ptr).size(), 65'536U);
  EXPECT_EQ(code_of(decode(message, RecordType::ptr)), DnsCode::malformed);
}

TEST(ReplyDecoderTest, ManyAddressesAreAllTaken) {
  DnsMessage message;
  for (int i = 0; i < 1000; ++i)
    message.answers.push_back(
        address_record(kName, "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256)));
  EXPECT_THAT(decode(message, RecordType::a).records, SizeIs(1000));
}

TEST(RecordTypeTest, HasNamesInAnyCase) {
  for (const char* name :
       {"A", "AAAA", "PTR", "CNAME", "MX", "NS", "TXT", "SRV", "SOA", "CAA", "HTTPS"}) {
    const auto type = parse_record_type(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(record_type_name(*type), name);
  }
  EXPECT_EQ(parse_record_type("https"), RecordType::https);
  for (const char* name : {"", "AA", "ANY", "A ", "65"})
    EXPECT_EQ(parse_record_type(name), std::nullopt) << name;
}

TEST(DnsErrorTest, SymbolsAreThoseThatPeopleKnow) {
  EXPECT_EQ(error_name(DnsCode::no_such_name), "NXDOMAIN");
  EXPECT_EQ(error_name(DnsCode::server_failure), "SERVFAIL");
  EXPECT_EQ(error_name(std::error_code(9, dns_category())), "RCODE9");
  EXPECT_EQ(Error(ErrorKind::failed, DnsCode::refused, "resolve", "x").reason(),
            "the server refused (REFUSED)");
}

}  // namespace
}  // namespace ioa
