#pragma once

#include <csignal>
#include <initializer_list>

namespace ioa::detail {

/// Blocks all signals but those of faults in this thread, and in those that are started meanwhile:
/// a worker thread handles none.
class ThreadSignals {
 public:
  ThreadSignals() {
    ::sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
      ::sigdelset(&all, fault);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ThreadSignals(const ThreadSignals&) = delete;
  ThreadSignals& operator=(const ThreadSignals&) = delete;
  ~ThreadSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  ::sigset_t before_;
};

}  // namespace ioa::detail
