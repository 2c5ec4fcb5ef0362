#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/option_table.hpp"
#include "cli/reporter.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/time_queue.hpp"

namespace ioa::cli {

class OptionValues;

/// Whether a run shows how far it is: `--progress[=WHEN]`.
enum class ProgressMode {
  never,
  automatic,  ///< If standard error is a terminal.
  always,
};

/// For the table of a command that shows progress, and its value. Throws UsageError.
inline constexpr OptionSpec kProgressOption{
    "progress", 0, ValueKind::optional, "WHEN",
    "a live meter on stderr: auto (only on a terminal), always or never [auto]"};
ProgressMode read_progress(const OptionValues& values);

/// What a meter counts.
enum class ProgressUnit {
  bytes,
  items,  ///< Jobs, names, ticks.
};

/// How far a run is.
struct ProgressReading {
  std::uint64_t done = 0;
  std::optional<std::uint64_t> total;  ///< Where it is known: gives a percentage and an ETA.
  std::string note;                    ///< More to say, at the end: "3 failed".
};

/// Turns readings into text, and keeps the rate: the average of the last seconds.
///
///     12.3M of 40.0M (30%), 4.1M/s, 0:03, ETA 0:07
///     12 of 40 (30%), 4.1/s, 0:03, ETA 0:07, 2 failed
class ProgressText {
 public:
  ProgressText(ProgressUnit unit, TimePoint started) noexcept;

  /// The text for a reading taken at `now`.
  std::string next(const ProgressReading& reading, TimePoint now);
  /// The same for the last reading: the rate is that of the whole run, and nothing is to come.
  std::string last(const ProgressReading& reading, TimePoint now) const;

 private:
  void measure(std::uint64_t done, TimePoint now);
  std::string text(const ProgressReading& reading, double rate, TimePoint now, bool is_last) const;

  ProgressUnit unit_;
  TimePoint started_;
  TimePoint measured_;
  std::uint64_t done_ = 0;
  double rate_ = 0;  // a second
};

/// One line on standard error that is always up to date: on a terminal it is drawn again and again
/// in its place, elsewhere there is a new line from time to time. Diagnostics that are printed
/// meanwhile stand above it (see Reporter).
///
/// It draws from a timer of the loop, so that nobody has to tell it of changes. OWNERSHIP: loop and
/// reporter outlive it. Destroyed, it leaves nothing behind on a terminal.
class LiveLine {
 public:
  /// `text` is asked for each time the line is drawn. Nothing happens if `mode` says so.
  LiveLine(Loop& loop, Reporter& reporter, ProgressMode mode, UniqueFunction<std::string()> text);
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  ~LiveLine();

  /// False if nobody would see it.
  bool is_shown() const noexcept { return timer_.has_value(); }
  /// Ends it with `text` as a line that stays.
  void finish(std::string_view text);

 private:
  void draw();

  Loop& loop_;
  Reporter& reporter_;
  UniqueFunction<std::string()> text_;
  Duration interval_{};
  std::optional<TimeWatch> timer_;
};

/// The live meter of `--progress`: what is done, of how much, how fast, for how long, and how long
/// it will take.
///
///     ProgressMeter meter(context.loop, context.reporter, options.progress, ProgressUnit::items,
///                         [this] { return ProgressReading{done_, total_, {}}; });
///     …
///     meter.finish();
class ProgressMeter {
 public:
  /// It counts time from now. As LiveLine; `read` is called each time the meter is drawn.
  ProgressMeter(Loop& loop, Reporter& reporter, ProgressMode mode, ProgressUnit unit,
                UniqueFunction<ProgressReading()> read);

  /// Ends it: the last reading stays as a line. Without this call nothing stays.
  void finish();

 private:
  Loop& loop_;
  UniqueFunction<ProgressReading()> read_;
  ProgressText text_;
  LiveLine line_;
};

/// A number of bytes for people, in the units that the command line takes: "512", "1.5K", "12.3M".
std::string format_bytes(std::uint64_t bytes);

/// A length of time for people as a clock shows it: "0:03", "12:34", "1:02:03".
std::string format_clock(Duration length);

}  // namespace ioa::cli
