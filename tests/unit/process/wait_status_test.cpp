#include "ioa/process/wait_status.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace ioa {
namespace {

TEST(WaitStatusTest, AnExitStatusIsNoSignal) {
  const WaitStatus status = WaitStatus::exited(3);
  EXPECT_TRUE(status.has_exited());
  EXPECT_EQ(status.exit_code(), 3);
  EXPECT_EQ(status.signal(), std::nullopt);
  EXPECT_EQ(status.shell_status(), 3);
  EXPECT_EQ(status.raw(), 3 << 8);
  EXPECT_FALSE(status.is_success());
  EXPECT_EQ(status.text(), "exited with status 3");
  EXPECT_TRUE(WaitStatus::exited(0).is_success());
}

TEST(WaitStatusTest, ADeathByASignalHasNoExitStatus) {
  const WaitStatus status = WaitStatus::killed(SIGTERM);
  EXPECT_FALSE(status.has_exited());
  EXPECT_EQ(status.exit_code(), std::nullopt);
  EXPECT_EQ(status.signal(), SIGTERM);
  EXPECT_EQ(status.shell_status(), 143);
  EXPECT_FALSE(status.dumped_core());
  EXPECT_EQ(status.text(), "killed by SIGTERM");
  EXPECT_FALSE(status.is_success());
}

TEST(WaitStatusTest, SaysThatThereIsACore) {
  const WaitStatus status = WaitStatus::killed(SIGSEGV, true);
  EXPECT_TRUE(status.dumped_core());
  EXPECT_EQ(status.signal(), SIGSEGV);
  EXPECT_EQ(status.text(), "killed by SIGSEGV (core dumped)");
}

TEST(WaitStatusTest, AStoppedChildHasNotEnded) {
  const WaitStatus status = WaitStatus::stopped(SIGTSTP);
  EXPECT_TRUE(status.is_stopped());
  EXPECT_EQ(status.stop_signal(), SIGTSTP);
  EXPECT_FALSE(status.has_exited());
  EXPECT_EQ(status.signal(), std::nullopt);
  EXPECT_EQ(status.text(), "stopped by SIGTSTP");
  EXPECT_EQ(WaitStatus::from_raw(0xffff).text(), "continued");
}

TEST(WaitStatusTest, OneThatIsUnknownIsNeitherSuccessNorFailure) {
  const WaitStatus status;
  EXPECT_FALSE(status.is_known());
  EXPECT_FALSE(status.is_success());
  EXPECT_EQ(status.exit_code(), std::nullopt);
  EXPECT_EQ(status.shell_status(), 255);
  EXPECT_EQ(status.text(), "ended with an unknown status");
}

TEST(WaitStatusTest, UsageIsInDurationsAndBytes) {
  ::rusage raw{};
  raw.ru_utime = {1, 500};
  raw.ru_stime = {0, 7};
  raw.ru_maxrss = 3;
  const ResourceUsage usage = ResourceUsage::from_raw(raw);
  EXPECT_EQ(usage.user, std::chrono::microseconds(1'000'500));
  EXPECT_EQ(usage.system, std::chrono::microseconds(7));
  EXPECT_EQ(usage.max_rss, 3072U);
}

}  // namespace
}  // namespace ioa
