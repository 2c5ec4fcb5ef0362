#pragma once

#include <span>
#include <string>

#include "cli/option_table.hpp"

namespace ioa::cli {

/// What `ioa --help` prints: the commands, the habits that work without one, the exit statuses.
std::string overview(std::span<const CommandSpec* const> commands);

/// What `ioa COMMAND --help` prints: its forms, its options by group with their defaults, examples.
std::string command_help(const CommandSpec& command);

}  // namespace ioa::cli
