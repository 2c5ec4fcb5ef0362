#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/base/event_slot.hpp"
#include "tests/support/lifetime_tracker.hpp"

namespace ioa {
namespace {

using test::LifetimeTracker;

TEST(EventTest, WithoutACallbackNothingHappens) {
  const Event<void(int)> event;
  EXPECT_FALSE(event);
  event(1);
}

TEST(EventTest, CallsTheCallbackEachTime) {
  Event<int(int)> event;
  event = [sum = 0](int number) mutable { return sum += number; };
  EXPECT_TRUE(event);
  EXPECT_EQ(event(2), 2);
  EXPECT_EQ(event(3), 5);
}

TEST(EventTest, AnEmptySlotCostsOnePointer) { EXPECT_EQ(sizeof(Event<void()>), sizeof(void*)); }

TEST(EventTest, TheLastCallbackWins) {
  Event<void()> event;
  std::string log;
  event = [&] { log += "a"; };
  event = [&] { log += "b"; };
  event();
  EXPECT_EQ(log, "b");
  event = nullptr;
  EXPECT_FALSE(event);
}

TEST(EventTest, ACallbackMayReplaceItself) {
  const LifetimeTracker tracker;
  Event<void()> event;
  std::string log;
  event = [&, object = tracker.make()] {
    event = [&] { log += "b"; };
    log += "a";
    EXPECT_EQ(tracker.alive(), 1);  // its own captures live until it has returned
  };
  event();
  EXPECT_TRUE(tracker.is_clean());
  event();
  EXPECT_EQ(log, "ab");
}

TEST(EventTest, ACallbackMayDestroyTheSlot) {
  const LifetimeTracker tracker;
  auto event = std::make_unique<Event<void()>>();
  *event = [&, object = tracker.make()] {
    event.reset();
    EXPECT_EQ(tracker.alive(), 1);
  };
  (*event)();
  EXPECT_TRUE(tracker.is_clean());
}

TEST(EventTest, ACallbackMayCallItsOwnEvent) {
  Event<void(int)> event;
  int calls = 0;
  event = [&](int depth) {
    ++calls;
    if (depth > 0) event(depth - 1);
  };
  event(3);
  EXPECT_EQ(calls, 4);
}

TEST(EventTest, AnInnerCallMayReplaceTheCallback) {
  const LifetimeTracker tracker;
  Event<void(int)> event;
  event = [&, object = tracker.make()](int depth) {
    if (depth > 0) return event(depth - 1);
    event = nullptr;
    EXPECT_EQ(tracker.alive(), 1);
  };
  event(2);
  EXPECT_TRUE(tracker.is_clean());
}

TEST(EventTest, AnExceptionLeavesTheCallbackInPlace) {
  Event<void()> event;
  int calls = 0;
  event = [&] {
    ++calls;
    throw std::runtime_error("no");
  };
  EXPECT_THROW(event(), std::runtime_error);
  EXPECT_THROW(event(), std::runtime_error);
  EXPECT_EQ(calls, 2);
}

TEST(EventTest, AnExceptionFromAReplacedCallbackFreesIt) {
  const LifetimeTracker tracker;
  Event<void()> event;
  event = [&, object = tracker.make()] {
    event = nullptr;
    throw std::runtime_error("no");
  };
  EXPECT_THROW(event(), std::runtime_error);
  EXPECT_TRUE(tracker.is_clean());
}

TEST(EventDeathTest, AResultOfAnEmptySlotIsABug) {
  const Event<int()> event;
  EXPECT_DEATH(static_cast<void>(event()), "without a callback");
}

}  // namespace
}  // namespace ioa
