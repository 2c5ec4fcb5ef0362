#include "ioa/ares/udp_channel.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ioa/ares/ares_resolver.hpp"
#include "tests/unit/ares/ares_fixture.hpp"

namespace ioa {
namespace {

using test::address_record;
using test::DnsMessage;
using test::DnsQuery;
using test::DnsServer;
using test::wire_name;
using test::wire_u16;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class UdpChannelTest : public test::AresTest {};

DnsMessage address_reply(const DnsQuery& query, const std::string& address) {
  DnsMessage message;
  message.answers = {address_record(query.name, address)};
  return message;
}

TEST_F(UdpChannelTest, AReplyMayHaveItsQuestionInOtherLetters) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message = address_reply(query, "192.0.2.1");
    message.question = wire_name("EXAMPLE.oRG") + wire_u16(1) + wire_u16(1);
    return {message.wire(query)};
  });
  make(server);
  EXPECT_THAT(values("exAmple.org"), ElementsAre("192.0.2.1"));
}

TEST_F(UdpChannelTest, OnlyAReplyToTheWholeQuestionIsTaken) {
  constexpr std::uint32_t kHttps = 65;  // 'A', and 97 is 'a'
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    const auto to = [&](const std::string& question, const std::string& target) {
      DnsMessage message;
      message.question = question;
      message.answers = {test::record(query.name, kHttps, 300, wire_u16(0) + wire_name(target))};
      return message.wire(query);
    };
    return {to(wire_name("a.org") + wire_u16(kHttps + 32) + wire_u16(1), "type"),
            to(wire_name("a.org") + wire_u16(kHttps) + wire_u16(3), "class"),
            to(wire_name("a.or") + wire_u16(kHttps) + wire_u16(1), "shorter"),
            to(wire_name("a.org.x") + wire_u16(kHttps) + wire_u16(1), "longer"),
            to(wire_name("a\3org") + wire_u16(kHttps) + wire_u16(1), "otherwise"),
            to(std::string("\300\014", 2) + wire_u16(kHttps) + wire_u16(1), "itself"),
            to(wire_name("a.org") + wire_u16(kHttps) + wire_u16(1), "right")};
  });
  make(server);
  EXPECT_THAT(values("a.org", RecordType::https), ElementsAre("0 right."));
}

TEST_F(UdpChannelTest, AReplyToWhatNobodyWaitsForIsPassedOver) {
  std::vector<std::string> late;
  DnsServer server([&late](const DnsQuery& query) -> DnsServer::Replies {
    late.push_back(address_reply(query, "192.0.2." + std::to_string(late.size())).wire(query));
    if (query.name == "dropped") return {};
    return {late.begin(), late.end()};
  });
  make(server);
  auto dropped = resolver_->records("dropped", RecordType::a);
  wait_for(server, 1);
  dropped.cancel();
  EXPECT_THAT(values("wanted"), ElementsAre("192.0.2.1"));
}

TEST_F(UdpChannelTest, WhatFailsInAllItsAttemptsFailsOnce) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  make(server);
  std::vector<Future<DnsReply>> replies;
  for (const char* name : {"a", "b", "c"}) replies.push_back(resolver_->ask(name, RecordType::a));
  wait_for(server, 3);
  fake.advance(std::chrono::seconds(2));
  wait_for(server, 6);
  server.stop();
  fake.advance(std::chrono::seconds(2));  // the third time tells that nobody is there
  for (auto& each : replies) {
    const DnsReply reply = run(std::move(each));
    ASSERT_TRUE(reply.failure);
    EXPECT_EQ(error_name(reply.failure->code()), "ECONNREFUSED");
  }
  EXPECT_EQ(resolver_->in_flight(), 0U);
}

TEST_F(UdpChannelTest, ANetworkThatIsNotThereIsAnErrorAtOnce) {
  options_.servers = {*SocketAddress::from_numeric("255.255.255.255", 53)};
  resolver_ = std::make_unique<AresResolver>(loop, system_, options_);
  EXPECT_THAT(failure("example.org"), AnyOf("EACCES", "ENETUNREACH"));
  test::turn_while_busy(loop);
  EXPECT_THAT(fake.watched().descriptors, IsEmpty());
}

TEST_F(UdpChannelTest, ManyQuestionsAreAnsweredWhateverTheirOrder) {
  std::vector<std::string> kept;
  DnsServer server([&kept](const DnsQuery& query) -> DnsServer::Replies {
    kept.push_back(address_reply(query, "192.0.2.1").wire(query));
    if (kept.size() < 700) return {};
    return {kept.rbegin(), kept.rend()};
  });
  make(server);
  std::vector<Future<DnsReply>> replies;
  for (int i = 0; i < 700; ++i)
    replies.push_back(resolver_->ask("h" + std::to_string(i), RecordType::a));
  for (auto& each : replies) EXPECT_THAT(run(std::move(each)).records, SizeIs(1));
}

/// Notes how it ended, and asks again as often as it is told.
class Asking final : public detail::AresProbe {
 public:
  Asking(detail::UdpChannel& channel, std::vector<std::string>& log, int again)
      : channel_(channel), log_(log), again_(again) {}

  void ask() {
    // A question for A records of the root, as c-ares allocates them.
    constexpr std::array<unsigned char, 17> kQuery{0, 0, 1, 0, 0, 1, 0, 0, 0,
                                                   0, 0, 0, 0, 0, 1, 0, 1};
    detail::AresQuery query;
    query.bytes.reset(static_cast<unsigned char*>(std::malloc(kQuery.size())));
    std::copy(kQuery.begin(), kQuery.end(), query.bytes.get());
    query.size = kQuery.size();
    channel_.ask(*this, std::move(query));
  }

 private:
  void ended(End end, std::span<const unsigned char>) noexcept override {
    log_.emplace_back(end == End::broken ? "broken" : end == End::dropped ? "dropped" : "reply");
    if (again_-- > 0) ask();
  }

  detail::UdpChannel& channel_;
  std::vector<std::string>& log_;
  int again_;
};

TEST_F(UdpChannelTest, WhatIsAskedWhileAllOthersEndIsNotAmongThem) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  auto channel = std::make_unique<detail::UdpChannel>(loop, server.address(), 4096);
  server.stop();
  std::vector<std::string> log;
  Asking first(*channel, log, 1);
  Asking second(*channel, log, 0);
  first.ask();
  second.ask();
  test::turn_until(
      loop, [&] { return poke() && log.size() >= 2; }, "the server's refusal");
  EXPECT_THAT(log, ElementsAre("broken", "broken"));
  EXPECT_EQ(channel->last_error(), ECONNREFUSED);
  EXPECT_EQ(channel->pending(), 1U);
  channel.reset();
  EXPECT_THAT(log, ElementsAre("broken", "broken", "dropped"));
}

}  // namespace
}  // namespace ioa
