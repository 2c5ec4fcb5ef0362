#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/loop/backend.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// Where event loops come from: the one thing that the program's main decides.
struct Backends {
  /// Makes the one with that name; empty: the best. Throws Error of kind `unsupported`.
  std::function<std::unique_ptr<Backend>(std::string_view name)> create;
  /// The names there are, best first.
  std::function<std::vector<std::string>()> names;
};

/// Runs one command line (without the program's name) and returns the exit status of the process.
/// `inherited` is what the program started with: what it starts itself inherits that.
int run(std::span<const std::string_view> arguments, const Backends& backends,
        const SignalState& inherited);

}  // namespace ioa::cli
