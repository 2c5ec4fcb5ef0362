#include "ioa/ares/ares_resolver.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioa/future/task_set.hpp"
#include "tests/support/recording_sink.hpp"
#include "tests/unit/ares/ares_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using test::address_record;
using test::always;
using test::DnsMessage;
using test::DnsQuery;
using test::DnsServer;
using test::hosts;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AresResolverTest : public test::AresTest {};

DnsMessage one_address(const DnsQuery& query, const std::string& address = "192.0.2.1") {
  DnsMessage message;
  message.answers = {address_record(query.name, address)};
  return message;
}

DnsMessage with_code(int rcode) {
  DnsMessage message;
  message.rcode = rcode;
  return message;
}

TEST_F(AresResolverTest, GivesRecordsWithTheirTtls) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    message.answers = {
        test::record(query.name, 15, 77, test::wire_u16(10) + test::wire_name("m.x"))};
    return {message.wire(query)};
  });
  const auto records = run(make(server).records("example.org", RecordType::mx));
  EXPECT_THAT(records, ElementsAre(DnsRecord{77, "10 m.x."}));
  ASSERT_EQ(server.count(), 1U);
  EXPECT_EQ(server.asked()[0].name, "example.org");
  EXPECT_TRUE(server.asked()[0].has_edns);
}

TEST_F(AresResolverTest, TellsHowAQuestionFails) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    if (query.name == "format") message.rcode = 1;
    if (query.name == "broken") message.rcode = 2;
    if (query.name == "nosuch") message.rcode = 3;
    if (query.name == "cannot") message.rcode = 4;
    if (query.name == "refused") message.rcode = 5;
    if (query.name == "strange") message.rcode = 9;
    if (query.name == "loop")
      message.answers = {test::alias_record("loop", "other"), test::alias_record("other", "loop")};
    std::string wire = message.wire(query);
    if (query.name == "cut") wire[7] = 1;  // one answer, which is not there
    return {wire};
  });
  make(server);
  EXPECT_EQ(failure("format"), "FORMERR");
  EXPECT_EQ(failure("broken"), "SERVFAIL");
  EXPECT_EQ(failure("nosuch"), "NXDOMAIN");
  EXPECT_EQ(failure("cannot"), "NOTIMP");
  EXPECT_EQ(failure("refused"), "REFUSED");
  EXPECT_EQ(failure("strange"), "RCODE9");
  EXPECT_EQ(failure("loop"), "CNAME_LOOP");
  EXPECT_EQ(failure("cut"), "malformed");
  EXPECT_EQ(failure("nothing"), "NODATA");
}

TEST_F(AresResolverTest, SaysInItsErrorWhatWasAskedAndWhyItFailed) {
  DnsServer server(always(with_code(3)));
  const Error error = error_of(make(server).records("no.such", RecordType::a));
  EXPECT_STREQ(error.what(), "resolve no.such: no such name (NXDOMAIN)");
  EXPECT_EQ(error.code(), DnsCode::no_such_name);
}

TEST_F(AresResolverTest, NamesThatCannotBeAskedForFailAtOnce) {
  DnsServer server(always({}));
  make(server);
  for (const std::string& name :
       {std::string(), std::string("a..b"), std::string(64, 'x'), std::string("good\0evil", 9)})
    EXPECT_EQ(failure(name), "BADNAME") << name;
  EXPECT_EQ(failure("x.onion"), "NXDOMAIN") << "RFC 7686: it does not leave this host";
  EXPECT_EQ(server.count(), 0U);
}

TEST_F(AresResolverTest, AsksAgainWhatIsNotAnswered) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    if (query.number == 0) return {};
    return {one_address(query).wire(query)};
  });
  auto future = make(server).records("example.org", RecordType::a);
  wait_for(server, 1);
  fake.advance(1999ms);
  EXPECT_FALSE(settles(future));
  EXPECT_EQ(server.count(), 1U);
  fake.advance(1ms);
  EXPECT_THAT(run(std::move(future)), SizeIs(1));
  EXPECT_EQ(server.count(), 2U);
}

TEST_F(AresResolverTest, AnAnswerCountsHoweverLateItIs) {
  std::string first;
  DnsServer server([&first](const DnsQuery& query) -> DnsServer::Replies {
    if (query.number == 0) {
      first = one_address(query, "192.0.2.7").wire(query);
      return {};
    }
    return {first};  // and none to the second
  });
  auto future = make(server).records("example.org", RecordType::a);
  wait_for(server, 1);
  fake.advance(2s);
  EXPECT_EQ(run(std::move(future)).at(0).value, "192.0.2.7");
}

TEST_F(AresResolverTest, GivesUpAfterTheLastAttemptHadItsTime) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  options_.attempts = 2;
  options_.attempt_delay = 500ms;
  auto future = make(server).records("example.org", RecordType::a);
  wait_for(server, 1);
  fake.advance(500ms);
  wait_for(server, 2);
  fake.advance(499ms);
  EXPECT_FALSE(settles(future));
  fake.advance(1ms);
  const Error error = error_of(std::move(future));
  EXPECT_EQ(error.kind(), ErrorKind::timeout);
  EXPECT_STREQ(error.what(), "resolve example.org: timed out after 1s");
  EXPECT_EQ(server.count(), 2U);
}

TEST_F(AresResolverTest, AnotherServerIsAskedAtOnceWhereOneCannotAnswer) {
  DnsServer broken(always(with_code(2)));
  DnsServer unwilling(always(with_code(5)));
  DnsServer good(hosts({{"example.org", {"192.0.2.1"}}}));
  make({&broken, &unwilling, &good});
  EXPECT_THAT(values("example.org"), ElementsAre("192.0.2.1"));
  EXPECT_EQ(broken.count() + unwilling.count() + good.count(), 3U);
  EXPECT_EQ(failure("nosuch"), "NXDOMAIN");
  EXPECT_EQ(good.count(), 2U) << "who has answered is asked first";
  EXPECT_EQ(broken.count(), 1U);
}

TEST_F(AresResolverTest, AServerThatRefusesIsNotAskedAgainOneThatFailsIs) {
  DnsServer unwilling(always(with_code(5)));
  make(unwilling);
  EXPECT_EQ(failure("a"), "REFUSED");
  EXPECT_EQ(unwilling.count(), 1U);
  DnsServer recovers([](const DnsQuery& query) -> DnsServer::Replies {
    return {query.number < 2 ? with_code(2).wire(query) : one_address(query).wire(query)};
  });
  options_.servers.clear();
  make(recovers);
  EXPECT_THAT(values("a"), ElementsAre("192.0.2.1"));
  EXPECT_EQ(recovers.count(), 3U);
}

TEST_F(AresResolverTest, AServerThatIsNotThereIsAnErrorThatNamesIt) {
  DnsServer gone(always({}));
  const std::string text = gone.text();
  make(gone);
  gone.stop();
  const Error error = error_of(resolver_->records("example.org", RecordType::a));
  EXPECT_EQ(error_name(error.code()), "ECONNREFUSED");
  EXPECT_EQ(error.detail(), "server " + text);
}

TEST_F(AresResolverTest, ADeadServerIsPassedOver) {
  DnsServer gone(always({}));
  DnsServer good(hosts({{"example.org", {"192.0.2.1"}}}));
  make({&gone, &good});
  gone.stop();
  EXPECT_THAT(values("example.org"), ElementsAre("192.0.2.1"));
}

TEST_F(AresResolverTest, WhatIsTruncatedIsAskedByTcp) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message = one_address(query);
    message.is_truncated = !query.is_tcp;
    if (query.is_tcp)
      for (int i = 0; i < 300; ++i)
        message.answers.push_back(
            address_record(query.name, "198.51.100." + std::to_string(i % 256)));
    return {message.wire(query)};
  });
  make(server);
  EXPECT_THAT(values("large"), SizeIs(301));
  EXPECT_EQ(server.count(), 2U);
  EXPECT_TRUE(server.asked()[1].is_tcp);
}

TEST_F(AresResolverTest, AServerThatEndsItsConnectionsIsAskedAgainAndThenGivenUp) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    if (query.is_tcp) return {};
    DnsMessage message;
    message.is_truncated = true;
    return {message.wire(query)};
  });
  make(server);
  EXPECT_EQ(failure("large"), "ECONNRESET");
  EXPECT_EQ(server.count(), 6U);
}

TEST_F(AresResolverTest, AServerWithoutEdnsIsAskedWithoutItFromThenOn) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    return {query.has_edns ? with_code(1).wire(query) : one_address(query).wire(query)};
  });
  make(server);
  EXPECT_THAT(values("a"), ElementsAre("192.0.2.1"));
  EXPECT_THAT(values("b"), ElementsAre("192.0.2.1"));
  EXPECT_EQ(server.count(), 3U);
}

TEST_F(AresResolverTest, RepliesThatDoNotMatchAreNotTaken) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage wrong_number = one_address(query, "203.0.113.1");
    wrong_number.id_offset = 1;
    DnsMessage wrong_question = one_address(query, "203.0.113.2");
    wrong_question.question = test::wire_name("evil") + test::wire_u16(1) + test::wire_u16(1);
    DnsMessage no_response = one_address(query, "203.0.113.3");
    no_response.is_response = false;
    return {
        wrong_number.wire(query),      wrong_question.wire(query), no_response.wire(query), "", "x",
        one_address(query).wire(query)};
  });
  make(server);
  EXPECT_THAT(values("example.org"), ElementsAre("192.0.2.1"));
}

TEST_F(AresResolverTest, NothingButGarbageIsToldFromSilence) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    if (query.name == "next") return {one_address(query).wire(query)};
    return {test::wire_u16(query.id) + "\x80garbage"};
  });
  options_.attempts = 1;
  auto future = make(server).records("example.org", RecordType::a);
  values("next");  // whose reply comes after the garbage
  EXPECT_FALSE(settles(future)) << "somebody may have guessed the number";
  fake.advance(2s);
  EXPECT_EQ(symbol(error_of(std::move(future))), "malformed");
}

TEST_F(AresResolverTest, TheSameQuestionAtTheSameTimeIsOne) {
  DnsServer server(hosts({{"example.org", {"192.0.2.1"}}}));
  make(server);
  auto first = resolver_->records("example.org", RecordType::a);
  auto second = resolver_->records("EXAMPLE.org", RecordType::a);
  auto dropped = resolver_->records("example.org", RecordType::a);
  EXPECT_EQ(resolver_->in_flight(), 1U);
  dropped.cancel();
  EXPECT_THAT(run(std::move(first)), SizeIs(1));
  EXPECT_THAT(run(std::move(second)), SizeIs(1));
  EXPECT_EQ(server.count(), 1U);
}

TEST_F(AresResolverTest, DroppingTheLastOneWhoWaitsTakesTheQuestionAlong) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  auto future = make(server).records("example.org", RecordType::a);
  wait_for(server, 1);
  future.cancel();
  EXPECT_EQ(resolver_->in_flight(), 0U);
  EXPECT_THAT(sink.lines("resolve.failed"), SizeIs(1));
  test::turn_while_busy(loop);
  EXPECT_TRUE(loop.timers().empty()) << "nothing is left to wait for";
  loop.set_event_sink(nullptr);
}

TEST_F(AresResolverTest, DestroyingItFailsWhatIsPending) {
  DnsServer server([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  auto future = make(server).records("example.org", RecordType::a);
  LookupRequest request;
  request.host = "other";
  auto addresses = resolver_->resolve(request);
  wait_for(server, 3);
  resolver_.reset();
  EXPECT_EQ(error_of(std::move(future)).kind(), ErrorKind::abandoned);
  EXPECT_EQ(error_of(std::move(addresses)).kind(), ErrorKind::abandoned);
}

Future<> destroy_after(std::unique_ptr<AresResolver>& resolver, bool& is_done) {
  DnsReply reply = co_await resolver->ask("example.org", RecordType::a);
  EXPECT_FALSE(reply.failure);
  resolver.reset();
  is_done = true;
}

TEST_F(AresResolverTest, MayBeDestroyedByWhoGetsItsAnswer) {
  DnsServer server(hosts({{"example.org", {"192.0.2.1"}}}));
  make(server);
  auto pending = resolver_->records("nosuch", RecordType::a);
  bool is_done = false;
  auto task = destroy_after(resolver_, is_done);
  run(std::move(task));
  EXPECT_TRUE(is_done);
  EXPECT_TRUE(settles(pending));
}

TEST_F(AresResolverTest, HoldsNoMoreQuestionsThanItMay) {
  std::atomic<int> answered = 0;
  DnsServer server([&](const DnsQuery& query) -> DnsServer::Replies {
    ++answered;
    return {one_address(query).wire(query)};
  });
  options_.max_in_flight = 3;
  make(server);
  std::vector<Future<DnsReply>> replies;
  for (int i = 0; i < 50; ++i)
    replies.push_back(resolver_->ask("h" + std::to_string(i), RecordType::a));
  EXPECT_EQ(resolver_->in_flight(), 50U);
  replies.erase(replies.begin() + 40, replies.end());  // taken out of the line
  for (auto& reply : replies) EXPECT_FALSE(run(std::move(reply)).failure);
  EXPECT_EQ(answered, 40);
}

TEST_F(AresResolverTest, TellsEventsOfEachQuestion) {
  DnsServer server(hosts({{"example.org", {"192.0.2.1"}}}));
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  make(server);
  EXPECT_THAT(values("example.org"), SizeIs(1));
  EXPECT_EQ(failure("nosuch"), "NXDOMAIN");
  EXPECT_THAT(
      sink.lines(),
      ElementsAre("resolve.start name=example.org service= family=any type=A",
                  "resolve.done name=example.org service= family=any type=A records=[192.0.2.1] "
                  "duration_ms=*",
                  "resolve.start name=nosuch service= family=any type=A",
                  "resolve.failed name=nosuch service= family=any type=A error=NXDOMAIN "
                  "message=no such name (NXDOMAIN) duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(AresResolverTest, KeepsAnswersAsLongAsTheirTtlsAllow) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message = one_address(query);
    if (query.name == "nosuch") {
      message.rcode = 3;
      message.answers.clear();
      message.authorities = {test::negative_record("zone", 60)};
    }
    return {message.wire(query)};
  });
  options_.cache_capacity = 100;
  make(server);
  EXPECT_THAT(values("example.org"), SizeIs(1));
  EXPECT_EQ(failure("nosuch"), "NXDOMAIN");
  fake.advance(59s);
  auto known = resolver_->records("Example.org", RecordType::a);
  ASSERT_TRUE(known.ready());
  EXPECT_EQ(known.get().at(0).ttl_s, 241U);
  EXPECT_EQ(failure("nosuch"), "NXDOMAIN");
  EXPECT_EQ(server.count(), 2U);
  fake.advance(1s);
  EXPECT_EQ(failure("nosuch"), "NXDOMAIN");
  EXPECT_EQ(server.count(), 3U);
  fake.advance(240s);
  EXPECT_THAT(values("example.org"), SizeIs(1));
  EXPECT_EQ(server.count(), 4U);
}

TEST_F(AresResolverTest, KeepsNothingUnlessItIsAskedTo) {
  DnsServer server(hosts({{"example.org", {"192.0.2.1"}}}));
  make(server);
  values("example.org");
  values("example.org");
  EXPECT_EQ(server.count(), 2U);
  EXPECT_EQ(resolver_->cached(), 0U);
}

TEST_F(AresResolverTest, LeavesNoSocketOpenWhileItHasNothingToAsk) {
  DnsServer server(hosts({{"example.org", {"192.0.2.1"}}}));
  make(server);
  values("example.org");
  test::turn_while_busy(loop);
  EXPECT_THAT(fake.watched().descriptors, IsEmpty());
}

}  // namespace
}  // namespace ioa
