#include "ioa/net/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <memory>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/recording_sink.hpp"
#include "tests/unit/net/resolver_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using test::request_for;
using test::texts;
using ResolverTest = test::ResolverTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(ResolverTest, AnswersNumericRequestsAtOnceWithoutAThread) {
  const std::vector<std::pair<std::string, std::string>> table{{"192.0.2.1", "192.0.2.1:80"},
                                                               {"127.1", "127.0.0.1:80"},
                                                               {"::1", "[::1]:80"},
                                                               {"fe80::1%lo", "[fe80::1%lo]:80"}};
  for (const auto& [host, text] : table) {
    auto future = resolver_->resolve(request_for(host));
    ASSERT_TRUE(future.ready()) << host;
    EXPECT_THAT(texts(future.get()), ElementsAre(text));
  }
  EXPECT_EQ(resolver_->threads().threads(), 0u);
  EXPECT_THAT(names_.asked(), IsEmpty());
}

TEST_F(ResolverTest, GivesSocktypeAndProtocolWithAnAddress) {
  auto request = request_for("::1");
  request.socktype = SOCK_DGRAM;
  const auto result = resolver_->resolve(request).get();
  EXPECT_EQ(result.addresses.at(0).socktype, SOCK_DGRAM);
  EXPECT_EQ(result.addresses.at(0).protocol, IPPROTO_UDP);
  request.socktype = 0;
  EXPECT_THAT(resolver_->resolve(request).get().addresses, SizeIs(3));
}

TEST_F(ResolverTest, TakesAnEmptyHostForThisHostOrForEveryAddressOfIt) {
  auto request = request_for("", "");
  EXPECT_THAT(texts(resolver_->resolve(request).get()), ElementsAre("[::1]:0", "127.0.0.1:0"));
  request.passive = true;
  EXPECT_THAT(texts(resolver_->resolve(request).get()), ElementsAre("[::]:0", "0.0.0.0:0"));
  request.family = Family::ipv4;
  EXPECT_THAT(texts(resolver_->resolve(request).get()), ElementsAre("0.0.0.0:0"));
}

TEST_F(ResolverTest, LooksUpAServiceNameOnAThreadEvenIfTheHostIsNumeric) {
  names_.set("127.0.0.1", {"127.0.0.1"});
  auto future = resolver_->resolve(request_for("127.0.0.1", "http"));
  EXPECT_FALSE(future.ready());
  EXPECT_EQ(error_of(std::move(future)).code(), std::error_code(EAI_SERVICE, gai_category()));
  ASSERT_THAT(names_.asked(), SizeIs(1));
  EXPECT_EQ(names_.asked()[0].service, "http");
  EXPECT_NE(names_.asked()[0].flags & AI_NUMERICHOST, 0);
}

TEST_F(ResolverTest, RefusesANameAtOnceWhereOnlyNumbersAreAllowed) {
  auto request = request_for("example");
  request.numeric_host = true;
  auto future = resolver_->resolve(request);
  ASSERT_TRUE(future.has_failed());
  EXPECT_STREQ(error_of(std::move(future)).what(),
               "resolve example: Name or service not known (EAI_NONAME)");
}

TEST_F(ResolverTest, RefusesAnAddressOfTheOtherFamilyAtOnce) {
  auto request = request_for("127.0.0.1");
  request.family = Family::ipv6;
  auto future = resolver_->resolve(request);
  ASSERT_TRUE(future.has_failed());
  EXPECT_EQ(error_name(error_of(std::move(future)).code()), "EAI_ADDRFAMILY");
}

TEST_F(ResolverTest, RefusesNamesThatTheCLibraryWouldCut) {
  auto future = resolver_->resolve(request_for(std::string("good\0evil", 9)));
  ASSERT_TRUE(future.has_failed());
  EXPECT_EQ(error_name(error_of(std::move(future)).code()), "EAI_NONAME");
}

TEST_F(ResolverTest, RefusesAZoneThatDoesNotExistAtOnce) {
  EXPECT_TRUE(resolver_->resolve(request_for("fe80::1%nosuch")).has_failed());
}

TEST_F(ResolverTest, KeepsTheSystemsOrderAndDropsDuplicates) {
  names_.set("example", {"192.0.2.2", "2001:db8::1", "192.0.2.2", "192.0.2.1"});
  EXPECT_THAT(look_up(request_for("example")),
              ElementsAre("192.0.2.2:80", "[2001:db8::1]:80", "192.0.2.1:80"));
}

TEST_F(ResolverTest, AsksForOneFamilyOnly) {
  names_.set("example", {"192.0.2.2", "2001:db8::1"});
  auto request = request_for("example");
  request.family = Family::ipv6;
  request.socktype = SOCK_DGRAM;
  request.configured_families = true;
  request.passive = true;
  EXPECT_THAT(look_up(request), ElementsAre("[2001:db8::1]:80"));
  const auto asked = names_.asked().at(0);
  EXPECT_EQ(asked.family, AF_INET6);
  EXPECT_EQ(asked.socktype, SOCK_DGRAM);
  EXPECT_EQ(asked.flags, AI_ADDRCONFIG | AI_PASSIVE);
}

TEST_F(ResolverTest, SaysInItsErrorWhatWasLookedUpAndWhy) {
  const Error error = error_of(resolver_->resolve(request_for("nosuch")));
  EXPECT_EQ(error.operation(), "resolve");
  EXPECT_EQ(error.subject(), "nosuch");
  EXPECT_EQ(error.code(), std::error_code(EAI_NONAME, gai_category()));
}

TEST_F(ResolverTest, ReportsErrnoWhereTheSystemFailed) {
  names_.fail("broken", EAI_SYSTEM, EMFILE);
  const Error error = error_of(resolver_->resolve(request_for("broken")));
  EXPECT_EQ(error_name(error.code()), "EMFILE");
  EXPECT_EQ(error.kind(), ErrorKind::overloaded);
}

TEST_F(ResolverTest, NamesTheServiceThatIsUnknown) {
  names_.set("example", {"192.0.2.1"});
  EXPECT_STREQ(error_of(resolver_->resolve(request_for("example", "foo"))).what(),
               "resolve example: Servname not supported for ai_socktype (EAI_SERVICE), "
               "service \"foo\"");
}

TEST_F(ResolverTest, TakesAnAnswerWithoutAddressesForAFailure) {
  ResolverCalls calls;
  calls.getaddrinfo = [](const char*, const char*, const addrinfo*, addrinfo** result) {
    *result = nullptr;
    return 0;
  };
  calls.freeaddrinfo = [](addrinfo*) {};
  Resolver resolver(loop, calls);
  EXPECT_EQ(error_name(error_of(resolver.resolve(request_for("example"))).code()), "EAI_NODATA");
}

TEST_F(ResolverTest, AsksTheRealSystemForLocalhost) {
  Resolver resolver(loop);
  auto request = request_for("localhost");
  request.family = Family::ipv4;
  request.canonical_name = true;
  const auto result = run(resolver.resolve(request));
  EXPECT_THAT(texts(result), ElementsAre("127.0.0.1:80"));
  EXPECT_EQ(result.canonical_name, "localhost");
}

TEST_F(ResolverTest, MakesOneLookupForAllWhoAskTheSame) {
  names_.set("example", {"192.0.2.1"});
  auto& gate = names_.delay("example");
  auto first = resolver_->resolve(request_for("example"));
  auto second = resolver_->resolve(request_for("example"));
  auto third = resolver_->resolve(request_for("example"));
  auto other = resolver_->resolve(request_for("example", "81"));
  EXPECT_EQ(resolver_->lookups_in_flight(), 2u);
  gate.await_waiting(2);
  second.cancel();
  gate.open();
  EXPECT_THAT(texts(run(std::move(first))), ElementsAre("192.0.2.1:80"));
  EXPECT_THAT(texts(run(std::move(third))), ElementsAre("192.0.2.1:80"));
  EXPECT_THAT(texts(run(std::move(other))), ElementsAre("192.0.2.1:81"));
  EXPECT_THAT(names_.asked(), SizeIs(2));
  EXPECT_EQ(resolver_->lookups_in_flight(), 0u);
}

TEST_F(ResolverTest, GivesALookupUpWithTheLastWhoWaits) {
  names_.set("example", {"192.0.2.1"});
  auto& gate = names_.delay("example");
  auto first = resolver_->resolve(request_for("example"));
  auto second = resolver_->resolve(request_for("example"));
  gate.await_waiting(1);
  first.cancel();
  EXPECT_EQ(resolver_->lookups_in_flight(), 1u);
  second.cancel();
  EXPECT_EQ(resolver_->lookups_in_flight(), 0u);
  EXPECT_EQ(resolver_->threads().abandoned(), 1u);
  gate.open();
  EXPECT_THAT(look_up(request_for("example")), ElementsAre("192.0.2.1:80"));
}

TEST_F(ResolverTest, HoldsItsTimeLimitThoughTheSystemIsStuck) {
  auto& gate = names_.delay("stuck");
  auto request = request_for("stuck");
  request.timeout = 5s;
  auto future = resolver_->resolve(request);
  gate.await_waiting(1);
  fake.set_autojump(true);
  const TimePoint before = fake.now();
  const Error error = error_of(std::move(future));
  EXPECT_EQ(fake.now() - before, 5s);
  EXPECT_EQ(error.kind(), ErrorKind::timeout);
  EXPECT_STREQ(error.what(), "resolve stuck: timed out after 5s");
  EXPECT_EQ(resolver_->threads().abandoned(), 1u);
}

TEST_F(ResolverTest, HoldsTheLimitOfEachWhoWaits) {
  names_.set("slow", {"192.0.2.1"});
  auto& gate = names_.delay("slow");
  auto request = request_for("slow");
  auto patient = resolver_->resolve(request);
  request.timeout = 1s;
  auto hasty = resolver_->resolve(request);
  gate.await_waiting(1);
  fake.set_autojump(true);
  EXPECT_EQ(error_of(std::move(hasty)).kind(), ErrorKind::timeout);
  EXPECT_FALSE(patient.ready());
  EXPECT_EQ(resolver_->lookups_in_flight(), 1u);
  fake.set_autojump(false);
  gate.open();
  EXPECT_THAT(texts(run(std::move(patient))), ElementsAre("192.0.2.1:80"));
}

TEST_F(ResolverTest, ReplacesStuckThreadsWithinABound) {
  ThreadPool::Options options;
  options.max_threads = 1;
  options.max_abandoned = 1;
  make(options);
  names_.set("good", {"192.0.2.1"});
  auto& first_gate = names_.delay("stuck1");
  auto& second_gate = names_.delay("stuck2");
  {
    auto stuck = resolver_->resolve(request_for("stuck1"));
    first_gate.await_waiting(1);
  }
  EXPECT_THAT(look_up(request_for("good")), ElementsAre("192.0.2.1:80"));
  {
    auto stuck = resolver_->resolve(request_for("stuck2"));
    second_gate.await_waiting(1);
  }
  auto request = request_for("good");
  request.timeout = 1s;
  auto in_line = resolver_->resolve(request);
  EXPECT_FALSE(settles(in_line));
  EXPECT_EQ(resolver_->threads().threads(), 2u);
  fake.set_autojump(true);
  EXPECT_EQ(error_of(std::move(in_line)).kind(), ErrorKind::timeout);
  fake.set_autojump(false);
  first_gate.open();
  EXPECT_THAT(look_up(request_for("good")), ElementsAre("192.0.2.1:80"));
}

TEST_F(ResolverTest, FailsWhatIsPendingWhenItIsDestroyed) {
  auto& gate = names_.delay("stuck");
  auto running = resolver_->resolve(request_for("stuck"));
  auto shared = resolver_->resolve(request_for("stuck"));
  gate.await_waiting(1);
  resolver_.reset();
  EXPECT_EQ(error_of(std::move(running)).kind(), ErrorKind::abandoned);
  EXPECT_EQ(error_of(std::move(shared)).kind(), ErrorKind::abandoned);
}

TEST_F(ResolverTest, MayBeDestroyedByOneWhoWaited) {
  names_.set("example", {"192.0.2.1"});
  auto first = resolver_->resolve(request_for("example")).then([this](const LookupResult& result) {
    resolver_.reset();
    return result.addresses.size();
  });
  auto second = resolver_->resolve(request_for("example"));
  EXPECT_EQ(run(std::move(first)), 1u);
  EXPECT_EQ(run(std::move(second)).addresses.size(), 1u);
}

TEST_F(ResolverTest, ReportsEachLookupOnce) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  auto first = resolver_->resolve(request_for("example"));
  auto second = resolver_->resolve(request_for("example"));
  run(std::move(first));
  run(std::move(second));
  EXPECT_THAT(sink.lines(), ElementsAre("resolve.start name=example service=80 family=any",
                                        "resolve.done name=example service=80 family=any "
                                        "addresses=[192.0.2.1:80 [2001:db8::1]:80] duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ResolverTest, ReportsFailuresWithTheirSymbol) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  error_of(resolver_->resolve(request_for("nosuch")));
  auto request = request_for("name");
  request.numeric_host = true;
  request.family = Family::ipv6;
  error_of(resolver_->resolve(request));
  EXPECT_THAT(sink.lines(),
              ElementsAre("resolve.start name=nosuch service=80 family=any",
                          "resolve.failed name=nosuch service=80 family=any error=EAI_NONAME "
                          "message=Name or service not known (EAI_NONAME) duration_ms=*",
                          "resolve.start name=name service=80 family=ipv6",
                          "resolve.failed name=name service=80 family=ipv6 error=EAI_NONAME "
                          "message=Name or service not known (EAI_NONAME) duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ResolverTest, ReportsALookupThatNobodyWaitedForLongEnough) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  names_.delay("stuck");
  auto request = request_for("stuck");
  request.timeout = 250ms;
  fake.set_autojump(true);
  error_of(resolver_->resolve(request));
  EXPECT_THAT(sink.lines("resolve.failed"),
              ElementsAre("resolve.failed name=stuck service=80 family=any error=timeout "
                          "message=timed out after 250ms duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ResolverTest, ReportsTheEndOfALookupThatIsDropped) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  auto& gate = names_.delay("stuck");
  auto first = resolver_->resolve(request_for("stuck"));
  auto second = resolver_->resolve(request_for("stuck"));
  gate.await_waiting(1);
  first.cancel();
  EXPECT_THAT(sink.lines("resolve.failed"), IsEmpty()) << "somebody waits for it";
  second.cancel();
  EXPECT_THAT(sink.lines("resolve.failed"),
              ElementsAre("resolve.failed name=stuck service=80 family=any error=ECANCELED "
                          "message=Operation canceled (ECANCELED) duration_ms=*"));
  gate.open();
  test::turn_while_busy(loop);
  EXPECT_THAT(sink.lines(), SizeIs(2));
  loop.set_event_sink(nullptr);
}

TEST_F(ResolverTest, ReportsTheEndOfLookupsThatGoWithIt) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  names_.delay("stuck");
  auto future = resolver_->resolve(request_for("stuck"));
  sink.on_event = [&](std::string_view) { future.cancel(); };
  resolver_.reset();
  EXPECT_THAT(sink.lines("resolve.failed"), SizeIs(1));
  loop.set_event_sink(nullptr);
}

TEST_F(ResolverTest, MayBeAskedAgainInsideTheReportOfADroppedLookup) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  names_.set("example", {"192.0.2.1"});
  names_.delay("stuck");
  auto future = resolver_->resolve(request_for("stuck"));
  Future<LookupResult> next;
  sink.on_event = [&](std::string_view name) {
    if (name == "resolve.failed") next = resolver_->resolve(request_for("example"));
  };
  future.cancel();
  EXPECT_THAT(texts(run(std::move(next))), ElementsAre("192.0.2.1:80"));
  sink.on_event = nullptr;
  loop.set_event_sink(nullptr);
}

TEST_F(ResolverTest, PassesEveryHintOn) {
  addrinfo seen{};
  ResolverCalls calls;
  calls.getaddrinfo = [&seen](const char*, const char*, const addrinfo* hints, addrinfo**) {
    seen = *hints;
    return EAI_NONAME;
  };
  Resolver resolver(loop, calls);
  auto request = request_for("example", "http");
  request.family = Family::ipv4;
  request.socktype = SOCK_SEQPACKET;
  request.protocol = IPPROTO_SCTP;
  request.passive = request.canonical_name = request.configured_families = true;
  error_of(resolver.resolve(request));
  EXPECT_EQ(seen.ai_family, AF_INET);
  EXPECT_EQ(seen.ai_socktype, SOCK_SEQPACKET);
  EXPECT_EQ(seen.ai_protocol, IPPROTO_SCTP);
  EXPECT_EQ(seen.ai_flags, AI_PASSIVE | AI_CANONNAME | AI_ADDRCONFIG);
}

TEST_F(ResolverTest, AnswersNumericIpv6WithoutAServiceAtOnce) {
  auto future = resolver_->resolve(request_for("2001:db8::1", ""));
  ASSERT_TRUE(future.ready());
  EXPECT_THAT(texts(future.get()), ElementsAre("[2001:db8::1]:0"));
}

}  // namespace
}  // namespace ioa
