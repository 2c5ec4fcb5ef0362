#include "ioa/future/waiters.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "ioa/base/error.hpp"

namespace ioa {
namespace {

TEST(WaitersTest, CompletesThoseWhoseMarkIsReached) {
  Waiters waiters;
  Future<> first = waiters.add(10);
  Future<> second = waiters.add(10);
  Future<> third = waiters.add(20);
  waiters.done_until(9);
  EXPECT_FALSE(first.ready());
  waiters.done_until(10);
  EXPECT_TRUE(first.ready());
  EXPECT_TRUE(second.ready());
  EXPECT_FALSE(third.ready());
  waiters.done_all();
  EXPECT_TRUE(third.ready());
  EXPECT_TRUE(waiters.empty());
}

TEST(WaitersTest, DroppingTakesOutOneOfAnyPlace) {
  for (int dropped = 0; dropped < 3; ++dropped) {
    Waiters waiters;
    std::vector<Future<>> futures;
    for (int i = 0; i < 3; ++i) futures.push_back(waiters.add());
    futures[static_cast<std::size_t>(dropped)].cancel();
    futures.push_back(waiters.add());
    waiters.done_all();
    for (int i = 0; i < 4; ++i) {
      if (i == dropped) continue;
      EXPECT_TRUE(futures[static_cast<std::size_t>(i)].ready()) << i;
    }
  }
}

TEST(WaitersTest, FailsAll) {
  Waiters waiters;
  Future<> first = waiters.add();
  Future<> second = waiters.add();
  waiters.fail_all(std::make_exception_ptr(Error(ErrorKind::failed, {}, "test")));
  EXPECT_TRUE(first.has_failed());
  EXPECT_TRUE(second.has_failed());
  EXPECT_TRUE(waiters.empty());
}

TEST(WaitersTest, ThoseLeftAreAbandonedAndMayOutliveIt) {
  std::optional<Waiters> waiters(std::in_place);
  Future<> left = waiters->add();
  waiters.reset();
  ASSERT_TRUE(left.has_failed());
  try {
    left.get();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::abandoned);
  }
}

}  // namespace
}  // namespace ioa
