#pragma once

#include <optional>

#include "cli/context.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/loop/time_queue.hpp"

namespace ioa::cli {

/// What reaches into a command while it runs, for as long as this lives: the first signal that ends
/// it in an orderly way, the wish for its counters (SIGUSR1), and the limit of the whole run.
class RunHooks {
 public:
  explicit RunHooks(Context& context) noexcept : context_(context) {}
  RunHooks(const RunHooks&) = delete;
  RunHooks& operator=(const RunHooks&) = delete;
  ~RunHooks() {
    context_.on_signal = nullptr;
    context_.on_abort = nullptr;
    context_.on_counters = nullptr;
  }

  /// Has `command.on_signal(number)` and `command.print_counters()` called.
  template <class Command>
  void call(Command& command) {
    context_.on_signal = [&command](int number) { command.on_signal(number); };
    context_.on_counters = [&command] { command.print_counters(); };
  }

  /// Has `command.on_time_limit()` called when `limit` is over; zero is no limit.
  template <class Command>
  void limit(Command& command, Duration limit) {
    if (limit <= Duration::zero()) return;
    limit_.emplace(context_.loop.timers(), [&command] { command.on_time_limit(); });
    limit_->arm(saturating_add(context_.loop.now(), limit));
  }

 private:
  Context& context_;
  std::optional<TimeWatch> limit_;
};

}  // namespace ioa::cli
