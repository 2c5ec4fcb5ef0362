#pragma once

#include <span>
#include <string>

#include "cli/run.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {

/// Executes `command` (not empty; its first word is looked for as a shell does) in place of this
/// program, with the signals and standard descriptors that this was started with. Returns only if
/// that fails. Signal handlers must be gone, and descriptors of our own are close-on-exec.
Error exec_in_place(std::span<const std::string> command, const Inherited& inherited);

}  // namespace ioa::cli
