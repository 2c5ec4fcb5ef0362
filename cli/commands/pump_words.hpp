#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/byte_options.hpp"
#include "ioa/io/pump.hpp"

namespace ioa::cli {

/// What the engine calls a policy of the command line.
NearEof near_eof(OnStdinEof policy) noexcept;

/// The `reason` of a `closed` event.
std::string_view reason_of(PumpEnd end) noexcept;

/// "5 bytes sent, 7 received", and what was lost if anything was.
std::string bytes_moved(std::uint64_t sent, std::uint64_t received, std::uint64_t undelivered = 0);

}  // namespace ioa::cli
