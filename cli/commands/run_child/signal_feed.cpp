#include "cli/commands/run_child/signal_feed.hpp"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::cli {
namespace {

constexpr int kPassedOn[] = {SIGINT,  SIGTERM, SIGHUP,   SIGQUIT, SIGUSR1,
                             SIGUSR2, SIGCONT, SIGWINCH, SIGTSTP};

}  // namespace

::sigset_t signals_to_pass_on(const SignalState& inherited) {
  ::sigset_t set;
  ::sigemptyset(&set);
  for (const int number : kPassedOn)
    if (!inherited.ignores(number)) ::sigaddset(&set, number);
  return set;
}

bool reaches_foreground(const SignalArrival& arrival) {
  if (!arrival.from_kernel) return false;
  const int number = arrival.number;
  return number == SIGINT || number == SIGQUIT || number == SIGTSTP || number == SIGWINCH;
}

void stop_by_terminal_signal() {
  ::sigset_t set;
  ::sigset_t before;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTSTP);
  ::raise(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &set, &before);  // stops here
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SignalFeed::SignalFeed(Loop& loop, const SignalState& inherited,
                       UniqueFunction<void(const SignalArrival&)> callback, bool with_children)
    : callback_(std::move(callback)), before_(), watch_(loop) {
  ::sigset_t set = signals_to_pass_on(inherited);
  if (with_children) ::sigaddset(&set, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  fd_ = UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw Error::from_errno(errno, "signalfd");
  watch_.set_callback([this](IoEvent) { read(); });
  watch_.start(fd_.get(), IoEvent::read);
}

SignalFeed::~SignalFeed() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

// One a turn: the callback may destroy this.
void SignalFeed::read() {
  ::signalfd_siginfo info{};
  const ssize_t size = retry_on_eintr([&] { return ::read(fd_.get(), &info, sizeof info); });
  if (size != sizeof info) return;
  callback_(SignalArrival{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL});
}

}  // namespace ioa::cli
