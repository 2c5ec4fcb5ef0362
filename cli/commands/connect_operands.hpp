#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/commands/connect_options.hpp"

namespace ioa::cli {

class OptionValues;

/// Reads the operands of a connection: `HOST PORT`, one address of any usable form, or the path
/// that -U makes of it. Throws UsageError or AddressError.
Address read_peer(const OptionValues& values, std::span<const std::string> operands);

/// Reads the operands of a probe: one host with ports and ranges, or any number of HOST:PORT.
/// Throws UsageError or AddressError.
std::vector<ProbeTarget> read_targets(const OptionValues& values,
                                      std::span<const std::string> operands);

}  // namespace ioa::cli
