#pragma once

#include <cstdint>
#include <optional>

#include "ioa/base/clock.hpp"
#include "ioa/loop/metrics.hpp"
#include "ioa/loop/notifier.hpp"

namespace ioa {

class Loop;

/// What a Loop calls back for.
enum class CallbackKind : std::uint8_t { descriptor, signal, posted, timer, deferred, reaction };

/// Reads the clock around the callbacks of a Loop: only one that measures has it, or looks out for
/// slow callbacks. The time that a callback spends in turns inside it is theirs, not its own.
class CallbackMonitor {
 public:
  explicit CallbackMonitor(Loop& loop) noexcept : loop_(loop) {}
  CallbackMonitor(const CallbackMonitor&) = delete;
  CallbackMonitor& operator=(const CallbackMonitor&) = delete;

  void set_measuring(bool measures) noexcept { measures_ = measures; }
  void set_limit(std::optional<Duration> limit) noexcept { limit_ = limit; }
  bool is_on() const noexcept { return measures_ || limit_.has_value(); }

  Duration busy_time() const noexcept { return busy_time_; }
  Duration longest_turn() const noexcept { return longest_turn_; }
  const TurnHistogram& turn_times() const noexcept { return turn_times_; }

  /// The callback that is being called belongs to `notifier`.
  void note(Notifier& notifier);

  /// Stands on the stack around something that takes time.
  class Span {
   public:
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   protected:
    explicit Span(CallbackMonitor* monitor) noexcept : monitor_(monitor) {}
    ~Span() = default;
    void start(TimePoint began) noexcept;
    /// Its own time; all of it becomes time that the span around it does not count.
    Duration finish(bool counts_outside) noexcept;

    CallbackMonitor* monitor_;
    TimePoint began_{};

   private:
    Span* outer_ = nullptr;
    Duration elsewhere_{};  // in turns inside it
  };

  /// A callback. Reports it to the EventSink, as `callback.slow`, if it was slow.
  class Call : private Span {
   public:
    /// `number`: of the descriptor or the signal; else -1.
    Call(CallbackMonitor& monitor, CallbackKind kind, int number = -1);
    ~Call();
    /// There was nothing to call.
    void forget() noexcept { is_forgotten_ = true; }

   private:
    friend class CallbackMonitor;
    CallbackKind kind_;
    int number_;
    bool is_forgotten_ = false;
    Call* outer_call_;
    WeakRef<Notifier> notifier_;
  };

  /// A turn, its wait included. Without a monitor it is nothing.
  class Turn : private Span {
   public:
    explicit Turn(CallbackMonitor* monitor) : Span(monitor) {
      if (monitor_ != nullptr) begin();
    }
    ~Turn() {
      if (monitor_ != nullptr) end();
    }
    /// The wait has ended.
    void awake(TimePoint now) noexcept { woke_ = now; }

   private:
    void begin();
    void end() noexcept;

    TimePoint woke_{};
  };

 private:
  void report(CallbackKind kind, int number, Notifier* notifier, Duration took) const;

  Loop& loop_;
  std::optional<Duration> limit_;
  bool measures_ = false;
  Duration busy_time_{};
  Duration longest_turn_{};
  TurnHistogram turn_times_;
  Span* innermost_ = nullptr;
  Call* innermost_call_ = nullptr;
};

}  // namespace ioa
