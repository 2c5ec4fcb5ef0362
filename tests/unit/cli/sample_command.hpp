#pragma once

#include <array>

#include "cli/option_table.hpp"

namespace ioa::cli {

// A command with one option of every kind, for what is driven by tables.
inline constexpr std::array kSampleOptions{
    OptionSpec{"", '4', ValueKind::none, "", "a letter only"},
    OptionSpec{"listen", 'l', ValueKind::none, "", "a flag"},
    OptionSpec{"verbose", 'v', ValueKind::none, "", "a flag"},
    OptionSpec{"numeric", 'n', ValueKind::none, "", "a flag"},
    OptionSpec{"port", 'p', ValueKind::required, "PORT", "with a value"},
    OptionSpec{"wait", 'w', ValueKind::required, "DUR", "with a value"},
    OptionSpec{"tag", 't', ValueKind::optional, "TEXT", "with a value behind '=' only"},
    OptionSpec{"help", 'h', ValueKind::none, "", "help"},
};
inline constexpr std::array kSampleGroups{OptionGroup{"Options", kSampleOptions}};
inline constexpr std::array kSampleRefused{RefusedLetter{'d', "use --verbose to see nothing"}};
inline constexpr CommandSpec kSampleCommand{
    .command = Command::connect,
    .name = "test",
    .summary = "",
    .usage = {},
    .description = "",
    .groups = kSampleGroups,
    .refused = kSampleRefused,
    .examples = {},
};

}  // namespace ioa::cli
