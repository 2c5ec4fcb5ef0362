#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/arguments.hpp"

namespace ioa::cli {

/// What one command line asks for: a command to run, or a text to print.
struct Invocation {
  /// The command and its arguments; `arguments.command` is null if there is a text to print
  /// instead.
  Arguments arguments;
  /// Help or the version, to be written to standard output in one piece, for status 0.
  std::string text;
};

/// Picks the command and reads its arguments; `args` is the command line without the program's
/// name.
///
/// `ioa HOST PORT` is `ioa connect HOST PORT`; `ioa -l ...` is `ioa listen ...`. Throws UsageError.
Invocation read_command_line(std::span<const std::string_view> args);

/// The commands of this release, in the order in which help lists them.
std::span<const CommandSpec* const> all_commands();

/// "0.1.0".
std::string_view version() noexcept;

}  // namespace ioa::cli
