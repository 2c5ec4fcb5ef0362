#include "ioa/base/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ioa {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(UniqueFdTest, OwnsNothingAtFirst) {
  const UniqueFd fd;
  EXPECT_FALSE(fd);
  EXPECT_EQ(fd.get(), -1);
}

TEST(UniqueFdTest, DescriptorZeroIsADescriptor) {
  UniqueFd fd(0);
  EXPECT_TRUE(fd);
  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFdTest, ClosesWhatItOwns) {
  const int number = open_null();
  { const UniqueFd fd(number); }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFdTest, ReleasingGivesTheDescriptorUpOpen) {
  UniqueFd fd(open_null());
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  fd.reset(number);
}

TEST(UniqueFdTest, MovingLeavesOneOwner) {
  UniqueFd first(open_null());
  const int number = first.get();
  UniqueFd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  EXPECT_EQ(first.get(), -1);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFdTest, AssigningClosesTheOldDescriptor) {
  UniqueFd first(open_null());
  UniqueFd second(open_null());
  const int old = first.get();
  const int kept = second.get();
  first = std::move(second);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(first.get(), kept);
  EXPECT_TRUE(is_open(kept));
}

TEST(UniqueFdTest, AssigningToItselfKeepsTheDescriptor) {
  UniqueFd fd(open_null());
  const int number = fd.get();
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFdTest, ResettingToItsOwnDescriptorKeepsItOpen) {
  UniqueFd fd(open_null());
  fd.reset(fd.get());
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(UniqueFdTest, ClosingKeepsErrno) {
  UniqueFd fd(open_null());
  UniqueFd closed(::dup(fd.get()));
  ::close(closed.get());  // so that its own close fails with EBADF
  errno = EPIPE;
  closed.reset();
  EXPECT_EQ(errno, EPIPE);
  fd.reset();
  EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace ioa
