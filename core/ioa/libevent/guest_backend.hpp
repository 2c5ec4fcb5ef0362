#pragma once

#include <event2/event_struct.h>

#include <memory>
#include <optional>
#include <vector>

#include "ioa/base/unique_function.hpp"
#include "ioa/libevent/libevent_backend.hpp"

namespace ioa::detail {

/// The Backend of a GuestLoop: libevent's as well, but on an event_base that others own and run.
///
/// As ever its callbacks only record. What they record activates one event of the base, the pulse,
/// which comes after them and has the turn run; that turn's wait() waits for nothing. Whatever the
/// turn leaves to do is the pulse's as well: an alarm for a deadline, no delay for what is queued.
class GuestBackend : public LibeventBackend {
 public:
  /// One turn; gives the time by which the next one has to come (nullopt: never).
  using Turn = UniqueFunction<std::optional<TimePoint>()>;

  /// Borrows `base`. The first pulse comes by itself. Throws Error if the system refuses.
  GuestBackend(event_base* base, Turn turn);
  ~GuestBackend() override;

  std::unique_ptr<IoRegistration> register_io(int fd, IoTarget& target) override;
  /// In the pulse's turn it gathers what has come, once. Outside of the base's loop it runs that,
  /// and the events of others with it. Elsewhere there is no waiting: std::logic_error.
  void wait(std::optional<TimePoint> deadline) override;
  void after_fork() override;
  Watched watched() const override;

  /// Has a turn come by `next`.
  void attend(std::optional<TimePoint> next);
  bool is_turning() const noexcept { return is_turning_; }
  bool is_waiting() const noexcept { return is_waiting_; }
  /// Has the base's loop return to who runs it, after this turn.
  void break_base() noexcept;

 private:
  class Io;
  class Waiting;

  static void pulsed(int, short, void* self);
  void woken(Wake reason) noexcept override;
  /// False for what epoll refuses. (Trying it out has libevent print a warning, and does not fail
  /// at all on a base that collects its changes.)
  bool can_poll(int fd) const;
  void pulse_soon() noexcept;
  void run_base(std::optional<TimePoint> deadline);
  void run_pass(int flags);
  bool has_ready_files() const noexcept;
  void tell_files() noexcept;

  Turn turn_;
  event pulse_{};
  std::vector<Io*> files_;  // always ready
  bool is_turning_ = false;
  bool may_gather_ = false;  // the turn has not waited yet
  bool is_waiting_ = false;
  bool has_news_ = false;
};

}  // namespace ioa::detail
