#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ioa/base/event_slot.hpp"
#include "ioa/base/signal_name.hpp"
#include "ioa/future/waiters.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

/// A notifier that calls when a signal has arrived.
///
///     auto& hangup = loop.add(std::make_unique<Signal>("HUP"));
///     hangup.on_receipt([&](Signal&) { settings.read_again(); });
///
/// EVENTS: on_receipt, called from the loop, never from the handler; signals that arrive before it
/// runs are one call. Any number of objects may share a signal: all are called, in the order in
/// which they entered the loop, whatever the others do to themselves or to each other. When the
/// last one of a signal has left, the disposition of before is back.
///
/// OWNERSHIP: signals belong to one Loop of a process at a time.
class Signal final : public Notifier {
 public:
  using Callback = UniqueFunction<void(Signal&)>;

  /// A name as signal_number() takes it. Throws Error (EINVAL) for a name that is none, and for a
  /// signal that cannot be caught.
  explicit Signal(std::string_view name);
  explicit Signal(int number);
  ~Signal() override;

  int number() const noexcept { return number_; }

  /// May be replaced at any time, also from inside itself.
  void on_receipt(Callback callback) { on_receipt_ = std::move(callback); }
  /// Ready at the next receipt, after on_receipt. Fails with kind `abandoned` if the object is
  /// destroyed before.
  Future<> next() { return waiters_.add(receipts_ + 1); }

  /// The signal's name: "TERM".
  std::string describe() const override { return signal_name(number_); }

 private:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;
  void received();

  int number_;
  std::optional<SignalWatch> watch_;  // inside a loop
  std::uint64_t receipts_ = 0;
  Waiters waiters_;
  Event<void(Signal&)> on_receipt_;
};

}  // namespace ioa
