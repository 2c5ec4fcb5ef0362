#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/clock.hpp"

namespace ioa::cli {

/// What is told of a tick.
struct TickReport {
  std::uint64_t number = 0;  ///< From 1.
  WallTime time;             ///< When it was delivered.
  Duration late{};           ///< After it was due.
  std::uint64_t missed = 0;  ///< Left out just before it.
};

/// A line for each tick, as `--format` describes it: `{n}`, `{time}`, `{late_ms}` and `{missed}`,
/// the conversions of strftime(3) in local time (`%H:%M:%S`), C escapes (`\t`, `\\`, `\0`,
/// `\x1b`), `{{` for a brace and `%%` for a percent sign.
class TickFormat {
 public:
  /// Nothing if a name, a conversion or an escape is none of these.
  static std::optional<TickFormat> parse(std::string_view text);
  /// Whether it shows local time.
  bool needs_time_zone() const noexcept;
  /// `{n}\t{time}`
  static TickFormat standard();

  /// Newline included.
  std::string line(const TickReport& tick) const;

 private:
  enum class Kind { text, number, time, late, missed, conversion };
  struct Piece {
    Kind kind;
    std::string text;
  };
  void add(Kind kind, std::string text);
  void add_text(char character);

  std::vector<Piece> pieces_;
};

inline constexpr std::string_view kExpectedFormat =
    "expected text with {n}, {time}, {late_ms}, {missed} and conversions such as %H:%M:%S";

/// The JSON object of a tick, newline included: `n`, `time`, `late_ms`, `missed`.
std::string tick_json(const TickReport& tick);

}  // namespace ioa::cli
