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
  EXPECT_EQ(loop.metrics().lookups, 6U);
  EXPECT_EQ(loop.metrics().failed_lookups, 4U);
  EXPECT_EQ(sink.lines("resolve.failed").size(), 2U);
}

}  // namespace
}  // namespace ioa
