#include "ioa/process/signal_state.hpp"

#include <csignal>

namespace ioa {

namespace {

std::uint64_t blocked_signals(std::uint64_t (*bit)(int) noexcept) noexcept {
  ::sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  std::uint64_t blocked = 0;
  for (int signal = 1; signal < NSIG; ++signal)
    if (::sigismember(&mask, signal) == 1) blocked |= bit(signal);
  return blocked;
}

}  // namespace

SignalState SignalState::current() noexcept {
  SignalState state;
  state.blocked_ = blocked_signals(&bit);
  for (int signal = 1; signal < NSIG; ++signal) state.look_at(signal);
  return state;
}

SignalState SignalState::current(std::initializer_list<int> changed) noexcept {
  SignalState state;
  state.blocked_ = blocked_signals(&bit);
  state.covered_ = 0;
  for (const int signal : changed) state.look_at(signal);
  return state;
}

void SignalState::look_at(int signal) noexcept {
  struct ::sigaction action {};
  // Fails for the two that the C library keeps to itself.
  if (::sigaction(signal, nullptr, &action) == 0) set_ignored(signal, action.sa_handler == SIG_IGN);
}

SignalState& SignalState::set_ignored(int signal, bool ignored) noexcept {
  covered_ |= bit(signal);
  ignored_ = ignored ? ignored_ | bit(signal) : ignored_ & ~bit(signal);
  return *this;
}

SignalState& SignalState::set_blocked(int signal, bool blocked) noexcept {
  blocked_ = blocked ? blocked_ | bit(signal) : blocked_ & ~bit(signal);
  return *this;
}

}  // namespace ioa
