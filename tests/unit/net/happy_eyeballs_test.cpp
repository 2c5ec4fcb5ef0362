// RFC 8305, with time, names and system calls of the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"
#include "tests/support/fake_names.hpp"
#include "tests/support/fake_sockets.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HappyEyeballsTest : public test::FakeLoopTest {
 protected:
  HappyEyeballsTest() { fake.set_autojump(false); }

  static ConnectRequest to(std::initializer_list<const char*> hosts) {
    ConnectRequest request;
    for (const char* host : hosts)
      request.addresses.push_back(SocketAddress::from_numeric(host, 80).value());
    return request;
  }
  static ConnectRequest to_example() {
    ConnectRequest request;
    request.host = "example";
    request.service = "80";
    return request;
  }
  Future<Connection> connect(ConnectRequest request) {
    return connector_.connect(std::move(request));
  }
  /// Turns, without moving the time, until so many look-ups are left.
  void until_lookups_left(std::size_t count) {
    test::turn_until(
        loop, [&] { return resolver_.lookups_in_flight() == count; }, "look-ups");
  }
  /// From here on, waiting moves the time.
  Connection finish(Future<Connection> future) {
    fake.set_autojump(true);
    return run(std::move(future));
  }
  Error error_of(Future<Connection> future) {
    try {
      finish(std::move(future));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no failure";
    return Error(ErrorKind::failed, {}, "none");
  }

  test::FakeNames names_;
  Resolver resolver_{loop, names_.calls()};
  test::FakeSockets sockets_{loop, fake};
  Connector connector_{loop, resolver_, &sockets_};
};

TEST_F(HappyEyeballsTest, StartsTheNextAttemptWhenTheLastHasNotAnsweredForAWhile) {
  sockets_.answer("192.0.2.1:80", 30ms);
  const auto connection = finish(connect(to({"2001:db8::1", "2001:db8::2", "192.0.2.1"})));
  EXPECT_THAT(sockets_.connects(), ElementsAre("[2001:db8::1]:80 @0", "192.0.2.1:80 @250"));
  EXPECT_EQ(connection.duration, 280ms);
}

TEST_F(HappyEyeballsTest, TakesFamiliesByTurns) {
  sockets_.answer("[2001:db8::3]:80", 1ms);
  finish(connect(to({"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8::3"})));
  EXPECT_THAT(sockets_.connects(),
              ElementsAre("192.0.2.1:80 @0", "[2001:db8::1]:80 @250", "192.0.2.2:80 @500",
                          "[2001:db8::2]:80 @750", "[2001:db8::3]:80 @1000"));
}

TEST_F(HappyEyeballsTest, StartsTheNextAttemptAtOnceWhenOneFails) {
  sockets_.answer("[2001:db8::1]:80", 40ms, ECONNREFUSED);
  sockets_.settle("192.0.2.1:80", ENETUNREACH);
  sockets_.answer("192.0.2.2:80", 5ms);
  const auto connection = finish(connect(to({"2001:db8::1", "192.0.2.1", "192.0.2.2"})));
  EXPECT_THAT(sockets_.connects(),
              ElementsAre("[2001:db8::1]:80 @0", "192.0.2.1:80 @40", "192.0.2.2:80 @40"));
  EXPECT_EQ(connection.duration, 45ms);
}

TEST_F(HappyEyeballsTest, LetsAnEarlierAttemptWinAfterALaterOneHasBegun) {
  sockets_.answer("[2001:db8::1]:80", 300ms);
  const auto connection = finish(connect(to({"2001:db8::1", "192.0.2.1"})));
  EXPECT_EQ(connection.peer.to_string(), "[2001:db8::1]:80");
  EXPECT_EQ(connection.duration, 300ms);
}

TEST_F(HappyEyeballsTest, WaitsForAllAttemptsBeforeItFails) {
  sockets_.answer("[2001:db8::1]:80", 3s, ETIMEDOUT);
  sockets_.answer("192.0.2.1:80", 10ms, ECONNREFUSED);
  const Error error = error_of(connect(to({"2001:db8::1", "192.0.2.1"})));
  EXPECT_STREQ(error.what(),
               "connect: Connection timed out (ETIMEDOUT), tried 192.0.2.1:80 (ECONNREFUSED), "
               "[2001:db8::1]:80 (ETIMEDOUT)");
}

TEST_F(HappyEyeballsTest, HoldsTheDelayBetweenAttemptsAboveAMinimum) {
  sockets_.answer("192.0.2.1:80", 1ms);
  auto request = to({"2001:db8::1", "192.0.2.1"});
  request.attempt_delay = 0ms;
  finish(connect(std::move(request)));
  EXPECT_THAT(sockets_.connects(), ElementsAre("[2001:db8::1]:80 @0", "192.0.2.1:80 @10"));
}

TEST_F(HappyEyeballsTest, LooksUpBothFamiliesSideBySide) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  auto& gate = names_.delay("example");
  auto future = connect(to_example());
  gate.await_waiting(2);
  EXPECT_EQ(names_.asked().size(), 2u);
  gate.open();
  until_lookups_left(0);
  sockets_.answer("192.0.2.1:80", 1ms);
  finish(std::move(future));
}

TEST_F(HappyEyeballsTest, LooksUpBothAtOnceWhereAddressesAreTriedInTurn) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  sockets_.settle("192.0.2.1:80", 0);
  auto request = to_example();
  request.strategy = ConnectStrategy::in_turn;
  run(connect(std::move(request)));
  ASSERT_EQ(names_.asked().size(), 1u);
  EXPECT_EQ(names_.asked()[0].family, AF_UNSPEC);
}

TEST_F(HappyEyeballsTest, LooksUpOneFamilyWhereOneIsWanted) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  sockets_.settle("192.0.2.1:80", 0);
  auto request = to_example();
  request.family = Family::ipv4;
  run(connect(std::move(request)));
  ASSERT_EQ(names_.asked().size(), 1u);
  EXPECT_EQ(names_.asked()[0].family, AF_INET);
}

TEST_F(HappyEyeballsTest, LooksUpNamesOfThisHostOnce) {
  sockets_.settle("127.0.0.1:80", 0);
  for (const char* host : {"localhost", "LocalHost.", "www.localhost"}) {
    names_.set(host, {"127.0.0.1"});
    ConnectRequest request;
    request.host = host;
    request.service = "80";
    run(connect(std::move(request)));
    EXPECT_EQ(names_.asked().back().family, AF_UNSPEC) << host;
  }
  EXPECT_EQ(names_.asked().size(), 3u);
}

TEST_F(HappyEyeballsTest, LooksUpNamesThatOnlyEndLikeThisHostAsOthers) {
  for (const char* host : {"mylocalhost", "localhost.example"}) {
    names_.set(host, {"127.0.0.1"});
    ConnectRequest request;
    request.host = host;
    request.service = "80";
    auto future = connect(std::move(request));
    until_lookups_left(0);
    EXPECT_NE(names_.asked().back().family, AF_UNSPEC) << host;
  }
}

TEST_F(HappyEyeballsTest, StartsAtOnceWithIpv6WhereThatIsKnownFirst) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  names_.delay("example", AF_INET);
  auto future = connect(to_example());
  until_lookups_left(1);
  EXPECT_THAT(sockets_.connects(), ElementsAre("[2001:db8::1]:80 @0"));
}

TEST_F(HappyEyeballsTest, HoldsIpv4BackForAMomentUntilIpv6IsKnown) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  auto& gate = names_.delay("example", AF_INET6);
  auto future = connect(to_example());
  until_lookups_left(1);
  EXPECT_THAT(sockets_.connects(), IsEmpty());
  fake.advance(40ms);
  gate.open();
  until_lookups_left(0);
  EXPECT_THAT(sockets_.connects(), ElementsAre("[2001:db8::1]:80 @40"));
  sockets_.answer("192.0.2.1:80", 1ms);
  finish(std::move(future));
  EXPECT_THAT(sockets_.connects(), ElementsAre("[2001:db8::1]:80 @40", "192.0.2.1:80 @290"));
}

TEST_F(HappyEyeballsTest, GoesOnWithIpv4WhereIpv6StaysUnknown) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  names_.delay("example", AF_INET6);
  sockets_.answer("192.0.2.1:80", 1ms);
  auto future = connect(to_example());
  until_lookups_left(1);
  finish(std::move(future));
  EXPECT_THAT(sockets_.connects(), ElementsAre("192.0.2.1:80 @50"));
  EXPECT_EQ(resolver_.lookups_in_flight(), 0u) << "the stuck look-up is given up";
}

TEST_F(HappyEyeballsTest, DoesNotWaitForIpv6ThatIsKnownNotToBe) {
  names_.set("example", {"192.0.2.1"});
  auto& gate = names_.delay("example", AF_INET6);
  auto future = connect(to_example());
  until_lookups_left(1);
  gate.open();
  until_lookups_left(0);
  EXPECT_THAT(sockets_.connects(), ElementsAre("192.0.2.1:80 @0"));
}

TEST_F(HappyEyeballsTest, TakesAddressesThatComeLateByTurns) {
  names_.set("example", {"192.0.2.1", "192.0.2.2", "2001:db8::1"});
  auto& gate = names_.delay("example", AF_INET6);
  auto future = connect(to_example());
  until_lookups_left(1);
  fake.advance(60ms);
  loop.turn(0ms);
  EXPECT_THAT(sockets_.connects(), ElementsAre("192.0.2.1:80 @60"));
  gate.open();
  until_lookups_left(0);
  sockets_.answer("192.0.2.2:80", 1ms);
  finish(std::move(future));
  EXPECT_THAT(sockets_.connects(),
              ElementsAre("192.0.2.1:80 @60", "[2001:db8::1]:80 @310", "192.0.2.2:80 @560"));
}

TEST_F(HappyEyeballsTest, StartsALateFamilyAtOnceWhereTheDelayHasPassed) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  auto& gate = names_.delay("example", AF_INET6);
  auto future = connect(to_example());
  until_lookups_left(1);
  fake.advance(50ms);
  loop.turn(0ms);
  fake.advance(1s);
  loop.turn(0ms);
  gate.open();
  until_lookups_left(0);
  EXPECT_THAT(sockets_.connects(), ElementsAre("192.0.2.1:80 @50", "[2001:db8::1]:80 @1050"));
}

TEST_F(HappyEyeballsTest, WaitsForTheOtherFamilyWhereTheFirstHasFailed) {
  names_.set("example", {"192.0.2.1", "2001:db8::1"});
  auto& gate = names_.delay("example", AF_INET);
  sockets_.settle("[2001:db8::1]:80", ENETUNREACH);
  sockets_.settle("192.0.2.1:80", 0);
  auto future = connect(to_example());
  until_lookups_left(1);
  EXPECT_FALSE(future.ready());
  gate.open();
  EXPECT_EQ(run(std::move(future)).failures.size(), 1u);
}

TEST_F(HappyEyeballsTest, ReportsAFailedLookupAsOne) {
  const Error error = error_of([&] {
    auto future = connect(to_example());
    until_lookups_left(0);
    return future;
  }());
  EXPECT_EQ(error.operation(), "resolve");
  EXPECT_STREQ(error.what(), "resolve example: Name or service not known (EAI_NONAME)");
}

TEST_F(HappyEyeballsTest, SaysWhichFamilyCouldNotBeLookedUpWhenTheOtherFails) {
  names_.set("example", {"192.0.2.1"});
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  auto future = connect(to_example());
  until_lookups_left(0);
  EXPECT_STREQ(error_of(std::move(future)).what(),
               "connect example:80: Connection refused (ECONNREFUSED), tried 192.0.2.1:80")
      << "that a name has no IPv6 address is no failure";
}

TEST_F(HappyEyeballsTest, SaysAtItsTimeLimitThatItWasLookingUp) {
  names_.delay("example");
  auto request = to_example();
  request.timeout = 30s;
  const Error error = error_of(connect(std::move(request)));
  EXPECT_EQ(error.kind(), ErrorKind::timeout);
  EXPECT_STREQ(error.what(),
               "connect example:80: timed out after 30s, the name was still being looked up");
  EXPECT_EQ(resolver_.lookups_in_flight(), 0u);
}

TEST_F(HappyEyeballsTest, RefusesANameWhereOnlyNumbersAreAllowed) {
  auto request = to_example();
  request.numeric_host = true;
  auto future = connect(std::move(request));
  ASSERT_TRUE(future.has_failed());
  EXPECT_THAT(error_of(std::move(future)).what(), HasSubstr("EAI_NONAME"));
}

}  // namespace
}  // namespace ioa
