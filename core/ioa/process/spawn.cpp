#include "ioa/process/spawn.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "ioa/base/syscall.hpp"
#include "ioa/process/spawn_plan.hpp"

namespace ioa {
namespace {

/// Keeps all signals from this thread, and from the child that is made meanwhile.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    ::sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  const ::sigset_t& before() const noexcept { return before_; }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() {
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  ::sigset_t before_;
};

/// Where SIGCHLD is ignored, or has SA_NOCLDWAIT, there is nothing to wait for. sigaction(2)
void want_statuses() noexcept {
  struct ::sigaction action {};
  if (::sigaction(SIGCHLD, nullptr, &action) != 0) return;
  const bool is_ignored = action.sa_handler == SIG_IGN;
  if (!is_ignored && (action.sa_flags & SA_NOCLDWAIT) == 0) return;
  if (is_ignored) action.sa_handler = SIG_DFL;
  action.sa_flags &= ~SA_NOCLDWAIT;
  ::sigaction(SIGCHLD, &action, nullptr);
}

/// What the child needs until it runs its program: system calls and a few small frames.
constexpr std::size_t kChildStack = std::size_t{64} << 10;

/// Starts the child on a part of this stack, which waits until the child has another memory.
::pid_t start(detail::SpawnPlan& plan, int& pidfd) noexcept {
  alignas(16) std::byte stack[kChildStack];
  const BlockedSignals blocked;
  plan.mask = blocked.before();
  // Before Linux 5.2 CLONE_PIDFD is not known, and nothing is stored.
  return ::clone(&detail::run_spawn_plan, stack + kChildStack,
                 CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
}

}  // namespace

SpawnedChild spawn(const SpawnRequest& request) {
  want_statuses();
  detail::SpawnPlan plan(request);
  int number = -1;
  const ::pid_t pid = start(plan, number);
  if (pid < 0) throw Error::from_errno(errno, "clone", request.arguments.front());
  UniqueFd pidfd(number);
  if (plan.failure.error != 0) {
    retry_on_eintr([pid] { return ::waitpid(pid, nullptr, 0); });
    throw plan.error();
  }
  return {pid, std::move(pidfd)};
}

}  // namespace ioa
