#include "ioa/base/signal_name.hpp"

#include <strings.h>

#include <charconv>
#include <csignal>
#include <cstring>

namespace ioa {
namespace {

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         ::strncasecmp(text.data(), prefix.data(), prefix.size()) == 0;
}

bool is_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && begins_with(a, b);
}

/// "RTMIN", "RTMIN+3", "RTMAX-1". Which numbers these are depends on the C library.
std::optional<int> realtime_number(std::string_view name) {
  const bool counts_up = begins_with(name, "RTMIN");
  if (!counts_up && !begins_with(name, "RTMAX")) return std::nullopt;
  name.remove_prefix(5);
  if (name.empty()) return counts_up ? SIGRTMIN : SIGRTMAX;
  if (name.front() != (counts_up ? '+' : '-') || name.size() < 2 || name[1] == '-')
    return std::nullopt;
  const std::optional<int> offset = number_in(name.substr(1));
  if (!offset || *offset > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return counts_up ? SIGRTMIN + *offset : SIGRTMAX - *offset;
}

}  // namespace

std::optional<int> signal_number(std::string_view name) {
  if (const std::optional<int> number = number_in(name)) {
    if (*number <= 0 || *number >= NSIG) return std::nullopt;
    return number;
  }
  if (begins_with(name, "SIG")) name.remove_prefix(3);
  for (int number = 1; number < SIGRTMIN; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && is_equal(name, known)) return number;
  }
  // Second names that the system has for a number.
  if (is_equal(name, "IOT")) return SIGIOT;
  if (is_equal(name, "CLD")) return SIGCHLD;
  if (is_equal(name, "IO")) return SIGIO;
  return realtime_number(name);
}

std::string signal_name(int number) {
  if (number >= SIGRTMIN && number <= SIGRTMAX)
    return number == SIGRTMIN ? "RTMIN" : "RTMIN+" + std::to_string(number - SIGRTMIN);
  const char* known = ::sigabbrev_np(number);
  return known != nullptr ? known : std::to_string(number);
}

}  // namespace ioa
