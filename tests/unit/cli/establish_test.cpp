#include "cli/commands/establish.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_names.hpp"
#include "tests/support/fake_sockets.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/recording_sink.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Connecting as the command does it, with addresses, answers and time of the test.
class EstablishTest : public test::FakeLoopTest {
 protected:
  EstablishTest() { loop.set_event_sink(&sink_); }

  static Address peer(const std::string& text) { return parse_address(text, AddressUse::connect); }
  Future<Connection> establish(const std::string& text) {
    return cli::establish(context_, options_, peer(text), 1);
  }
  std::optional<Error> failure(Future<Connection> future) {
    try {
      run(std::move(future));
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }
  /// The time stands still while a name is looked up, on a thread.
  Connection run_after_lookup(Future<Connection> future) {
    fake.set_autojump(false);
    test::turn_until(
        loop, [&] { return !connects().empty(); }, "the look-up");
    fake.set_autojump(true);
    return run(std::move(future));
  }
  std::vector<std::string> connects() const { return sockets_.connects(); }
  Duration elapsed() const { return fake.now() - began_; }

  test::RecordingSink sink_;
  test::FakeNames names_;
  Resolver resolver_{loop, names_.calls()};
  test::FakeSockets sockets_{loop, fake};
  Connector connector_{loop, resolver_, &sockets_};
  Reporter reporter_{"connect", GeneralOptions(), Clock::now()};
  Context context_{loop, reporter_, resolver_, connector_};
  ConnectOptions options_;
  const TimePoint began_ = fake.now();
};

TEST_F(EstablishTest, AFailureIsTriedAsOftenAsIsSaid) {
  options_.retry.retries = 3;
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  const auto error = failure(establish("192.0.2.1:80"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), ECONNREFUSED);
  EXPECT_EQ(status_of_failure(*error), ExitStatus::not_connected);
  EXPECT_THAT(connects(), SizeIs(4));
  // 200, 400 and 800 ms, each a quarter shorter or longer.
  EXPECT_GE(elapsed(), 1050ms);
  EXPECT_LE(elapsed(), 1750ms);
}

TEST_F(EstablishTest, NothingIsTriedAgainUnlessAskedFor) {
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  EXPECT_TRUE(failure(establish("192.0.2.1:80")));
  EXPECT_THAT(connects(), SizeIs(1));
}

TEST_F(EstablishTest, TheFirstTryThatSucceedsIsUsed) {
  options_.retry.retries = 100;
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  Future<Connection> connection = establish("192.0.2.1:80");
  EXPECT_FALSE(connection.ready());
  sockets_.settle("192.0.2.1:80", 0);
  EXPECT_TRUE(run(std::move(connection)).fd);
  EXPECT_THAT(connects(), SizeIs(2));
}

TEST_F(EstablishTest, EachTryHasTheConnectLimit) {
  options_.connect_timeout = 10s;
  options_.retry.retries = 1;
  const auto error = failure(establish("192.0.2.1:80"));
  ASSERT_TRUE(error);
  EXPECT_EQ(status_of_failure(*error), ExitStatus::time_limit);
  EXPECT_STREQ(error->what(),
               "connect 192.0.2.1:80: --connect-timeout 10s reached: not connected, 0 bytes moved");
  EXPECT_GE(elapsed(), 20s);
  EXPECT_LE(elapsed(), 20s + 250ms);
}

TEST_F(EstablishTest, ALimitOfZeroIsNone) {
  options_.connect_timeout = 0s;
  Future<Connection> connection = establish("192.0.2.1:80");
  test::turn_while_busy(loop);
  fake.advance(1h);
  EXPECT_FALSE(settles(connection));
}

TEST_F(EstablishTest, ALookUpCountsForTheLimit) {
  names_.delay("slow.test");
  fake.set_autojump(false);
  options_.connect_timeout = 10s;
  Future<Connection> connection = establish("slow.test:80");
  EXPECT_FALSE(settles(connection));
  fake.advance(10s);
  const auto error = failure(std::move(connection));
  ASSERT_TRUE(error);
  EXPECT_NE(std::string(error->what()).find("the name was still being looked up"),
            std::string::npos)
      << error->what();
}

TEST_F(EstablishTest, TheLookUpOfTheSourceCountsForTheLimitToo) {
  names_.delay("slow.test");
  fake.set_autojump(false);
  options_.connect_timeout = 10s;
  options_.source.host = "slow.test";
  Future<Connection> connection = establish("192.0.2.1:80");
  EXPECT_FALSE(settles(connection));
  fake.advance(10s);
  const auto error = failure(std::move(connection));
  ASSERT_TRUE(error);
  EXPECT_EQ(status_of_failure(*error), ExitStatus::time_limit);
  EXPECT_STREQ(error->what(),
               "connect 192.0.2.1:80: --connect-timeout 10s reached: not connected, 0 bytes moved");
}

TEST_F(EstablishTest, AConnectionThatWasResetAtOnceHasBeenThere) {
  sockets_.answer("192.0.2.1:80", 5ms, ECONNRESET);
  try {
    run(establish("192.0.2.1:80"));
    ADD_FAILURE() << "it has connected";
  } catch (const Error& error) {
    EXPECT_TRUE(is_reset_connection(error));
    EXPECT_EQ(status_of_failure(error), ExitStatus::io_error);
  }
}

TEST_F(EstablishTest, SequentialTriesEachAddressInTheOrderOfTheSystem) {
  names_.set("many.test", {"192.0.2.1", "2001:db8::1", "192.0.2.2"});
  options_.sequential = true;
  sockets_.answer("192.0.2.1:80", 5s, ECONNREFUSED);
  sockets_.answer("[2001:db8::1]:80", 5s, ECONNREFUSED);
  sockets_.answer("192.0.2.2:80", 5s);
  EXPECT_EQ(run_after_lookup(establish("many.test:80")).peer.to_string(), "192.0.2.2:80");
  EXPECT_THAT(connects(),
              ElementsAre("192.0.2.1:80 @0", "[2001:db8::1]:80 @5000", "192.0.2.2:80 @10000"));
}

TEST_F(EstablishTest, TheAttemptDelayIsTheHeadStartOfEachAddress) {
  names_.set("many.test", {"192.0.2.1", "192.0.2.2"});
  options_.family = Family::ipv4;
  options_.attempt_delay = 70ms;
  sockets_.answer("192.0.2.2:80", 10ms);
  EXPECT_EQ(run_after_lookup(establish("tcp4:many.test:80")).peer.to_string(), "192.0.2.2:80");
  EXPECT_THAT(connects(), ElementsAre("192.0.2.1:80 @0", "192.0.2.2:80 @70"));
}

TEST_F(EstablishTest, DatagramsNeedADatagramSocket) {
  sockets_.settle("192.0.2.1:53", 0);
  EXPECT_TRUE(run(establish("udp:192.0.2.1:53")).fd);
  EXPECT_THAT(sockets_.protocols(), ElementsAre(17));
}

TEST_F(EstablishTest, MultipathFallsBackToTcp) {
  options_.socket.mptcp = true;
  sockets_.settle("192.0.2.1:80", 0);
  EXPECT_TRUE(run(establish("192.0.2.1:80")).fd);
  EXPECT_EQ(sockets_.protocols().front(), 262);
}

TEST_F(EstablishTest, DroppingItEndsItBetweenTriesToo) {
  options_.retry.wait = 0s;
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  for (int turns = 0; turns < 8; ++turns) {
    Future<Connection> connection = establish("192.0.2.1:80");
    for (int i = 0; i < turns; ++i) loop.turn(1s);
    connection.cancel();
    test::turn_while_busy(loop);
    EXPECT_EQ(loop.timers().size(), 0U);
  }
}

}  // namespace
}  // namespace ioa::cli
