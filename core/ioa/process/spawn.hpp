#pragma once

#include <sys/types.h>

#include "ioa/base/unique_fd.hpp"
#include "ioa/process/spawn_request.hpp"

namespace ioa {

/// A child process that has been started and must be reaped: give it to a PidWatch.
struct SpawnedChild {
  ::pid_t pid = 0;
  /// Refers to it and nobody else, whatever becomes of the number; close-on-exec. None on a kernel
  /// before 5.4. pidfd_open(2)
  UniqueFd pidfd;
};

/// Starts a program. When this returns, the program runs: exec has succeeded.
///
/// Throws Error otherwise; then there is no child. Its operation() is the step that failed,
/// subject() what it was applied to, code() the errno value: "clone", "setsid", "setpgid", "nice",
/// "chdir", "dup", "open", "close", "keep", "controlling terminal", "foreground terminal",
/// "setrlimit", "setgroups", "setgid", "setuid", "parent-death signal" and, for the program itself,
/// "exec" (ENOENT: it was not found; EACCES and others: it cannot be run). A request that makes no
/// sense (no arguments, a NUL byte, a negative descriptor) is "spawn" with EINVAL.
///
/// The child shares this process's memory until it runs its program, while this thread waits
/// (clone(2) with CLONE_VM and CLONE_VFORK), so that its cost does not depend on how large this
/// process is. From any thread; takes about half a millisecond.
///
/// Where this process ignores SIGCHLD, which a program may inherit, its disposition becomes the
/// default: the kernel would throw the status of every child away.
SpawnedChild spawn(const SpawnRequest& request);

}  // namespace ioa
