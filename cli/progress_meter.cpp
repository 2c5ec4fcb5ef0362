#include "cli/progress_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "cli/option_values.hpp"

namespace ioa::cli {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::pair<std::string_view, ProgressMode> kModes[] = {
    {"auto", ProgressMode::automatic},
    {"always", ProgressMode::always},
    {"never", ProgressMode::never},
};

// Often enough to look alive, seldom enough to cost nothing; a log is read later.
constexpr Duration kTerminalInterval = std::chrono::milliseconds(200);
constexpr Duration kLogInterval = std::chrono::seconds(1);

// How long what was measured counts for the rate: it forgets two thirds in this time.
constexpr double kMemorySeconds = 3;

// An ETA beyond this says nothing but "never".
constexpr double kLongestEtaSeconds = 100.0 * 24 * 3600;

std::string format_amount(ProgressUnit unit, std::uint64_t amount) {
  return unit == ProgressUnit::bytes ? format_bytes(amount) : std::to_string(amount);
}

std::string format_rate(ProgressUnit unit, double rate) {
  if (unit == ProgressUnit::bytes)
    return format_bytes(static_cast<std::uint64_t>(std::min(rate, 1e18))) + "/s";
  return fmt::format("{:.{}f}/s", rate, rate < 100 ? 1 : 0);
}

bool is_wanted(const Reporter& reporter, ProgressMode mode) {
  return mode == ProgressMode::always ||
         (mode == ProgressMode::automatic && reporter.is_terminal());
}

}  // namespace

ProgressMode read_progress(const OptionValues& values) {
  if (!values.has("progress")) return ProgressMode::never;
  values.exclude("progress", "quiet");
  if (values.text("progress").value_or("").empty()) return ProgressMode::automatic;
  return values.choice<ProgressMode>("progress", kModes).value_or(ProgressMode::automatic);
}

ProgressText::ProgressText(ProgressUnit unit, TimePoint started) noexcept
    : unit_(unit), started_(started), measured_(started) {}

std::string ProgressText::next(const ProgressReading& reading, TimePoint now) {
  measure(reading.done, now);
  return text(reading, rate_, now, false);
}

std::string ProgressText::last(const ProgressReading& reading, TimePoint now) const {
  const double elapsed = Seconds(now - started_).count();
  const double rate = elapsed > 0 ? static_cast<double>(reading.done) / elapsed : 0;
  return text(reading, rate, now, true);
}

void ProgressText::measure(std::uint64_t done, TimePoint now) {
  const double elapsed = Seconds(now - measured_).count();
  if (elapsed <= 0) return;
  const double fresh =
      static_cast<double>(done - std::min(done, std::exchange(done_, done))) / elapsed;
  // In the beginning there is no past to average with.
  const double age = Seconds(now - started_).count();
  // The past fades by exp(-x). Its series will do: for expm1() alone the dynamic linker would have
  // to load libm, at every start.
  const double x = elapsed / std::min(kMemorySeconds, age);
  const double weight = 1 - 1 / (1 + x + x * x / 2);
  rate_ = measured_ == started_ ? fresh : rate_ + (fresh - rate_) * weight;
  measured_ = now;
}

std::string ProgressText::text(const ProgressReading& reading, double rate, TimePoint now,
                               bool is_last) const {
  std::string text = format_amount(unit_, reading.done);
  if (reading.total) {
    text += " of " + format_amount(unit_, *reading.total);
    const double share = *reading.total == 0 ? 1
                                             : static_cast<double>(reading.done) /
                                                   static_cast<double>(*reading.total);
    text += fmt::format(" ({}%)", static_cast<int>(std::min(share, 1.0) * 100));
  }
  text += ", " + format_rate(unit_, rate);
  text += ", " + format_clock(now - started_);
  if (reading.total && !is_last && reading.done < *reading.total) {
    const double left =
        rate > 0 ? static_cast<double>(*reading.total - reading.done) / rate : kLongestEtaSeconds;
    text += left < kLongestEtaSeconds
                ? ", ETA " + format_clock(std::chrono::duration_cast<Duration>(Seconds(left)))
                : ", ETA -:--";
  }
  if (!reading.note.empty()) text += ", " + reading.note;
  return text;
}

LiveLine::LiveLine(Loop& loop, Reporter& reporter, ProgressMode mode,
                   UniqueFunction<std::string()> text)
    : loop_(loop), reporter_(reporter), text_(std::move(text)) {
  if (!is_wanted(reporter, mode)) return;
  interval_ = reporter.is_terminal() ? kTerminalInterval : kLogInterval;
  timer_.emplace(loop.timers(), [this] { draw(); });
  timer_->arm(saturating_add(loop.now(), interval_));
}

LiveLine::~LiveLine() {
  if (timer_) reporter_.hide_live();
}

void LiveLine::draw() {
  reporter_.show_live(text_());
  timer_->arm(saturating_add(loop_.now(), interval_));
}

void LiveLine::finish(std::string_view text) {
  if (!timer_) return;
  timer_.reset();
  reporter_.keep_live(text);
}

ProgressMeter::ProgressMeter(Loop& loop, Reporter& reporter, ProgressMode mode, ProgressUnit unit,
                             UniqueFunction<ProgressReading()> read)
    : loop_(loop),
      read_(std::move(read)),
      text_(unit, loop.now()),
      line_(loop, reporter, mode, [this, &loop] { return text_.next(read_(), loop.now()); }) {}

void ProgressMeter::finish() {
  if (!line_.is_shown()) return;
  loop_.refresh_now();
  line_.finish(text_.last(read_(), loop_.now()));
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kUnit = 1024;
  if (bytes < kUnit) return std::to_string(bytes);
  constexpr std::array kUnits{'K', 'M', 'G', 'T', 'P', 'E'};
  double amount = static_cast<double>(bytes) / kUnit;
  std::size_t unit = 0;
  // What would be shown as 1024.0 is one of the next unit.
  for (; amount >= 1023.95 && unit + 1 < kUnits.size(); ++unit) amount /= kUnit;
  return fmt::format("{:.1f}{}", amount, kUnits[unit]);
}

std::string format_clock(Duration length) {
  const auto seconds =
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(length).count());
  const std::int64_t minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60);
}

}  // namespace ioa::cli
