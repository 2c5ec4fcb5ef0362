#include "cli/commands/run_child/guard.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "cli/commands/run_child/signal_feed.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/process/process_tree.hpp"

namespace ioa::cli {
namespace {

// Between two looks at what a killed program has left, until nothing is.
constexpr std::timespec kPause{0, 5'000'000};
constexpr int kMostLooks = 400;  // 2 s: what SIGKILL does not end by then is in the kernel's hands

/// Ends and reaps all that is below this process.
void end_everything() {
  for (int look = 0; look < kMostLooks; ++look) {
    for (const ProcessInfo& process : descendants_of(::getpid())) ::kill(process.pid, SIGKILL);
    pid_t reaped = 0;
    do {
      reaped = ::waitpid(-1, nullptr, WNOHANG);
    } while (reaped > 0);
    if (reaped < 0 && errno == ECHILD) return;
    ::nanosleep(&kPause, nullptr);
  }
}

class Guard {
 public:
  explicit Guard(pid_t guarded) : guarded_(guarded) {}

  int watch(::sigset_t signals) {
    ::sigaddset(&signals, SIGCHLD);
    while (!status_) {
      ::siginfo_t info{};
      const int number = ::sigwaitinfo(&signals, &info);
      if (number == SIGCHLD) {
        look();
      } else if (number > 0 && !reaches_foreground({number, info.si_code == SI_KERNEL})) {
        ::kill(guarded_, number);
      }
    }
    return *status_;
  }

 private:
  void look() {
    int status = 0;
    for (;;) {
      const pid_t pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED);
      if (pid <= 0) return;
      if (pid != guarded_) continue;  // an orphan that came here
      if (WIFSTOPPED(status)) {
        stop_by_terminal_signal();
      } else if (WIFEXITED(status)) {
        status_ = WEXITSTATUS(status);
      } else {
        end_everything();
        status_ = 128 + WTERMSIG(status);
      }
    }
  }

  pid_t guarded_;
  std::optional<int> status_;
};

}  // namespace

Guarded stand_guard(const SignalState& inherited) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw Error::from_errno(errno, "pipe2");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ::sigset_t signals = signals_to_pass_on(inherited);
  ::sigset_t blocked = signals;
  ::sigset_t before;
  ::sigaddset(&blocked, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  std::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the statuses of children away
  set_subreaper(true);
  const pid_t child = ::fork();
  if (child < 0) throw Error::from_errno(errno, "fork");
  if (child > 0) return {Guard(child).watch(signals), UniqueFd()};

  write_end.reset();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // Wakes it if it is stopped; the pipe says why.
  ::prctl(PR_SET_PDEATHSIG, SIGCONT);
  return {std::nullopt, std::move(read_end)};
}

}  // namespace ioa::cli
