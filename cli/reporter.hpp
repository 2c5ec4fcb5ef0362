#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/exit_status.hpp"
#include "cli/general_options.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/event_sink.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa::cli {

/// The program's talk: the one place that writes to standard error, and the one that writes events.
///
/// It is the engine's event sink. Each event goes to `--events` as one JSON object a line, and with
/// -v to standard error as one line for people. Everything that came from outside is escaped.
class Reporter final : public EventSink {
 public:
  /// `command` stands in front of each line. Events count their time from `started`. Throws
  /// UsageError if the target of the events cannot be written.
  Reporter(std::string_view command, const GeneralOptions& options, TimePoint started);

  /// A failure that ends the run, or a part of it: `ioa COMMAND: MESSAGE`. Also with --quiet.
  void error(std::string_view message);
  /// Something a user should know although nothing failed; not with --quiet.
  void warning(std::string_view message);
  /// Progress, for -v (level 1) and -vv (level 2).
  void note(std::string_view message, int level = 1);
  bool is_verbose(int level = 1) const noexcept { return verbosity_ >= level; }

  /// EventSink: adds `event`, `time` and `elapsed_ms`.
  void event(std::string_view name, std::span<const EventField> fields) override;
  void event(std::string_view name, std::initializer_list<EventField> fields) {
    event(name, std::span<const EventField>(fields.begin(), fields.size()));
  }
  /// True if anybody would see an event: who computes its fields may ask first.
  bool wants_events() const noexcept { return events_fd_ >= 0 || verbosity_ > 0; }

  /// Has -v say of which connection (`conn`) it speaks: where there are several.
  void name_connections() noexcept { names_connections_ = true; }

  /// The last event of a run.
  void exit(ExitStatus status);

  TimePoint started() const noexcept { return started_; }

  /// Whether standard error is a terminal.
  bool is_terminal() const noexcept { return is_terminal_; }

  /// The live line of a meter (cli/progress_meter.hpp), at most one. On a terminal it is drawn in
  /// place of the last one, cut to the terminal's width, without waiting for a terminal that is
  /// stopped, and not from the background; lines that are printed later stand above it. Elsewhere
  /// it is a line like any other. `text` has nothing in it that needs escaping.
  void show_live(std::string_view text);
  /// Takes it away from a terminal. To be called as well before anything else is written there.
  void hide_live();
  /// Puts `text` in its place as a line that stays.
  void keep_live(std::string_view text);

 private:
  void say(std::string_view message);
  void draw_live(std::string_view text);
  void write_event(std::string_view name, std::span<const EventField> fields);

  std::string prefix_;
  int verbosity_;
  bool quiet_;
  bool is_terminal_;
  bool color_;
  bool names_connections_ = false;
  std::string live_;  // what stands in the terminal's last line at present
  TimePoint started_;
  UniqueFd events_file_;
  int events_fd_ = -1;
};

/// A measured time for people, rounded: "1.3ms", "250ms", "2.5s". For limits: duration_text().
std::string format_measured(Duration duration);

}  // namespace ioa::cli
