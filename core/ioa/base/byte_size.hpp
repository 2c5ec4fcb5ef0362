#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ioa {

/// Reads a whole number of plain decimal digits (no sign, no blanks) that is at most `limit`;
/// nothing for anything else.
std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t limit) noexcept;

/// Reads a number of bytes: decimal digits, then nothing or one of K, M, G, T (powers of 1024, in
/// either case). Nothing for anything else, or if it does not fit.
std::optional<std::uint64_t> parse_byte_size(std::string_view text) noexcept;

}  // namespace ioa
