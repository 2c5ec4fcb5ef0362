#include "ioa/net/connector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "ioa/net/resolver.hpp"
#include "tests/support/fake_names.hpp"
#include "tests/support/fake_sockets.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/recording_sink.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Addresses, time and system calls are the test's.
class ConnectorTest : public test::FakeLoopTest {
 protected:
  static SocketAddress address(const std::string& host, std::uint16_t port = 80) {
    return SocketAddress::from_numeric(host, port).value();
  }
  static ConnectRequest to(std::initializer_list<const char*> hosts) {
    ConnectRequest request;
    for (const char* host : hosts) request.addresses.push_back(address(host));
    return request;
  }
  static ConnectRequest in_turn(std::initializer_list<const char*> hosts) {
    ConnectRequest request = to(hosts);
    request.strategy = ConnectStrategy::in_turn;
    return request;
  }
  Future<Connection> connect(ConnectRequest request) {
    return connector_.connect(std::move(request));
  }
  ConnectError error_of(Future<Connection> future) {
    try {
      run(std::move(future));
    } catch (const ConnectError& error) {
      return error;
    }
    ADD_FAILURE() << "no failure";
    return {Error(ErrorKind::failed, {}, "none"), {}};
  }

  test::FakeNames names_;
  Resolver resolver_{loop, names_.calls()};
  test::FakeSockets sockets_{loop, fake};
  Connector connector_{loop, resolver_, &sockets_};
};

TEST_F(ConnectorTest, GivesTheSocketThatHasConnected) {
  sockets_.answer("192.0.2.1:80", 20ms);
  const Connection connection = run(connect(to({"192.0.2.1"})));
  EXPECT_TRUE(connection.fd);
  EXPECT_EQ(connection.peer.to_string(), "192.0.2.1:80");
  EXPECT_EQ(connection.local.to_string(), "192.0.2.99:4000");
  EXPECT_EQ(connection.duration, 20ms);
  EXPECT_THAT(connection.failures, IsEmpty());
}

TEST_F(ConnectorTest, NeedsNoTurnForWhatSucceedsAtOnce) {
  sockets_.settle("192.0.2.1:80", 0);
  auto future = connect(to({"192.0.2.1"}));
  EXPECT_TRUE(future.ready());
  EXPECT_FALSE(future.has_failed());
}

TEST_F(ConnectorTest, NeedsNoTurnForWhatFailsAtOnce) {
  sockets_.settle("192.0.2.1:80", ENETUNREACH);
  EXPECT_TRUE(connect(to({"192.0.2.1"})).has_failed());
}

TEST_F(ConnectorTest, AsksALoopbackSocketASecondTimeInsteadOfWaiting) {
  sockets_.answer("127.0.0.1:80", 1h);
  auto future = connect(to({"127.0.0.1"}));
  EXPECT_THAT(sockets_.connects(), ElementsAre("127.0.0.1:80 @0", "127.0.0.1:80 @0"));
  future.cancel();
}

TEST_F(ConnectorTest, ConnectsToANumericHostWithoutAThread) {
  sockets_.settle("192.0.2.1:443", 0);
  ConnectRequest request;
  request.host = "192.0.2.1";
  request.service = "443";
  EXPECT_TRUE(connect(std::move(request)).ready());
  EXPECT_EQ(resolver_.threads().threads(), 0u);
}

TEST_F(ConnectorTest, PrefersHostAndServiceToAddresses) {
  sockets_.settle("192.0.2.1:443", 0);
  auto request = to({"192.0.2.7"});
  request.host = "192.0.2.1";
  request.service = "443";
  EXPECT_EQ(run(connect(std::move(request))).peer.to_string(), "192.0.2.1:443");
}

TEST_F(ConnectorTest, RefusesAHostWithoutAPort) {
  for (const char* service : {"", "0", "00"}) {
    ConnectRequest request;
    request.host = "example";
    request.service = service;
    auto future = connect(std::move(request));
    ASSERT_TRUE(future.has_failed()) << service;
    const ConnectError error = error_of(std::move(future));
    EXPECT_NE(std::string(error.what()).find("expected a service name, or a port from 1 to 65535"),
              std::string::npos);
  }
}

TEST_F(ConnectorTest, FailsWhereThereIsNoAddress) {
  auto future = connect(ConnectRequest());
  ASSERT_TRUE(future.has_failed());
  EXPECT_STREQ(error_of(std::move(future)).what(), "connect: no address to connect to");
}

TEST_F(ConnectorTest, FailsWhereNoLocalAddressIsOfThePeersFamily) {
  auto request = to({"192.0.2.1"});
  request.local_addresses = {address("::1", 0)};
  auto future = connect(std::move(request));
  ASSERT_TRUE(future.has_failed());
  EXPECT_STREQ(error_of(std::move(future)).what(),
               "connect 192.0.2.1:80: no local address is of the same family as an address of the "
               "peer");
}

TEST_F(ConnectorTest, TriesEveryLocalAddressWithEveryPeerOfItsFamily) {
  auto request = in_turn({"192.0.2.1", "2001:db8::1", "192.0.2.2"});
  request.local_addresses = {address("127.0.0.1", 0), address("::1", 0), address("127.0.0.2", 0)};
  for (const char* peer : {"192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:80"})
    sockets_.settle(peer, ECONNREFUSED);
  std::vector<std::string> pairs;
  const ConnectError error = error_of(connect(std::move(request)));
  for (const AttemptFailure& attempt : error.attempts())
    pairs.push_back(attempt.local.host() + " " + attempt.address.host());
  EXPECT_THAT(pairs, ElementsAre("127.0.0.1 192.0.2.1", "127.0.0.1 192.0.2.2", "::1 2001:db8::1",
                                 "127.0.0.2 192.0.2.1", "127.0.0.2 192.0.2.2"));
}

TEST_F(ConnectorTest, TriesAddressesInTurnEachUntilItFails) {
  sockets_.answer("192.0.2.1:80", 3s, ECONNREFUSED);
  sockets_.answer("[2001:db8::1]:80", 2s, EHOSTUNREACH);
  sockets_.answer("192.0.2.2:80", 1s);
  const Connection connection = run(connect(in_turn({"192.0.2.1", "2001:db8::1", "192.0.2.2"})));
  EXPECT_THAT(sockets_.connects(),
              ElementsAre("192.0.2.1:80 @0", "[2001:db8::1]:80 @3000", "192.0.2.2:80 @5000"));
  EXPECT_EQ(connection.duration, 6s);
  ASSERT_THAT(connection.failures, SizeIs(2));
  EXPECT_EQ(connection.failures[0].elapsed, 3s);
  EXPECT_EQ(connection.failures[1].error_number, EHOSTUNREACH);
}

TEST_F(ConnectorTest, TellsOfEveryFailureInItsOrderThoughAnAttemptSucceeds) {
  sockets_.fail_socket(AF_INET6, EAFNOSUPPORT);
  sockets_.answer("192.0.2.1:80", 100ms, ECONNREFUSED);
  sockets_.settle("192.0.2.2:80", 0);
  std::vector<std::string> failures;
  auto request = in_turn({"2001:db8::1", "192.0.2.1", "192.0.2.2"});
  request.on_attempt_failed = [&](const AttemptFailure& failure) {
    failures.push_back(failure.to_error().what());
  };
  run(connect(std::move(request)));
  EXPECT_THAT(failures,
              ElementsAre("socket [2001:db8::1]:80: Address family not supported by protocol "
                          "(EAFNOSUPPORT)",
                          "connect 192.0.2.1:80: Connection refused (ECONNREFUSED)"));
}

TEST_F(ConnectorTest, CountsAFailedConnectMoreThanBindAndSocket) {
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  sockets_.fail_bind("127.0.0.1:0", EADDRNOTAVAIL);
  sockets_.fail_socket(AF_INET6, EMFILE);
  auto request = in_turn({"192.0.2.1", "2001:db8::1"});
  request.local_addresses = {address("192.0.2.9", 0), address("127.0.0.1", 0), address("::1", 0)};
  const ConnectError error = error_of(connect(std::move(request)));
  EXPECT_EQ(error.operation(), "connect");
  EXPECT_EQ(error_name(error.code()), "ECONNREFUSED");
  EXPECT_THAT(error.attempts(), SizeIs(3));
}

TEST_F(ConnectorTest, CountsAFailedBindMoreThanSocket) {
  sockets_.fail_bind("192.0.2.9:0", EADDRNOTAVAIL);
  sockets_.fail_socket(AF_INET6, EMFILE);
  auto request = in_turn({"192.0.2.1", "2001:db8::1"});
  request.local_addresses = {address("192.0.2.9", 0), address("::1", 0)};
  const ConnectError error = error_of(connect(std::move(request)));
  EXPECT_STREQ(error.what(),
               "bind 192.0.2.9:0: Cannot assign requested address (EADDRNOTAVAIL), tried "
               "192.0.2.1:80 (bind EADDRNOTAVAIL), [2001:db8::1]:80 (socket EMFILE)");
}

TEST_F(ConnectorTest, CountsTheLastOfEqualFailures) {
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  sockets_.settle("192.0.2.2:80", EHOSTUNREACH);
  const ConnectError error = error_of(connect(in_turn({"192.0.2.1", "192.0.2.2"})));
  EXPECT_EQ(error_name(error.code()), "EHOSTUNREACH");
  EXPECT_STREQ(error.what(),
               "connect: No route to host (EHOSTUNREACH), tried 192.0.2.1:80 (ECONNREFUSED), "
               "192.0.2.2:80 (EHOSTUNREACH)");
}

TEST_F(ConnectorTest, SaysNothingTwiceAboutOneAddress) {
  sockets_.settle("192.0.2.1:80", ECONNREFUSED);
  EXPECT_STREQ(error_of(connect(to({"192.0.2.1"}))).what(),
               "connect 192.0.2.1:80: Connection refused (ECONNREFUSED)");
}

TEST_F(ConnectorTest, ListsAFewAddressesOnly) {
  ConnectRequest request;
  for (int i = 1; i <= 11; ++i) {
    request.addresses.push_back(address("192.0.2." + std::to_string(i)));
    sockets_.settle(request.addresses.back().to_string(), ECONNREFUSED);
  }
  EXPECT_STREQ(error_of(connect(std::move(request))).what(),
               "connect: Connection refused (ECONNREFUSED), tried 192.0.2.1:80, 192.0.2.2:80, "
               "192.0.2.3:80, 192.0.2.4:80, 192.0.2.5:80, 192.0.2.6:80, 192.0.2.7:80, "
               "192.0.2.8:80 and 3 more");
}

TEST_F(ConnectorTest, NamesTheOptionThatCannotBeSet) {
  auto request = to({"192.0.2.1"});
  request.options.interface = "nosuch0";
  const ConnectError error = error_of(connect(std::move(request)));
  EXPECT_EQ(error.operation(), "setsockopt");
  EXPECT_EQ(error.subject(), "SO_BINDTODEVICE nosuch0");
  EXPECT_THAT(error.detail(), ::testing::HasSubstr("connecting to 192.0.2.1:80"));
}

TEST_F(ConnectorTest, TakesASocketThatHasMetItselfForRefused) {
  sockets_.settle("192.0.2.1:80", 0);
  sockets_.set_local(address("192.0.2.1"));
  EXPECT_EQ(error_name(error_of(connect(to({"192.0.2.1"}))).code()), "ECONNREFUSED");
}

TEST_F(ConnectorTest, ComesAgainWhenAUnixBacklogIsFull) {
  sockets_.busy("unix:/x", 3);
  ConnectRequest request;
  request.addresses = {SocketAddress::unix_path("/x")};
  sockets_.set_local(SocketAddress());
  run(connect(std::move(request)));
  EXPECT_THAT(sockets_.connects(),
              ElementsAre("unix:/x @0", "unix:/x @1", "unix:/x @3", "unix:/x @7"));
}

TEST_F(ConnectorTest, TakesEagainOfAnInternetSocketForAFailure) {
  sockets_.busy("192.0.2.1:80", 1);
  EXPECT_EQ(error_name(error_of(connect(to({"192.0.2.1"}))).code()), "EAGAIN");
}

TEST_F(ConnectorTest, FallsBackToPlainTcpWhereThereIsNoMultipath) {
  sockets_.fail_socket(AF_INET, EPROTONOSUPPORT);
  auto request = to({"192.0.2.1"});
  request.multipath = true;
  request.protocol = IPPROTO_TCP;
  EXPECT_EQ(error_name(error_of(connect(std::move(request))).code()), "EPROTONOSUPPORT");
  EXPECT_THAT(sockets_.protocols(), ElementsAre(262, IPPROTO_TCP));
}

TEST_F(ConnectorTest, EndsEverythingAtItsTimeLimit) {
  sockets_.answer("192.0.2.1:80", 100ms, ECONNREFUSED);
  auto request = to({"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  request.timeout = 300ms;
  const ConnectError error = error_of(connect(std::move(request)));
  EXPECT_EQ(error.kind(), ErrorKind::timeout);
  EXPECT_FALSE(error.code());
  EXPECT_STREQ(error.what(),
               "connect: timed out after 300ms, no answer from 192.0.2.2:80, 1 not tried, failed "
               "before: 192.0.2.1:80 (ECONNREFUSED)");
  EXPECT_THAT(error.attempts(), SizeIs(1));
  EXPECT_THAT(error.pending(), SizeIs(1));
}

TEST_F(ConnectorTest, CallsTheKernelsOwnTimeoutAFailureOfTheAttempt) {
  sockets_.answer("192.0.2.1:80", 127s, ETIMEDOUT);
  const ConnectError error = error_of(connect(to({"192.0.2.1"})));
  EXPECT_EQ(error_name(error.code()), "ETIMEDOUT");
  EXPECT_THAT(error.attempts(), SizeIs(1));
}

TEST_F(ConnectorTest, ReportsAttemptsAndTheConnection) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  sockets_.answer("192.0.2.1:80", 100ms, ECONNREFUSED);
  sockets_.answer("192.0.2.2:80", 100ms);
  run(connect(to({"192.0.2.1", "192.0.2.2"})));
  EXPECT_THAT(sink.lines(),
              ElementsAre("attempt.start address=192.0.2.1:80",
                          "attempt.failed address=192.0.2.1:80 syscall=connect error=ECONNREFUSED "
                          "message=Connection refused duration_ms=*",
                          "attempt.start address=192.0.2.2:80",
                          "connected address=192.0.2.2:80 local=192.0.2.99:4000 duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ConnectorTest, NumbersItsEventsAndReportsAttemptsThatItCallsOff) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  sockets_.answer("192.0.2.2:80", 10ms);
  auto request = to({"192.0.2.1", "192.0.2.2"});
  request.connection = 7;
  run(connect(std::move(request)));
  EXPECT_THAT(sink.lines(),
              ElementsAre("attempt.start conn=7 address=192.0.2.1:80",
                          "attempt.start conn=7 address=192.0.2.2:80",
                          "attempt.failed conn=7 address=192.0.2.1:80 syscall=connect "
                          "error=ECANCELED message=Operation canceled, another address answered "
                          "first duration_ms=*",
                          "connected conn=7 address=192.0.2.2:80 local=192.0.2.99:4000 "
                          "duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ConnectorTest, ReportsAttemptsThatHadNoAnswerAtItsTimeLimit) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  auto request = to({"192.0.2.1"});
  request.timeout = 1s;
  error_of(connect(std::move(request)));
  EXPECT_THAT(sink.lines("attempt.failed"),
              ElementsAre("attempt.failed address=192.0.2.1:80 syscall=connect error=ETIMEDOUT "
                          "message=Connection timed out, the time limit was reached "
                          "duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ConnectorTest, OutlivesTheConnectorThatStartedIt) {
  sockets_.answer("192.0.2.1:80", 100ms);
  auto connector = std::make_unique<Connector>(loop, resolver_, &sockets_);
  auto future = connector->connect(to({"192.0.2.1"}));
  connector.reset();
  EXPECT_TRUE(run(std::move(future)).fd);
}

}  // namespace
}  // namespace ioa
