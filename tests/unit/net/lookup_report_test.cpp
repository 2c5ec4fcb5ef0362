#include "ioa/net/lookup_report.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <memory>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/recording_sink.hpp"

namespace ioa {
namespace {

class LookupReportTest : public test::FakeLoopTest {};

TEST_F(LookupReportTest, TheLoopCountsLookUpsWithAndWithoutASink) {
  test::RecordingSink sink;
  for (EventSink* each : {static_cast<EventSink*>(nullptr), static_cast<EventSink*>(&sink)}) {
    loop.set_event_sink(each);
    const Error error(ErrorKind::failed, {}, "resolve", "a", "no");
    detail::LookupReport(loop, {"a", "80"}).failed(error);
    detail::LookupReport(loop, {"b", "80"}).failed(std::make_exception_ptr(error));
    detail::LookupReport(loop, {"c", "80"}).done(LookupResult());
  }
  loop.set_event_sink(nullptr);
  EXPECT_EQ(loop.metrics().address_lookups.begun, 6U);
  EXPECT_EQ(loop.metrics().address_lookups.failed, 4U);
  EXPECT_EQ(loop.metrics().name_lookups.begun, 0U);
  EXPECT_EQ(sink.lines("resolve.failed").size(), 2U);
}

TEST_F(LookupReportTest, EachKindIsCountedApart) {
  Resolver resolver(loop);
  LookupRequest forward;
  forward.host = "localhost";
  forward.service = "80";
  NameRequest reverse;
  reverse.address = SocketAddress::from_numeric("127.0.0.1", 80).value();
  const Future<LookupResult> addresses = resolver.resolve(forward);
  const Future<NameResult> names = resolver.resolve_name(reverse);
  const Error error(ErrorKind::failed, {}, "resolve", "a", "no");
  detail::LookupReport(loop, {"a", {}, Family::any, "MX", detail::LookupKind::records})
      .failed(error);
  const LoopMetrics metrics = loop.metrics();
  EXPECT_EQ(metrics.address_lookups.begun, 1U);
  EXPECT_EQ(metrics.name_lookups.begun, 1U);
  EXPECT_EQ(metrics.record_lookups.begun, 1U);
  EXPECT_EQ(metrics.record_lookups.failed, 1U);
}

}  // namespace
}  // namespace ioa
