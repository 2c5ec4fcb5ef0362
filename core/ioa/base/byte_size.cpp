#include "ioa/base/byte_size.hpp"

#include <limits>

namespace ioa {
namespace {

// The power of two that a suffix stands for, or nothing if the letter is none.
std::optional<unsigned> suffix_shift(char letter) noexcept {
  switch (letter) {
    case 'k':
    case 'K':
      return 10;
    case 'm':
    case 'M':
      return 20;
    case 'g':
    case 'G':
      return 30;
    case 't':
    case 'T':
      return 40;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t limit) noexcept {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (digit > limit || value > (limit - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<std::uint64_t> parse_byte_size(std::string_view text) noexcept {
  unsigned shift = 0;
  if (!text.empty()) {
    if (const auto found = suffix_shift(text.back())) {
      shift = *found;
      text.remove_suffix(1);
    }
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const auto count = parse_decimal(text, kMax >> shift);
  if (!count) return std::nullopt;
  return *count << shift;
}

}  // namespace ioa
