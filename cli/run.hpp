#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/loop/backend.hpp"

namespace ioa::cli {

/// Where event loops come from: the one thing that the program's main decides.
struct Backends {
  /// Makes the one with that name; empty: the best. Throws Error of kind `unsupported`.
  std::function<std::unique_ptr<Backend>(std::string_view name)> create;
  /// The names there are, best first.
  std::function<std::vector<std::string>()> names;
};

/// What the process had when it started, and main() has changed: for what is executed in its place.
struct Inherited {
  /// SIGPIPE was ignored.
  bool ignores_sigpipe = false;
  /// Standard descriptors that were closed.
  std::vector<int> closed_descriptors = {};
};

/// Runs one command line (without the program's name) and returns the exit status of the process.
int run(std::span<const std::string_view> arguments, const Backends& backends,
        const Inherited& inherited = {});

}  // namespace ioa::cli
