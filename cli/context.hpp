#pragma once

#include <sys/resource.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/reporter.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/resolver.hpp"

namespace ioa::cli {

/// Everything of the world that a command may touch.
struct Context {
  Loop& loop;
  Reporter& reporter;
  Resolver& resolver;
  Connector& connector;
  /// Ends the command in an orderly way because of a signal: set by the command that runs. The
  /// second signal ends the program at once.
  UniqueFunction<void(int signal)> on_signal = {};
  /// Kills what the command has started, before a second signal ends the program: set by the
  /// command that runs.
  UniqueFunction<void()> on_abort = {};
  /// Says in one line how far the command is (SIGUSR1): set by the command that runs.
  UniqueFunction<void()> on_counters = {};
  /// What is to be executed in place of this program if the command ends with status 0: set by the
  /// command that ran.
  std::vector<std::string> exec_command = {};
  /// The number of descriptors that children may have, where this program has raised its own.
  std::optional<rlimit> child_descriptors = {};
  /// A process stands above this one that deals with a second signal.
  bool is_supervised = false;
  int stdin_fd = 0;
  int stdout_fd = 1;
};

}  // namespace ioa::cli
