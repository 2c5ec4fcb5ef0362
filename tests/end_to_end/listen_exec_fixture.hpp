#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/end_to_end/listen_fixture.hpp"

namespace ioa::test {

/// Commands that serve peers, which leave their process ids in files.
class ListenExecTest : public ::testing::Test {
 protected:
  /// Both ways of having a command: with the peer's socket, and on pipes.
  static std::vector<std::vector<std::string>> both_ways(const std::string& line) {
    return {{"-e", "sh -c '" + line + "'"}, {"-c", line}};
  }
  /// Waits until a process has left its number in that file, and returns it.
  pid_t pid_in(const std::string& file) {
    wait_until(
        [&] {
          return ::access((dir_ / file).c_str(), R_OK) == 0 && line_count(dir_.read(file)) > 0;
        },
        "the command to start");
    return std::stoi(dir_.read(file));
  }
  /// Whether there is no such process, or it has ended and nobody has reaped it.
  static bool is_gone(pid_t pid);

  TempDir dir_;
};

}  // namespace ioa::test
