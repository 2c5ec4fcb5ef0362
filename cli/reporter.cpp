#include "cli/reporter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <variant>
#include <vector>

#include "cli/escape.hpp"
#include "cli/json_line.hpp"
#include "cli/output_fd.hpp"
#include "cli/timestamp.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

bool use_color(ColorMode mode, bool is_terminal) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && is_terminal;
}

/// The columns that a line may take without being broken; 80 where nobody knows.
std::size_t live_width() {
  winsize size{};
  const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return is_known ? size.ws_col - 1U : 79U;
}

/// Writing from the background stops a process where the terminal says so (termios(3), TOSTOP),
/// and disturbs whoever has it in any case.
bool is_in_background() {
  const pid_t foreground = ::tcgetpgrp(STDERR_FILENO);
  return foreground >= 0 && foreground != ::getpgrp();
}

bool has_room() {
  pollfd entry{STDERR_FILENO, POLLOUT, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLOUT) != 0;
}

std::string text_of(const EventField& field) {
  struct Visitor {
    std::string operator()(std::string_view value) const { return escape(value); }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return fmt::format("{:.3f}", value); }
    std::string operator()(bool value) const { return value ? "yes" : "no"; }
    std::string operator()(std::span<const std::string> values) const {
      std::string text;
      for (const std::string& value : values) text += (text.empty() ? "" : ", ") + escape(value);
      return text;
    }
  };
  return std::visit(Visitor{}, field.value);
}

std::string field(std::span<const EventField> fields, std::string_view name) {
  for (const EventField& entry : fields)
    if (entry.name == name) return text_of(entry);
  return {};
}

/// A command as somebody would type it, about.
std::string command_line(std::span<const EventField> fields) {
  std::string line;
  for (const EventField& entry : fields) {
    const auto* words = std::get_if<std::span<const std::string>>(&entry.value);
    if (entry.name != "command" || words == nullptr) continue;
    for (const std::string& word : *words) {
      const bool is_plain = !word.empty() && word.find(' ') == word.npos;
      const std::string_view quote = is_plain ? "" : "'";
      line += fmt::format("{}{}{}{}", line.empty() ? "" : " ", quote, escape(word), quote);
    }
  }
  return line;
}

/// An event as -v tells it; empty for those that are not worth a line.
std::string describe(std::string_view name, std::span<const EventField> fields) {
  const auto get = [&](std::string_view key) { return field(fields, key); };
  if (name == "resolve.done")
    return fmt::format("{} is {}{}{}", get("name"), get("addresses"), get("names"), get("records"));
  if (name == "attempt.start") return fmt::format("trying {}", get("address"));
  if (name == "attempt.failed")
    return fmt::format("{} {}: {} ({})", get("syscall"), get("address"), get("message"),
                       get("error"));
  if (name == "connected")
    return fmt::format("connected to {} from {}", get("address"), get("local"));
  if (name == "eof")
    return get("side") == "peer"    ? "the peer has ended"
           : get("side") == "stdin" ? "standard input has ended"
                                    : "the near side has ended";
  if (name == "closed")
    return fmt::format("closed ({}): {} bytes sent, {} received", get("reason"), get("bytes_sent"),
                       get("bytes_received"));
  if (name == "child.started")
    return fmt::format("started {}, pid {}", command_line(fields), get("pid"));
  if (name == "child.exited") return fmt::format("pid {} {}", get("pid"), get("message"));
  if (name == "accepted") return fmt::format("accepted {}", get("address"));
  if (name == "rejected") return fmt::format("rejected {}: {}", get("address"), get("reason"));
  if (name == "listening") return fmt::format("listening on {}", get("address"));
  if (name == "retry")
    return fmt::format("trying again in {} ms: {}", get("delay_ms"), get("reason"));
  return {};
}

}  // namespace

Reporter::Reporter(std::string_view command, const GeneralOptions& options, TimePoint started)
    : prefix_(command.empty() ? "ioa" : fmt::format("ioa {}", command)),
      verbosity_(options.verbosity),
      quiet_(options.quiet),
      is_terminal_(::isatty(STDERR_FILENO) == 1),
      color_(use_color(options.color, is_terminal_)),
      started_(started) {
  const EventsTarget& target = options.events;
  if (!target.path.empty()) {
    events_file_ = UniqueFd(
        ::open(target.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
    if (!events_file_)
      throw UsageError(command, "--events " + escape_argument(target.path),
                       Error::from_errno(errno, "open").reason());
    events_fd_ = events_file_.get();
  } else if (target.fd >= 0) {
    const int flags = ::fcntl(target.fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
      throw UsageError(command, fmt::format("--events {}", target.fd),
                       "expected a descriptor that is open for writing, or a path");
    // A copy: standard output may be closed before the last event, and is our children's too. Any
    // other is for us alone: whoever reads events is to see their end when this program ends,
    // whatever goes on that it has started.
    events_file_ = UniqueFd(::fcntl(target.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!events_file_)
      throw UsageError(command, fmt::format("--events {}", target.fd),
                       Error::from_errno(errno, "dup").reason());
    if (target.fd > STDERR_FILENO) ::close(target.fd);
    events_fd_ = events_file_.get();
  }
}

void Reporter::say(std::string_view message) {
  std::string line = color_ ? fmt::format("\033[1m{}:\033[0m {}\n", prefix_, message)
                            : fmt::format("{}: {}\n", prefix_, message);
  if (!live_.empty()) {
    const std::size_t columns = prefix_.size() + 2 + message.size();
    if (columns < live_.size()) line.insert(line.size() - 1, live_.size() - columns, ' ');
    line = fmt::format("\r{}{}", line, live_);
  }
  static_cast<void>(write_fully(STDERR_FILENO, line));  // there is nowhere left to complain
}

void Reporter::show_live(std::string_view text) {
  if (!is_terminal_) return say(text);
  if (!is_in_background() && has_room()) draw_live(text.substr(0, live_width()));
}

/// Blanks in place of an escape sequence: that works on every terminal.
void Reporter::draw_live(std::string_view text) {
  const std::size_t blanks = live_.size() > text.size() ? live_.size() - text.size() : 0;
  const std::string line = fmt::format("\r{}{:{}}{}", text, "", blanks, text.empty() ? "\r" : "");
  live_ = text;
  static_cast<void>(write_fully(STDERR_FILENO, line));
}

void Reporter::hide_live() {
  if (!live_.empty()) draw_live({});
}

void Reporter::keep_live(std::string_view text) {
  if (!is_terminal_) return say(text);
  hide_live();
  if (!is_in_background()) static_cast<void>(write_fully(STDERR_FILENO, fmt::format("{}\n", text)));
}

void Reporter::error(std::string_view message) { say(message); }

void Reporter::warning(std::string_view message) {
  if (!quiet_) say(message);
}

void Reporter::note(std::string_view message, int level) {
  if (verbosity_ >= level) say(message);
}

void Reporter::event(std::string_view name, std::span<const EventField> fields) {
  if (verbosity_ > 0) {
    const std::string line = describe(name, fields);
    const std::string number = names_connections_ ? field(fields, "conn") : std::string();
    if (!line.empty()) say(number.empty() ? line : fmt::format("connection {}: {}", number, line));
  }
  if (events_fd_ >= 0) write_event(name, fields);
}

void Reporter::write_event(std::string_view name, std::span<const EventField> fields) {
  const std::string time = timestamp();
  std::vector<EventField> all{{"event", name},
                              {"time", std::string_view(time)},
                              {"elapsed_ms", milliseconds(Clock::now() - started_)}};
  all.insert(all.end(), fields.begin(), fields.end());
  const int error = write_fully(events_fd_, json_line(all));
  if (error == 0) return;
  events_fd_ = -1;  // once is enough
  warning("write events: " + Error::from_errno(error, "write").reason());
}

void Reporter::exit(ExitStatus status) {
  event("exit", {{"status", static_cast<std::int64_t>(to_int(status))}});
}

std::string format_measured(Duration duration) {
  const double length = milliseconds(duration);
  if (length < 100) return fmt::format("{:.1f}ms", length);
  if (length < 1000) return fmt::format("{:.0f}ms", length);
  return fmt::format("{:.4g}s", length / 1e3);
}

}  // namespace ioa::cli
