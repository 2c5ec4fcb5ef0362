#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/option_table.hpp"

namespace ioa::cli {

/// The arguments of one command, taken apart and made uniform.
struct Arguments {
  /// The table they were read by; never null once read.
  const CommandSpec* command = nullptr;
  /// The options in the order given, as CLI11 takes them: `--name` or, where an option has a letter
  /// only, `-4`; then the value of one that requires it as an element of its own, whatever it looks
  /// like; `--name=value` for an optional one.
  std::vector<std::string> options;
  /// Everything that is no option, in the order given; all that follows a lone `--` is among them.
  std::vector<std::string> operands;
  /// Where among the operands those begin that follow a lone `--`; nothing if there was none.
  std::optional<std::size_t> behind_dashes;
  /// -h or --help was met; what comes after it was not read.
  bool help = false;
};

/// Reads the arguments that follow a command's name: clusters (`-zvn`, `-lvnp 4444`), `-w1`,
/// `-w 1`, `--name=1`, `--name 1`, options after operands, `--`. A lone `-` is an operand. Where
/// operands end the options, the first one does as a `--` before it would.
///
/// Nothing is known here of what values mean. Throws UsageError: an unknown option (with the
/// nearest one, if any is near), a refused letter, a value that is missing or that a flag cannot
/// take.
Arguments read_arguments(const CommandSpec& command, std::span<const std::string_view> args);

/// How many single characters must be added, removed or replaced to get from `a` to `b`; more than
/// `limit` is reported as limit + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

}  // namespace ioa::cli
