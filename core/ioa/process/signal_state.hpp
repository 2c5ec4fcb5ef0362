#pragma once

#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace ioa {

/// Which signals a process ignores and which it blocks: what a program inherits, and what those
/// that it starts inherit from it. signal(7)
///
/// A program that changes any of this for itself (it ignores SIGPIPE, watches SIGINT) takes a
/// SignalState first, where it starts, and hands it to every SpawnRequest: so what the user said
/// with nohup(1), or with `trap '' INT` in a shell, still holds for the children.
///
///     const SignalState inherited = SignalState::current();
///     std::signal(SIGPIPE, SIG_IGN);
class SignalState {
 public:
  /// Everything at its default, nothing blocked.
  SignalState() = default;
  /// That of this process, and the mask of this thread. Signals with a handler are at their
  /// default in here, since a handler does not survive exec.
  static SignalState current() noexcept;
  /// The same, but of the signals in `changed` only, which is quicker: those that the program goes
  /// on to change. As for ignoring the others, children get what this process has by then.
  static SignalState current(std::initializer_list<int> changed) noexcept;

  /// False for a signal that nothing is known of.
  bool covers(int signal) const noexcept { return (covered_ & bit(signal)) != 0; }
  bool ignores(int signal) const noexcept { return (ignored_ & bit(signal)) != 0; }
  bool blocks(int signal) const noexcept { return (blocked_ & bit(signal)) != 0; }
  SignalState& set_ignored(int signal, bool ignored) noexcept;
  SignalState& set_blocked(int signal, bool blocked) noexcept;

  bool operator==(const SignalState&) const = default;

 private:
  static constexpr std::uint64_t bit(int signal) noexcept {
    return signal > 0 && signal <= 64 ? std::uint64_t{1} << (signal - 1) : 0;
  }
  void look_at(int signal) noexcept;

  std::uint64_t covered_ = ~std::uint64_t{0};
  std::uint64_t ignored_ = 0;
  std::uint64_t blocked_ = 0;
};

}  // namespace ioa
