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

TEST(CallbackSlotTest, WithoutACallbackNothingHappens) {
  CallbackSlot<int> slot;
  EXPECT_TRUE(slot(1));
}

TEST(CallbackSlotTest, CallsTheCallbackEachTime) {
  CallbackSlot<int> slot;
  int sum = 0;
  slot.set([&](int number) { sum += number; });
  EXPECT_TRUE(slot(2));
  EXPECT_TRUE(slot(3));
  EXPECT_EQ(sum, 5);
}

TEST(CallbackSlotTest, ACallbackMayReplaceItself) {
  const LifetimeTracker tracker;
  CallbackSlot<> slot;
  std::string log;
  slot.set([&, object = tracker.make()] {
    slot.set([&] { log += "b"; });
    log += "a";
    EXPECT_EQ(tracker.alive(), 1);
  });
  EXPECT_TRUE(slot());
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_TRUE(slot());
  EXPECT_EQ(log, "ab");
}

TEST(CallbackSlotTest, ACallbackMayClearItself) {
  CallbackSlot<> slot;
  int calls = 0;
  slot.set([&] {
    ++calls;
    slot.set(nullptr);
  });
  slot();
  slot();
  EXPECT_EQ(calls, 1);
}

TEST(CallbackSlotTest, SaysThatACallbackHasDestroyedIt) {
  const LifetimeTracker tracker;
  auto slot = std::make_unique<CallbackSlot<>>();
  slot->set([&, object = tracker.make()] {
    slot.reset();
    EXPECT_EQ(tracker.alive(), 1);
  });
  CallbackSlot<>& same = *slot;
  EXPECT_FALSE(same());
  EXPECT_TRUE(tracker.is_clean());
}

TEST(CallbackSlotTest, ANestedCallReachesTheSameCallback) {
  CallbackSlot<int> slot;
  std::string log;
  slot.set([&](int depth) {
    log += std::to_string(depth);
    if (depth > 0) slot(depth - 1);
  });
  slot(2);
  EXPECT_EQ(log, "210");
  slot(0);
  EXPECT_EQ(log, "2100");
}

TEST(CallbackSlotTest, AfterAReplacementANestedCallReachesTheNewCallback) {
  CallbackSlot<> slot;
  std::string log;
  slot.set([&] {
    log += "a";
    slot.set([&] { log += "b"; });
    slot();
    log += "c";
  });
  slot();
  slot();
  EXPECT_EQ(log, "abcb");
}

TEST(CallbackSlotTest, AfterAClearingANestedCallReachesNothing) {
  CallbackSlot<> slot;
  int calls = 0;
  slot.set([&] {
    ++calls;
    slot.set(nullptr);
    EXPECT_TRUE(slot());
  });
  slot();
  EXPECT_EQ(calls, 1);
}

TEST(CallbackSlotTest, ANestedCallMayDestroyTheSlotOfTheOuterOne) {
  const LifetimeTracker tracker;
  auto slot = std::make_unique<CallbackSlot<int>>();
  slot->set([&, object = tracker.make()](int depth) {
    if (depth == 0) return slot.reset();
    CallbackSlot<int>& same = *slot;
    EXPECT_FALSE(same(depth - 1));
    EXPECT_EQ(tracker.alive(), 1);
  });
  CallbackSlot<int>& same = *slot;
  EXPECT_FALSE(same(3));
  EXPECT_TRUE(tracker.is_clean());
}

TEST(CallbackSlotTest, ANestedReplacementMayDestroyTheSlotOfAllCalls) {
  const LifetimeTracker tracker;
  auto slot = std::make_unique<CallbackSlot<>>();
  CallbackSlot<>& same = *slot;
  slot->set([&, outer = tracker.make()] {
    slot->set([&, inner = tracker.make()] { slot.reset(); });
    EXPECT_FALSE(same());
    EXPECT_EQ(tracker.alive(), 1);
  });
  EXPECT_FALSE(same());
  EXPECT_TRUE(tracker.is_clean());
}

TEST(CallbackSlotTest, AnExceptionLeavesTheCallbackInPlace) {
  CallbackSlot<> slot;
  int calls = 0;
  slot.set([&] {
    ++calls;
    throw std::runtime_error("no");
  });
  EXPECT_THROW(slot(), std::runtime_error);
  EXPECT_THROW(slot(), std::runtime_error);
  EXPECT_EQ(calls, 2);
}

TEST(CallbackSlotTest, AnExceptionAfterTheSlotsEndIsHarmless) {
  auto slot = std::make_unique<CallbackSlot<>>();
  slot->set([&] {
    slot.reset();
    throw std::runtime_error("no");
  });
  CallbackSlot<>& same = *slot;
  EXPECT_THROW(same(), std::runtime_error);
}

}  // namespace
}  // namespace ioa
