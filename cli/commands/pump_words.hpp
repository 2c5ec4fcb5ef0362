#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/byte_options.hpp"
#include "cli/exit_status.hpp"
#include "cli/reporter.hpp"
#include "ioa/io/pump.hpp"

namespace ioa::cli {

/// What the engine calls a policy of the command line.
NearEof near_eof(OnStdinEof policy) noexcept;

/// The `reason` of a `closed` event.
std::string_view reason_of(PumpEnd end) noexcept;

/// "5 bytes sent, 7 received", and what was lost if anything was.
std::string bytes_moved(std::uint64_t sent, std::uint64_t received, std::uint64_t undelivered = 0);

/// What the words about an end need to know, besides the end itself.
struct PumpLimits {
  Duration idle_timeout{};  ///< --idle-timeout
  Duration timeout{};       ///< --timeout
  int signal = 0;           ///< The one that interrupted it.
  std::string label = {};   ///< What stands in front of the words; empty: nothing.
};

/// Says on standard error why it ended, unless that is in order, with how much had `moved`; returns
/// the exit status that stands for it. `error` is there where one side has failed.
ExitStatus report_end(Reporter& reporter, PumpEnd end, const std::optional<Error>& error,
                      const PumpLimits& limits, std::string_view moved);

}  // namespace ioa::cli
