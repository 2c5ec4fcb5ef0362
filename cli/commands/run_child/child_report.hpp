#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands/run_child/job_item.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/process/wait_status.hpp"

namespace ioa::cli {

/// What was kept of an output.
struct CapturedText {
  std::string text;
  bool is_truncated = false;
};

/// Which limit has ended a child.
enum class ChildLimit { none, run_time, silence };

/// What has become of a child.
struct ChildReport {
  std::vector<std::string> command;
  /// The line that it was started for, where there are many.
  std::optional<JobItem> item;
  ::pid_t pid = 0;             ///< 0: it could not be started.
  std::optional<Error> error;  ///< Why it could not be started.
  WaitStatus status;
  ChildLimit limit = ChildLimit::none;
  Duration wall{};
  ResourceUsage usage;
  std::vector<::pid_t> left;  ///< What could not be ended at a limit.
  std::uint32_t attempts = 1;
  std::optional<CapturedText> out;  ///< Where output is kept.
  std::optional<CapturedText> err;

  /// The exit status that stands for it: its own, 128 and the signal that killed it, 124 if a limit
  /// ended it, 125 to 127 if it could not be started.
  int exit_status() const noexcept;
  /// What it is called in talk: its program, or its line.
  std::string name() const;
  /// Why it is run again: how it has ended.
  std::string reason() const;
};

/// `"make": exited with status 2 after 1.2s (user 0.9s, system 0.1s, 25.1 MiB, 2 attempts)`
std::string report_text(const ChildReport& report);

/// The JSON object of ioa-run-child(1), JSON, newline included.
std::string report_json(const ChildReport& report);

}  // namespace ioa::cli
