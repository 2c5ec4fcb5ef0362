#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/backend.hpp"

namespace ioa::test {

/// A Backend whose time and readiness the test moves, so that timeouts, retries and protocols are
/// tested at the speed of the processor and always with the same outcome.
///
///     auto owned = std::make_unique<FakeBackend>();
///     FakeBackend& fake = *owned;
///     Loop loop(std::move(owned));
///     fake.set_ready(5, IoEvent::read);   // descriptor 5 need not exist
///     loop.turn();
///
/// TIME stands still until advance(), or until wait() has nothing to do but to wait: then it jumps
/// to the deadline. A wait for ever with nothing that could end it throws std::logic_error, which
/// names what is watched. THREADS: wake(), set_ready() and raise() may be called from any. A test
/// with threads at work calls set_autojump(false): wait() then really waits for one of them (10 s
/// at most).
class FakeBackend final : public Backend {
 public:
  FakeBackend();
  ~FakeBackend() override;

  /// Moves the clock, and the wall clock with it.
  void advance(Duration by);
  /// Sets the wall clock, forward or back; the other clock stands still.
  void set_wall_clock(WallTime time);
  /// False: nobody is told of a set wall clock, as on a system that cannot.
  void set_tells_wall_clock(bool tells) { tells_wall_clock_ = tells; }
  /// True, the default: an idle wait() moves the clock to its deadline instead of waiting.
  void set_autojump(bool jump) { autojump_ = jump; }
  /// True: descriptors are real, and ready as poll(2) says, in addition to what set_ready() says.
  void set_real_descriptors(bool real) { real_descriptors_ = real; }

  /// From now on `fd` is ready for `events`, until this is called again: level-triggered.
  void set_ready(int fd, IoEvents events);
  /// From now on watching `fd` fails with this errno value; 0 takes it back.
  void refuse(int fd, int errno_value);
  /// A signal has arrived, once or more until the next wait().
  void raise(int signal);

  /// What all registrations of `fd` together wait for.
  IoEvents watched(int fd) const;
  bool is_watched(int signal) const;
  /// How many want to be told of a set wall clock.
  std::size_t wall_clock_targets() const { return wall_clocks_.size(); }
  /// How many after_fork() calls there were.
  int forks() const { return forks_; }
  /// How many wait() calls there were, and how many of them jumped.
  std::size_t waits() const { return waits_; }
  std::size_t jumps() const { return jumps_; }
  /// What is watched, for a message about a test that hangs.
  std::string describe() const;

  std::string_view name() const override { return "fake"; }
  TimePoint now() const override;
  WallTime wall_now() const override;
  std::unique_ptr<IoRegistration> register_io(int fd, IoTarget& target) override;
  std::unique_ptr<SignalRegistration> register_signal(int signal, SignalTarget& target) override;
  std::unique_ptr<WallClockRegistration> register_wall_clock(WallClockTarget& target) override;
  void wait(std::optional<TimePoint> deadline) override;
  void wake() noexcept override;
  void after_fork() override { ++forks_; }
  Watched watched() const override;

 private:
  class Io;
  class Signal;
  class WallClock;

  /// Tells the targets what is ready; false if nothing is.
  bool collect();
  bool collect_signals();
  bool collect_wall_clock();
  bool collect_io();
  /// poll(2) on the waker and, in that mode, on the registered descriptors.
  bool poll_real(std::chrono::milliseconds timeout);
  std::string stalled(const char* what) const;

  UniqueFd waker_;
  std::atomic<bool> woken_{false};
  bool autojump_ = true;
  bool real_descriptors_ = false;
  std::size_t waits_ = 0;
  std::size_t jumps_ = 0;
  std::vector<Io*> ios_;
  std::vector<Signal*> signals_;
  std::vector<WallClock*> wall_clocks_;
  bool tells_wall_clock_ = true;
  int forks_ = 0;
  std::map<int, int> refused_;

  mutable std::mutex mutex_;  // of what follows
  TimePoint now_{std::chrono::seconds(1000)};
  Duration wall_offset_ = std::chrono::seconds(1'000'000'000);  // of the wall clock
  bool was_wall_clock_set_ = false;
  std::map<int, IoEvents> ready_;
  std::set<int> raised_;
};

}  // namespace ioa::test
