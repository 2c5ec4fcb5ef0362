#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ioa/process/spawn_request.hpp"

namespace ioa::cli {

/// What a child reads.
struct ChildInput {
  enum class Kind {
    inherit,  ///< Our standard input.
    null,     ///< Nothing.
    file,     ///< The file `value`.
    text,     ///< `value` itself.
  };
  Kind kind = Kind::inherit;
  std::string value;
};

/// A file that a child has open as a descriptor.
struct ChildFile {
  int fd = -1;
  std::string path;
  /// As for open(2); 0: whatever its permissions allow, and made if it is not there.
  int flags = 0;
};

/// Whom a child runs as.
struct ChildIds {
  std::optional<::uid_t> user;
  std::optional<::gid_t> group;
  /// The supplementary groups; nothing: those that we have.
  std::optional<std::vector<::gid_t>> groups;
};

/// How one child is run and ended: plain data, checked as far as that is possible before it runs.
struct ChildPlan {
  std::vector<std::string> command;

  std::chrono::nanoseconds timeout{0};       ///< 0: none.
  std::chrono::nanoseconds idle_timeout{0};  ///< 0: none.
  int kill_signal = SIGTERM;
  std::chrono::nanoseconds kill_after{std::chrono::seconds(2)};  ///< 0: never.

  std::string directory;  ///< Empty: ours.
  bool clear_environment = false;
  std::vector<std::string> unset;
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<::mode_t> umask;
  int nice = 0;
  ChildIds ids;
  std::vector<ResourceLimit> limits;
  ChildInput input;
  std::string output_path;  ///< Empty: our standard output.
  std::string error_path;   ///< Empty: our standard error.
  std::vector<ChildFile> files;
  bool pty = false;
  bool new_session = false;

  /// The child's output is kept for the report instead of being passed through.
  bool capture = false;
  std::size_t capture_limit = std::size_t{16} << 20;
  /// What each line of output begins with, if anything.
  std::optional<std::string> tag;
  bool timestamps = false;
  /// There are others, whose output is not to be mixed with that of this one.
  bool is_one_of_many = false;

  /// Whether anybody but the child's readers wants to see its output.
  bool is_output_seen() const noexcept {
    return is_one_of_many || capture || tag || timestamps || pty || idle_timeout.count() > 0;
  }
};

}  // namespace ioa::cli
