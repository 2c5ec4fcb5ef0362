#include "cli/exit_status.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace ioa::cli {
namespace {

TEST(ExitStatusTest, HasTheNumbersThatScriptsRelyOn) {
  EXPECT_EQ(to_int(ExitStatus::done), 0);
  EXPECT_EQ(to_int(ExitStatus::io_error), 1);
  EXPECT_EQ(to_int(ExitStatus::usage), 2);
  EXPECT_EQ(to_int(ExitStatus::unresolved), 3);
  EXPECT_EQ(to_int(ExitStatus::not_connected), 4);
  EXPECT_EQ(to_int(ExitStatus::tls_failed), 5);
  EXPECT_EQ(to_int(ExitStatus::proxy_failed), 6);
  EXPECT_EQ(to_int(ExitStatus::expectation_failed), 7);
  EXPECT_EQ(to_int(ExitStatus::time_limit), 124);
  EXPECT_EQ(to_int(ExitStatus::child_failed), 125);
  EXPECT_EQ(to_int(ExitStatus::cannot_execute), 126);
  EXPECT_EQ(to_int(ExitStatus::command_not_found), 127);
}

TEST(ExitStatusTest, AddsASignalTo128) {
  EXPECT_EQ(to_int(ended_by_signal(SIGINT)), 130);
  EXPECT_EQ(to_int(ended_by_signal(SIGPIPE)), 141);
  EXPECT_EQ(to_int(ended_by_signal(SIGTERM)), 143);
}

}  // namespace
}  // namespace ioa::cli
