#pragma once

#include <optional>

#include "ioa/base/unique_fd.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// What becomes of a process that has asked for a guard.
struct Guarded {
  /// In the guard: the exit status to end with. The other one has ended.
  std::optional<int> status;
  /// In the one that goes on: is at its end when the guard has been killed.
  UniqueFd guard;
};

/// Splits this process: a child goes on, and this one becomes its guard, which passes signals on to
/// it, stops and ends with it, and, should it be killed, ends everything that it has left. The
/// other way round, the child sees when its guard has been killed, also while it is stopped.
///
/// Before there is a thread, or anything else that a fork(2) would break. `inherited` are the
/// signals that the program started with. Throws Error.
Guarded stand_guard(const SignalState& inherited);

}  // namespace ioa::cli
