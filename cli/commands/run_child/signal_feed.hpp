#pragma once

#include <sys/types.h>

#include <csignal>

#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// A signal that has come, and where from.
struct SignalArrival {
  int number = 0;
  /// Sent by the kernel: a key of the terminal, its hangup, a new size. Whoever else is in the
  /// terminal's foreground has got it too.
  bool from_kernel = false;
};

/// The signals that are passed on to a child, and SIGCHLD if that is wanted: blocked, and read from
/// a signalfd(2), which says who sent them, and costs less than a handler for each. One that was
/// ignored when the program started (nohup) stays so, and never comes.
///
/// LIFETIME: the mask of before is back when it goes.
class SignalFeed {
 public:
  /// `inherited` is what the program started with. Throws Error.
  SignalFeed(Loop& loop, const SignalState& inherited,
             UniqueFunction<void(const SignalArrival&)> callback, bool with_children = true);
  SignalFeed(const SignalFeed&) = delete;
  SignalFeed& operator=(const SignalFeed&) = delete;
  ~SignalFeed();

 private:
  void read();

  UniqueFunction<void(const SignalArrival&)> callback_;
  ::sigset_t before_;
  UniqueFd fd_;
  IoWatch watch_;
};

/// The signals that are passed on.
::sigset_t signals_to_pass_on(const SignalState& inherited);

/// Whether a signal has reached a child of our process group, or session, already.
bool reaches_foreground(const SignalArrival& arrival);

/// Stops the calling process as SIGTSTP does by default, although that is blocked.
void stop_by_terminal_signal();

}  // namespace ioa::cli
