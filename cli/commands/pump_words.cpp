#include "cli/commands/pump_words.hpp"

#include <fmt/format.h>

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

}  // namespace ioa::cli
