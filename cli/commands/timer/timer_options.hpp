#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands/timer/tick_format.hpp"
#include "cli/commands/timer/ticker.hpp"
#include "cli/general_options.hpp"
#include "cli/progress_meter.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// What `ioa timer` waits for.
enum class TimerMode { after, every, at, idle };

/// What a tick does whose predecessor's command still runs.
enum class Overlap {
  skip,      ///< Is left out.
  queue,     ///< Waits for the end of it.
  kill,      ///< Ends it.
  parallel,  ///< Runs beside it.
};

/// What `ioa timer` was asked to do: complete, checked, and free of contradictions.
struct TimerOptions {
  GeneralOptions general;

  TimerMode mode = TimerMode::after;
  std::chrono::nanoseconds wait{0};  ///< With `after` and `idle`.
  WallTime time;                     ///< With `at`.
  TickPlan plan;                     ///< With `every`; its jitter with `after` and `at` too.

  std::uint64_t count = 0;               ///< Ticks until the end; 0: no limit.
  std::chrono::nanoseconds run_time{0};  ///< `--for`; 0: no limit.
  std::optional<WallTime> until;

  /// Whether ticks are written to standard output.
  bool prints = false;
  bool json = false;
  TickFormat format = TickFormat::standard();
  ProgressMode progress = ProgressMode::never;

  std::vector<std::string> command;  ///< Empty: none.
  Overlap overlap = Overlap::skip;
  std::chrono::nanoseconds kill_after{std::chrono::seconds(2)};  ///< 0: never.
  bool stop_on_failure = false;
};

/// The table of the command: see connect_command().
const CommandSpec& timer_command() noexcept;

/// Turns what the pre-pass read into a plan; times of day are counted from `now`. Throws
/// UsageError.
TimerOptions parse_timer(const Arguments& arguments, WallTime now);

}  // namespace ioa::cli
