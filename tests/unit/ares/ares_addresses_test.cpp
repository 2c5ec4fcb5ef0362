// AresResolver as a LookupService: addresses of names, names of addresses.
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <chrono>
#include <string>
#include <vector>

#include "ioa/net/connector.hpp"
#include "tests/support/test_peer.hpp"
#include "tests/unit/ares/ares_fixture.hpp"
#include "tests/unit/net/resolver_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using test::DnsMessage;
using test::DnsQuery;
using test::DnsServer;
using test::hosts;
using test::request_for;
using test::texts;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class AresAddressesTest : public test::AresTest {
 protected:
  AresAddressesTest() { make(server_); }

  DnsServer server_{hosts({{"both", {"192.0.2.1", "2001:db8::1"}},
                           {"four", {"192.0.2.1"}},
                           {"six", {"2001:db8::1"}},
                           {"1.2.0.192.in-addr.arpa", {}}})};
};

TEST_F(AresAddressesTest, AsksForBothFamiliesAtTheSameTime) {
  auto future = resolver_->resolve(request_for("both"));
  EXPECT_EQ(resolver_->in_flight(), 2U);
  EXPECT_THAT(texts(run(std::move(future))),
              UnorderedElementsAre("192.0.2.1:80", "[2001:db8::1]:80"));
}

TEST_F(AresAddressesTest, OneFamilySuffices) {
  EXPECT_THAT(texts(run(resolver_->resolve(request_for("four")))), ElementsAre("192.0.2.1:80"));
  EXPECT_THAT(texts(run(resolver_->resolve(request_for("six")))), ElementsAre("[2001:db8::1]:80"));
}

TEST_F(AresAddressesTest, AsksForNoMoreThanTheFamilyThatIsWanted) {
  LookupRequest request = request_for("both");
  request.family = Family::ipv4;
  EXPECT_THAT(texts(run(resolver_->resolve(request))), ElementsAre("192.0.2.1:80"));
  EXPECT_EQ(server_.count(), 1U);
  request.host = "six";
  EXPECT_EQ(symbol(error_of(resolver_->resolve(request))), "NODATA");
}

TEST_F(AresAddressesTest, ANameThatDoesNotExistHasNone) {
  EXPECT_EQ(symbol(error_of(resolver_->resolve(request_for("nosuch")))), "NXDOMAIN");
}

TEST_F(AresAddressesTest, GivesEveryKindOfSocketIfNoneIsNamed) {
  LookupRequest request = request_for("four");
  request.socktype = 0;
  const LookupResult result = run(resolver_->resolve(request));
  ASSERT_THAT(result.addresses, SizeIs(3));
  EXPECT_EQ(result.addresses[0].protocol, IPPROTO_TCP);
  EXPECT_EQ(result.addresses[1].protocol, IPPROTO_UDP);
}

TEST_F(AresAddressesTest, AsksTheSystemForServicesThatAreNames) {
  names_.set("127.0.0.1", {"127.0.0.1"});
  const Error error = error_of(resolver_->resolve(request_for("four", "nosuch")));
  EXPECT_EQ(symbol(error), "EAI_SERVICE");
  ASSERT_THAT(names_.asked(), SizeIs(1));
  EXPECT_EQ(names_.asked()[0].service, "nosuch");
}

TEST_F(AresAddressesTest, AnswersNumbersAtOnce) {
  auto future = resolver_->resolve(request_for("::1"));
  ASSERT_TRUE(future.ready());
  EXPECT_THAT(texts(future.get()), ElementsAre("[::1]:80"));
  EXPECT_EQ(server_.count(), 0U);
}

TEST_F(AresAddressesTest, HoldsTheLimitOfARequest) {
  DnsServer silent([](const DnsQuery&) -> DnsServer::Replies { return {}; });
  options_.servers.clear();
  make(silent);
  LookupRequest request = request_for("slow");
  request.timeout = 700ms;
  auto future = resolver_->resolve(request);
  wait_for(silent, 2);
  fake.advance(700ms);
  EXPECT_STREQ(error_of(std::move(future)).what(), "resolve slow: timed out after 700ms");
  EXPECT_EQ(resolver_->in_flight(), 0U);
}

TEST_F(AresAddressesTest, WritesReverseNames) {
  const auto name = [](const char* text) {
    return AresResolver::reverse_name(*SocketAddress::from_numeric(text, 0));
  };
  EXPECT_EQ(name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  EXPECT_EQ(name("2001:db8::567:89ab"),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST_F(AresAddressesTest, GivesTheNameOfAnAddress) {
  DnsServer server([](const DnsQuery& query) -> DnsServer::Replies {
    DnsMessage message;
    if (query.name == "1.2.0.192.in-addr.arpa")
      message.answers = {test::record(query.name, 12, 300, test::wire_name("host.example.org"))};
    return {message.wire(query)};
  });
  options_.servers.clear();
  make(server);
  NameRequest request;
  request.address = *SocketAddress::from_numeric("192.0.2.1", 80);
  request.numeric_service = true;
  NameResult result = run(resolver_->resolve_name(request));
  EXPECT_EQ(result.host, "host.example.org");
  EXPECT_EQ(result.service, "80");
  request.address = *SocketAddress::from_numeric("192.0.2.2", 80);
  EXPECT_EQ(run(resolver_->resolve_name(request)).host, "192.0.2.2");
  request.name_required = true;
  EXPECT_EQ(symbol(error_of(resolver_->resolve_name(request))), "NODATA");
}

TEST_F(AresAddressesTest, AConnectorMayUseIt) {
  test::TestServer peer;
  DnsServer server(hosts({{"here", {"127.0.0.1"}}}));
  options_.servers.clear();
  Connector connector(loop, make(server));
  ConnectRequest request;
  request.host = "here";
  request.service = peer.port_text();
  const Connection connection = run(connector.connect(std::move(request)));
  EXPECT_EQ(connection.peer.port(), peer.port());
}

}  // namespace
}  // namespace ioa
