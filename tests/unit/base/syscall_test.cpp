#include "ioa/base/syscall.hpp"

#include <gtest/gtest.h>

namespace ioa {
namespace {

TEST(RetryOnEintrTest, CallsAgainUntilNoSignalInterrupts) {
  int calls = 0;
  const long result = retry_on_eintr([&]() -> long {
    errno = EINTR;
    return ++calls < 3 ? -1 : 42;
  });
  EXPECT_EQ(result, 42);
  EXPECT_EQ(calls, 3);
}

TEST(RetryOnEintrTest, ReturnsOtherFailuresWithTheirErrno) {
  int calls = 0;
  const int result = retry_on_eintr([&] {
    ++calls;
    errno = EAGAIN;
    return -1;
  });
  EXPECT_EQ(result, -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(calls, 1);
}

TEST(WouldBlockTest, IsTrueForNotNowOnly) {
  EXPECT_TRUE(would_block(EAGAIN));
  EXPECT_TRUE(would_block(EWOULDBLOCK));
  EXPECT_FALSE(would_block(EINTR));
  EXPECT_FALSE(would_block(0));
}

}  // namespace
}  // namespace ioa
