#include "cli/commands/timer/timer_options.hpp"

#include <array>
#include <string>
#include <utility>

#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "cli/usage_error.hpp"
#include "cli/wall_time.hpp"

namespace ioa::cli {
namespace {

constexpr std::array<std::pair<std::string_view, TimerMode>, 4> kModes{{
    {"after", TimerMode::after},
    {"every", TimerMode::every},
    {"at", TimerMode::at},
    {"idle", TimerMode::idle},
}};

[[noreturn]] void fail(std::string_view argument, std::string_view problem) {
  throw UsageError("timer", argument, problem);
}

/// The words before a lone "--", and the command behind it.
struct Operands {
  std::vector<std::string> words;
  std::vector<std::string> command;
};

Operands split(const Arguments& arguments) {
  Operands operands;
  const auto& all = arguments.operands;
  const std::size_t words = arguments.behind_dashes.value_or(all.size());
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(words);
  operands.words.assign(all.begin(), middle);
  operands.command.assign(middle, all.end());
  if (arguments.behind_dashes && operands.command.empty())
    fail("--", "expected a command behind it");
  if (!operands.command.empty() && operands.command.front().empty())
    fail("''", "expected the name of a command");
  return operands;
}

TimerMode read_mode(const Operands& operands) {
  constexpr std::string_view kExpected = "expected after, every, at or idle";
  if (operands.words.empty()) fail("WHEN", kExpected);
  for (const auto& [name, mode] : kModes)
    if (operands.words[0] == name) return mode;
  fail(escape_argument(operands.words[0]), kExpected);
}

/// The TIME of an operand or an option, which must be to come.
WallTime read_time(std::string_view shown, std::string_view text, WallTime now) {
  const auto time = parse_time(text, now);
  if (!time) fail(shown, kExpectedTime);
  if (text.find_first_of("@-") == text.npos && !is_time_zone_known())
    fail(shown, "the time zone that TZ names is unknown");
  if (*time <= now) fail(shown, "expected a time that is to come");
  return *time;
}

void read_when(const Operands& operands, WallTime now, TimerOptions& options) {
  const std::string& mode = operands.words[0];
  const bool is_time = options.mode == TimerMode::at;
  if (operands.words.size() < 2) fail(mode, is_time ? kExpectedTime : kExpectedDuration);
  if (operands.words.size() > 2)
    fail(escape_argument(operands.words[2]), "expected nothing more; a command goes behind --");
  const std::string& when = operands.words[1];
  const std::string shown = mode + ' ' + escape_argument(when);
  if (is_time) {
    options.time = read_time(shown, when, now);
    return;
  }
  const auto length = parse_duration(when);
  if (!length) fail(shown, kExpectedDuration);
  if (options.mode != TimerMode::after && *length <= Duration::zero())
    fail(shown, "expected a duration of more than 0");
  options.wait = options.plan.interval = *length;
}

/// Fails if an option was given that the mode cannot follow.
void check_modes(const OptionValues& values, TimerMode mode) {
  constexpr std::array<std::string_view, 4> kEvery{"first", "align", "missed"};
  constexpr std::array<std::string_view, 5> kRepeated{"count", "for", "until", "overlap",
                                                      "stop-on-failure"};
  for (const std::string_view key : kEvery)
    if (!key.empty() && mode != TimerMode::every && values.has(key))
      values.fail(key, "only 'every' has it");
  if (mode == TimerMode::idle && values.has("jitter")) values.fail("jitter", "'idle' has none");
  if (mode == TimerMode::every || mode == TimerMode::idle) return;
  // The command of these is run in our place: signals are passed on to it, as run-child does.
  if (values.has("kill-after")) values.fail("kill-after", "only 'every' and 'idle' have it");
  for (const std::string_view key : kRepeated)
    if (values.has(key)) values.fail(key, "only 'every' and 'idle' have it");
}

void read_plan(const OptionValues& values, TickPlan& plan) {
  constexpr std::array<std::pair<std::string_view, MissedTicks>, 3> kMissed{{
      {"skip", MissedTicks::skip},
      {"catch-up", MissedTicks::catch_up},
      {"drift", MissedTicks::drift},
  }};
  values.exclude("align", "first");
  plan.first = values.duration("first");
  plan.missed = values.choice<MissedTicks>("missed", kMissed).value_or(MissedTicks::skip);
  plan.aligned = values.has("align");
  if (plan.aligned && plan.missed == MissedTicks::drift)
    values.fail("missed", "cannot be used with --align");
  if (plan.aligned && !is_time_zone_known())
    values.fail("align", "the time zone that TZ names is unknown");
  plan.jitter = values.duration("jitter").value_or(Duration::zero());
}

void read_output(const OptionValues& values, TimerOptions& options) {
  values.exclude("format", "json");
  options.json = values.has("json");
  if (const auto text = values.text("format")) {
    auto format = TickFormat::parse(*text);
    if (!format) values.fail("format", kExpectedFormat);
    if (format->needs_time_zone() && !is_time_zone_known())
      values.fail("format", "the time zone that TZ names is unknown");
    options.format = std::move(*format);
  }
  const bool is_asked = values.has("print") || options.json || values.has("format");
  options.prints = is_asked || (options.mode == TimerMode::every && options.command.empty());
  options.progress = read_progress(values);
}

void read_command(const OptionValues& values, TimerOptions& options) {
  constexpr std::array<std::pair<std::string_view, Overlap>, 4> kOverlaps{{
      {"skip", Overlap::skip},
      {"queue", Overlap::queue},
      {"kill", Overlap::kill},
      {"parallel", Overlap::parallel},
  }};
  if (options.command.empty()) {
    for (const std::string_view key : {"overlap", "stop-on-failure", "kill-after"})
      if (values.has(key)) values.fail(key, "needs a command behind --");
  }
  options.overlap = values.choice<Overlap>("overlap", kOverlaps).value_or(Overlap::skip);
  options.stop_on_failure = values.has("stop-on-failure");
  options.kill_after = values.duration("kill-after").value_or(options.kill_after);
}

}  // namespace

TimerOptions parse_timer(const Arguments& arguments, WallTime now) {
  const OptionValues values(arguments);
  Operands operands = split(arguments);
  TimerOptions options;
  options.general = read_general(values);
  options.mode = read_mode(operands);
  read_when(operands, now, options);
  check_modes(values, options.mode);
  options.command = std::move(operands.command);
  read_plan(values, options.plan);
  if (options.mode == TimerMode::every && options.plan.jitter > options.plan.interval)
    values.fail("jitter", "expected no more than the interval");
  options.count = values.number("count", 0, UINT32_MAX).value_or(0);
  options.run_time = values.duration("for").value_or(options.run_time);
  if (const auto until = values.text("until"))
    options.until = read_time("--until " + escape_argument(*until), *until, now);
  read_output(values, options);
  read_command(values, options);
  return options;
}

}  // namespace ioa::cli
