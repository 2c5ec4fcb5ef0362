#include "ioa/base/clock.hpp"

#include <gtest/gtest.h>

namespace ioa {
namespace {

using namespace std::chrono_literals;

TEST(SaturatingAddTest, AddsWhatFits) {
  const TimePoint when(5s);
  EXPECT_EQ(saturating_add(when, 2s), TimePoint(7s));
  EXPECT_EQ(saturating_add(when, -2s), TimePoint(3s));
  EXPECT_EQ(saturating_add(when, 0s), when);
}

TEST(SaturatingAddTest, HoldsAtTheLastTime) {
  EXPECT_EQ(saturating_add(TimePoint(1s), Duration::max()), TimePoint::max());
  EXPECT_EQ(saturating_add(TimePoint::max(), 1ns), TimePoint::max());
  EXPECT_EQ(saturating_add(TimePoint::max() - 1ns, 1ns), TimePoint::max());
  EXPECT_EQ(saturating_add(TimePoint::max(), -1ns), TimePoint::max() - 1ns);
}

TEST(SaturatingAddTest, HoldsAtTheFirstTime) {
  EXPECT_EQ(saturating_add(TimePoint(-1s), Duration::min()), TimePoint::min());
  EXPECT_EQ(saturating_add(TimePoint::min(), -1ns), TimePoint::min());
  EXPECT_EQ(saturating_add(TimePoint::min(), 1ns), TimePoint::min() + 1ns);
}

}  // namespace
}  // namespace ioa
