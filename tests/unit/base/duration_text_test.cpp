#include "ioa/base/duration_text.hpp"

#include <gtest/gtest.h>

namespace ioa {
namespace {

using namespace std::chrono_literals;

TEST(DurationTextTest, WritesLengthsUnderASecondInMilliseconds) {
  EXPECT_EQ(duration_text(250ms), "250ms");
  EXPECT_EQ(duration_text(1500us), "1.5ms");
  EXPECT_EQ(duration_text(7us), "0.007ms");
  EXPECT_EQ(duration_text(0ms), "0ms");
}

TEST(DurationTextTest, WritesLongerOnesInSeconds) {
  EXPECT_EQ(duration_text(1s), "1s");
  EXPECT_EQ(duration_text(30s), "30s");
  EXPECT_EQ(duration_text(1500ms), "1.5s");
  EXPECT_EQ(duration_text(1234567us), "1.234s");
  EXPECT_EQ(duration_text(2min), "120s");
}

TEST(DurationTextTest, KeepsTheSign) {
  EXPECT_EQ(duration_text(-1500ms), "-1.5s");
  EXPECT_EQ(duration_text(Duration::min()), duration_text(-Duration::max()));
}

TEST(DurationTextTest, GivesMillisecondsAsANumber) { EXPECT_DOUBLE_EQ(milliseconds(1500us), 1.5); }

}  // namespace
}  // namespace ioa
