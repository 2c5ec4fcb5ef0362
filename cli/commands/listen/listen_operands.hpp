#pragma once

#include <span>
#include <string>
#include <vector>

#include "ioa/net/address.hpp"

namespace ioa::cli {

class OptionValues;

/// Reads where to listen: any number of addresses, of which each may be `PORT`, `HOST PORT` (two
/// operands), `HOST:PORT`, `unix:PATH`, `systemd`; with -p the operands are hosts, with -U paths.
/// Throws UsageError or AddressError.
std::vector<Address> read_listen_addresses(const OptionValues& values,
                                           std::span<const std::string> operands);

}  // namespace ioa::cli
