#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/process/spawn.hpp"
#include "ioa/process/wait_status.hpp"

namespace ioa {

class Loop;

/// Waits for the end of one child process, and reaps it.
///
///     PidWatch watch(loop, spawn(request), [](const ExitReport& report) { tell(report.status); });
///
/// Waits for that pid and no other: children that nobody watches here are never reaped. Told once,
/// from the loop, and at the earliest in the next turn; a child that has ended before is told too.
/// By a pidfd where the kernel has them, else by SIGCHLD and waitpid(2) of the pid.
///
/// LIFETIME: stays where it was made. Destroying it, also inside its callback, ends it: the child
/// goes on, and whoever wants to may watch it anew. The Loop outlives it.
class PidWatch {
 public:
  using Callback = UniqueFunction<void(const ExitReport&)>;
  enum class Method {
    automatic,  ///< By a pidfd if possible.
    signal,     ///< By SIGCHLD.
  };

  /// Throws Error: EEXIST if the child is watched in this Loop already, ECHILD if there is no such
  /// child (any more).
  PidWatch(Loop& loop, ::pid_t pid, Callback callback, Method method = Method::automatic);
  PidWatch(Loop& loop, SpawnedChild child, Callback callback, Method method = Method::automatic);
  PidWatch(const PidWatch&) = delete;
  PidWatch& operator=(const PidWatch&) = delete;
  ~PidWatch();

  ::pid_t pid() const noexcept { return child_.pid; }
  /// True until the end of the child is told. Until then its pid is nobody else's.
  bool is_waiting() const noexcept { return running_ != nullptr; }

  /// Sends a signal; false if the child has ended, or may not be sent one. Signal 0 only asks.
  bool kill(int signal) const noexcept;
  /// The same to its process group, which it must lead; false too if that is gone.
  bool kill_group(int signal) const noexcept;

  /// Calls when the child stops (is_stopped() and stop_signal() of the status) or goes on again
  /// (not is_stopped()). By SIGCHLD. For job control; null: nobody wants to know.
  void on_stopped(UniqueFunction<void(const WaitStatus&)> callback);

 private:
  struct Running;

  void start(Loop& loop, Method method);
  void look();
  void look_for_stop();
  void finish(const ExitReport& report);

  SpawnedChild child_;
  CallbackSlot<const ExitReport&> callback_;
  CallbackSlot<const WaitStatus&> on_stopped_;
  std::unique_ptr<Running> running_;
};

}  // namespace ioa
