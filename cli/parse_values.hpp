#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ioa::cli {

/// Reads a DURATION: decimal numbers with the units d, h, m, s, ms, from the largest down, of which
/// the last may have a fraction (`250ms`, `1.5s`, `1h30m`, `2d`); a number without a unit is
/// seconds.
///
/// A part of a nanosecond counts as one, so that nothing but zero is read as zero. Nothing for
/// anything else, for a negative one, and for one of more than 146 years: two of them can be added
/// up, and one added to any clock.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) noexcept;

/// Reads a SIZE: a number of bytes, or of K, M, G or T (powers of 1024) of them: `512`, `64K`.
/// Nothing for anything else, or if it does not fit.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// Reads a RATE, bytes a second: a SIZE, with or without `/s`.
std::optional<std::uint64_t> parse_rate(std::string_view text) noexcept;

/// Ports from `first` to `last`, both among them.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;

  friend bool operator==(const PortRange&, const PortRange&) = default;
};

/// Reads a port or a range of them: `80`, `8000-8010`; one that runs down is turned round, as in
/// nc. Nothing for anything else.
std::optional<PortRange> parse_port_range(std::string_view text) noexcept;

/// What an error line says where such a value was expected.
inline constexpr std::string_view kExpectedDuration =
    "expected a duration such as 250ms, 1.5s, 2m or 1h30m";
inline constexpr std::string_view kExpectedSize = "expected a size such as 512, 64K, 10M or 1G";
inline constexpr std::string_view kExpectedRate =
    "expected a rate in bytes a second such as 512, 64K, 10M or 1G";
inline constexpr std::string_view kExpectedPort = "expected a port from 0 to 65535";

}  // namespace ioa::cli
