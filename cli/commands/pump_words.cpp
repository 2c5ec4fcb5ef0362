#include "cli/commands/pump_words.hpp"

#include <fmt/format.h>
#include <string.h>

#include <csignal>

#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"

namespace ioa::cli {

NearEof near_eof(OnStdinEof policy) noexcept {
  switch (policy) {
    case OnStdinEof::after_reply:
      return NearEof::after_reply;
    case OnStdinEof::close:
      return NearEof::close;
    case OnStdinEof::keep:
      return NearEof::keep;
    case OnStdinEof::half_close:
      break;
  }
  return NearEof::half_close;
}

std::string_view reason_of(PumpEnd end) noexcept {
  switch (end) {
    case PumpEnd::complete:
      return "eof";
    case PumpEnd::quit:
      return "quit-after";
    case PumpEnd::far_failed:
      return "peer-error";
    case PumpEnd::near_failed:
      return "stdio-error";
    case PumpEnd::near_left:
      return "stdout-closed";
    case PumpEnd::idle_timeout:
      return "idle-timeout";
    case PumpEnd::interrupted:
      return "signal";
    case PumpEnd::cut_off:
      return "timeout";
  }
  return "";
}

std::string bytes_moved(std::uint64_t sent, std::uint64_t received, std::uint64_t undelivered) {
  std::string text = fmt::format("{} bytes sent, {} received", sent, received);
  if (undelivered > 0) text += fmt::format(", {} read but not delivered", undelivered);
  return text;
}

ExitStatus report_end(Reporter& reporter, PumpEnd end, const std::optional<Error>& error,
                      const PumpLimits& limits, std::string_view moved) {
  const auto say = [&](std::string_view message) {
    reporter.error(limits.label.empty() ? std::string(message)
                                        : fmt::format("{}: {}", limits.label, message));
  };
  switch (end) {
    case PumpEnd::complete:
    case PumpEnd::quit:
      return ExitStatus::done;
    case PumpEnd::near_left:
      return ended_by_signal(SIGPIPE);
    case PumpEnd::idle_timeout:
      say(fmt::format("--idle-timeout {} reached: {}", duration_text(limits.idle_timeout), moved));
      return ExitStatus::time_limit;
    case PumpEnd::interrupted:
      say(fmt::format("ended by SIG{}: {}", ::sigabbrev_np(limits.signal), moved));
      return ended_by_signal(limits.signal);
    case PumpEnd::cut_off:
      say(fmt::format("--timeout {} reached: {}", duration_text(limits.timeout), moved));
      return ExitStatus::time_limit;
    case PumpEnd::far_failed:
    case PumpEnd::near_failed:
      break;
  }
  say(fmt::format("{}: {}", escape(error->what()), moved));
  return ExitStatus::io_error;
}

}  // namespace ioa::cli
