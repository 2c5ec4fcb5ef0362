#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "ioa/base/clock.hpp"

namespace ioa {

/// How a child process has ended, or that it has stopped: what wait(2) tells, as a value.
///
/// An exit status is a number that the program chose; a death by a signal has none, so that
/// exit_code() is empty then, and not 0.
class WaitStatus {
 public:
  /// Unknown: the child has ended, and somebody else has taken its status.
  WaitStatus() = default;
  /// A status as waitpid(2) stores it.
  static WaitStatus from_raw(int raw) noexcept;
  /// 0 to 255.
  static WaitStatus exited(int code) noexcept;
  static WaitStatus killed(int signal, bool dumped_core = false) noexcept;
  static WaitStatus stopped(int signal) noexcept;

  bool is_known() const noexcept { return raw_.has_value(); }
  /// Whether it has ended by itself, with a status.
  bool has_exited() const noexcept { return exit_code().has_value(); }
  /// Whether it has ended with status 0.
  bool is_success() const noexcept { return raw_ == 0; }
  /// Whether it has only stopped (SIGTSTP, SIGSTOP, …) and may go on.
  bool is_stopped() const noexcept { return stop_signal().has_value(); }
  std::optional<int> exit_code() const noexcept;
  /// The signal that killed it.
  std::optional<int> signal() const noexcept;
  std::optional<int> stop_signal() const noexcept;
  bool dumped_core() const noexcept;

  /// As a shell has it in `$?`: the exit status, or 128 and the number of the signal. 255 if it is
  /// unknown.
  int shell_status() const noexcept;
  /// As waitpid(2) stored it; nullopt if it is unknown.
  std::optional<int> raw() const noexcept { return raw_; }
  /// For people: "exited with status 3", "killed by SIGSEGV (core dumped)", "stopped by SIGTSTP".
  std::string text() const;

  bool operator==(const WaitStatus&) const = default;

 private:
  explicit WaitStatus(int raw) noexcept : raw_(raw) {}
  std::optional<int> raw_;
};

/// What a process has used, and those of its own children that it has waited for. getrusage(2)
struct ResourceUsage {
  static ResourceUsage from_raw(const ::rusage& raw) noexcept;

  Duration user{};          ///< Processor time in its own code.
  Duration system{};        ///< Processor time in the kernel for it.
  std::size_t max_rss = 0;  ///< The most memory that was resident at once, in bytes.

  bool operator==(const ResourceUsage&) const = default;
};

/// The end of a child process.
struct ExitReport {
  pid_t pid = 0;
  WaitStatus status;
  ResourceUsage usage;
};

}  // namespace ioa
