#pragma once

#include <span>
#include <string>

#include "ioa/base/error.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// Executes `command` (not empty; its first word is looked for as a shell does) in place of this
/// program, with the signals and standard descriptors that this was started with. Returns only if
/// that fails. Signal handlers must be gone, and descriptors of our own are close-on-exec.
Error exec_in_place(std::span<const std::string> command, const SignalState& inherited);

}  // namespace ioa::cli
