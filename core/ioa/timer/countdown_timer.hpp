#pragma once

#include "ioa/base/event_slot.hpp"
#include "ioa/timer/timer.hpp"

namespace ioa {

/// Calls once, a while after it was started, unless it is stopped or set back before.
///
///     auto& idle = loop.add(std::make_unique<CountdownTimer>(30s));
///     idle.on_expire([](CountdownTimer&) { give_up(); });
///     idle.start();
///     stream.on_read([&](Stream&, ByteBuffer& in, bool) { idle.reset(); ... });
///
/// EVENTS: on_expire, which may do anything to the timer: start it again, replace the callback,
/// remove it.
class CountdownTimer final : public Timer {
 public:
  using Callback = UniqueFunction<void(CountdownTimer&)>;

  /// `delay` of zero means the next turn. Throws std::logic_error if it is negative.
  explicit CountdownTimer(Duration delay);

  Duration delay() const noexcept { return delay_; }
  /// Only while it is not running: throws std::logic_error.
  void set_delay(Duration delay);

  /// Begins to count from the current turn. Throws std::logic_error if it is running.
  CountdownTimer& start();
  /// Sets a running one back to the whole delay, cheaply enough for every byte that comes; does
  /// nothing to another. Throws std::logic_error outside a loop.
  void reset();
  /// True from its expiry until it is started again.
  bool is_expired() const noexcept { return is_expired_; }

  /// Whether it leaves the tree when it expires, before on_expire is called.
  void set_remove_on_expire(bool removes) noexcept { removes_ = removes; }
  void on_expire(Callback callback) { on_expire_ = std::move(callback); }
  /// Ready when it expires, after on_expire; at once if it has expired. Fails with kind `abandoned`
  /// if the timer is destroyed before; a stop leaves it waiting for the next start.
  Future<> expired();

 private:
  void begun() override;
  void fired() override;

  Duration delay_;
  bool is_expired_ = false;
  bool removes_ = false;
  Event<void(CountdownTimer&)> on_expire_;
};

}  // namespace ioa
