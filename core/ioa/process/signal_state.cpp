#include "ioa/process/signal_state.hpp"

#include <csignal>

namespace ioa {

SignalState SignalState::current() noexcept {
  SignalState state;
  ::sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct ::sigaction action {};
    // Fails for the two that the C library keeps to itself.
    if (::sigaction(signal, nullptr, &action) == 0)
      state.set_ignored(signal, action.sa_handler == SIG_IGN);
    state.set_blocked(signal, ::sigismember(&mask, signal) == 1);
  }
  return state;
}

SignalState& SignalState::set_ignored(int signal, bool ignored) noexcept {
  ignored_ = ignored ? ignored_ | bit(signal) : ignored_ & ~bit(signal);
  return *this;
}

SignalState& SignalState::set_blocked(int signal, bool blocked) noexcept {
  blocked_ = blocked ? blocked_ | bit(signal) : blocked_ & ~bit(signal);
  return *this;
}

}  // namespace ioa
