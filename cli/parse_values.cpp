#include "cli/parse_values.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "ioa/base/byte_size.hpp"
#include "ioa/net/host_service.hpp"

namespace ioa::cli {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

// From the largest down.
constexpr std::array kUnits{
    Unit{"d", 86'400'000'000'000}, Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},      Unit{"ms", 1'000'000},
};

constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max() / 2;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Takes from the front of `text` as much as `belongs`.
template <typename Predicate>
std::string_view take_while(std::string_view& text, Predicate belongs) noexcept {
  const auto end = std::find_if_not(text.begin(), text.end(), belongs);
  const auto length = static_cast<std::size_t>(end - text.begin());
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length);
  return taken;
}

// The digits behind a decimal point as nanoseconds, exactly, and then rounded up.
std::uint64_t fraction_of(std::string_view digits, std::uint64_t unit) noexcept {
  std::uint64_t sum = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    sum = (static_cast<std::uint64_t>(*digit - '0') * unit + sum + 9) / 10;
  }
  return sum;
}

// One number with its unit, the front of a duration.
struct Component {
  std::string_view whole;
  std::string_view fraction;
  bool has_point = false;
  std::string_view unit;
};

Component take_component(std::string_view& text) noexcept {
  Component part;
  part.whole = take_while(text, is_digit);
  if (!text.empty() && text.front() == '.') {
    part.has_point = true;
    text.remove_prefix(1);
    part.fraction = take_while(text, is_digit);
  }
  part.unit = take_while(text, [](char c) { return !is_digit(c) && c != '.'; });
  return part;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) noexcept {
  const bool bare =
      std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  std::uint64_t total = 0;
  const auto* next_unit = kUnits.begin();
  if (text.empty()) return std::nullopt;

  while (!text.empty()) {
    const Component part = take_component(text);
    if (part.whole.empty() && part.fraction.empty()) return std::nullopt;
    if (part.has_point && (part.fraction.empty() || !text.empty())) return std::nullopt;
    const std::string_view name = bare ? "s" : part.unit;
    const auto* unit = std::find_if(next_unit, kUnits.end(),
                                    [&](const Unit& candidate) { return candidate.name == name; });
    if (unit == kUnits.end()) return std::nullopt;
    next_unit = unit + 1;

    const std::string_view whole = part.whole.empty() ? "0" : part.whole;
    const auto count = parse_decimal(whole, kLongest / unit->nanoseconds);
    if (!count) return std::nullopt;
    const std::uint64_t value =
        *count * unit->nanoseconds + fraction_of(part.fraction, unit->nanoseconds);
    if (value > kLongest - total) return std::nullopt;
    total += value;
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
  return parse_byte_size(text);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) noexcept {
  constexpr std::string_view kPerSecond = "/s";
  if (text.size() > kPerSecond.size() &&
      text.substr(text.size() - kPerSecond.size()) == kPerSecond) {
    text.remove_suffix(kPerSecond.size());
  }
  return parse_byte_size(text);
}

std::optional<PortRange> parse_port_range(std::string_view text) noexcept {
  const std::size_t dash = text.find('-');
  const auto first = parse_port(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return PortRange{std::min(*first, *last), std::max(*first, *last)};
}

}  // namespace ioa::cli
