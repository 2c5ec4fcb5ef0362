#include "ioa/loop/readiness.hpp"

#include <gtest/gtest.h>

#include <string>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

class ReadinessTest : public test::FakeLoopTest {};

TEST_F(ReadinessTest, WaitsForOneDescriptorEachWay) {
  Future<> reading = readable(loop, 5);
  Future<> writing = writable(loop, 5);
  EXPECT_FALSE(settles(reading));
  fake.set_ready(5, IoEvent::write);
  EXPECT_TRUE(settles(writing));
  EXPECT_FALSE(reading.ready());
  EXPECT_EQ(fake.watched(5), IoEvents(IoEvent::read));
  fake.set_ready(5, IoEvent::read);
  EXPECT_TRUE(settles(reading));
  EXPECT_TRUE(fake.watched(5).empty());
}

TEST_F(ReadinessTest, TellsAllWhoWaitInTheOrderOfAsking) {
  std::string log;
  Future<> first = readable(loop, 5).then([&] { log += '1'; });
  Future<> second = readable(loop, 5).then([&] { log += '2'; });
  fake.set_ready(5, IoEvent::read);
  EXPECT_TRUE(settles(second));
  EXPECT_EQ(log, "12");
}

TEST_F(ReadinessTest, DroppingOneEndsItsWatchOnly) {
  Future<> first = readable(loop, 5);
  Future<> second = readable(loop, 5);
  first.cancel();
  fake.set_ready(5, IoEvent::read);
  EXPECT_TRUE(settles(second));
}

TEST_F(ReadinessTest, FailsWhereTheDescriptorCannotBeWatched) {
  fake.refuse(5, EBADF);
  Future<> future = readable(loop, 5);
  ASSERT_TRUE(future.has_failed());
  EXPECT_THROW(future.get(), Error);
}

}  // namespace
}  // namespace ioa
