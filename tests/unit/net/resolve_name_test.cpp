// The names of addresses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "ioa/net/resolver.hpp"
#include "tests/support/recording_sink.hpp"
#include "tests/unit/net/resolver_fixture.hpp"

namespace ioa {
namespace {

using ::testing::ElementsAre;

class ResolveNameTest : public test::ResolverTest {
 protected:
  static NameRequest request_of(const char* host) {
    NameRequest request;
    request.address = SocketAddress::from_numeric(host, 80).value();
    return request;
  }
};

TEST_F(ResolveNameTest, AnswersAtOnceWhereOnlyNumbersAreWanted) {
  auto request = request_of("2001:db8::1");
  request.numeric_host = request.numeric_service = true;
  auto future = resolver_->resolve_name(request);
  ASSERT_TRUE(future.ready());
  const NameResult result = future.get();
  EXPECT_EQ(result.host, "2001:db8::1");
  EXPECT_EQ(result.service, "80");
}

TEST_F(ResolveNameTest, LooksUpOnAThreadWhereEitherIsWantedAsAName) {
  names_.set_reverse("example", "80");
  auto request = request_of("192.0.2.1");
  request.numeric_service = true;
  auto future = resolver_->resolve_name(request);
  EXPECT_FALSE(future.ready());
  EXPECT_EQ(run(std::move(future)).host, "example");
  EXPECT_EQ(resolver_->threads().threads(), 1u);
}

TEST_F(ResolveNameTest, LooksAServiceUpOnAThreadThoughTheHostIsWantedAsANumber) {
  names_.set_reverse("192.0.2.1", "http");
  auto request = request_of("192.0.2.1");
  request.numeric_host = true;
  auto future = resolver_->resolve_name(request);
  EXPECT_FALSE(future.ready());
  EXPECT_EQ(run(std::move(future)).service, "http");
}

TEST_F(ResolveNameTest, SaysInItsErrorWhichAddressHasNoName) {
  auto request = request_of("192.0.2.1");
  request.name_required = true;
  EXPECT_STREQ(error_of(resolver_->resolve_name(request)).what(),
               "resolve 192.0.2.1: Name or service not known (EAI_NONAME)");
}

TEST_F(ResolveNameTest, RefusesAddressesThatHaveNoNames) {
  NameRequest request;
  request.address = SocketAddress::unix_path("/x");
  auto future = resolver_->resolve_name(request);
  ASSERT_TRUE(future.has_failed());
  EXPECT_EQ(error_name(error_of(std::move(future)).code()), "EAI_FAMILY");
}

TEST_F(ResolveNameTest, ReportsTheNameItFound) {
  test::RecordingSink sink;
  loop.set_event_sink(&sink);
  names_.set_reverse("example", "http");
  run(resolver_->resolve_name(request_of("192.0.2.1")));
  EXPECT_THAT(sink.lines(), ElementsAre("resolve.start name=192.0.2.1 service=80 family=ipv4",
                                        "resolve.done name=192.0.2.1 service=http family=ipv4 "
                                        "names=[example] duration_ms=*"));
  loop.set_event_sink(nullptr);
}

TEST_F(ResolveNameTest, AsksTheRealSystemForAServiceOfTheLoopbackAddress) {
  Resolver resolver(loop);
  auto request = request_of("127.0.0.1");
  request.numeric_host = true;
  EXPECT_EQ(run(resolver.resolve_name(request)).host, "127.0.0.1");
}

}  // namespace
}  // namespace ioa
