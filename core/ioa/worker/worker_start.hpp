#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"

namespace ioa {

/// Where the code of a worker runs.
enum class WorkerModel {
  /// In a copy of this process, made by fork(2): what it changes, and what becomes of it, is its
  /// own. Of this process it has the memory as it was, and no descriptors but 0 (which is
  /// /dev/null), 1, 2 and its channels. Beware of locks that other threads hold at that moment:
  /// they stay locked there (those of malloc do not).
  process,
  /// On a thread of this process: shares everything, and cannot be killed. All signals but faults
  /// are blocked in it.
  thread,
};

namespace detail {

using WorkerMain = UniqueFunction<void(std::vector<UniqueFd> ends)>;

/// Starts a process that runs `main` with these descriptors and ends with status 0, or 1 if it
/// throws. Signals are at their defaults in it, none is blocked, and SIGTERM comes if the thread
/// that has started it ends. Throws Error (fork).
::pid_t start_worker_process(WorkerMain main, std::vector<UniqueFd> ends);

/// Starts a thread that runs `main`, which does not throw, and is never joined. `name` is for
/// ps(1). Throws Error (pthread_create).
::pid_t start_worker_thread(WorkerMain main, std::vector<UniqueFd> ends, const std::string& name);

}  // namespace detail
}  // namespace ioa
