#pragma once

#include "cli/commands/run_child/run_child.hpp"

namespace ioa::cli {

/// Runs a child for each line of `options.many`: that part of ioa-run-child(1). The world outlives
/// the Future.
Future<ExitStatus> run_many(ChildWorld world, RunChildOptions options);

}  // namespace ioa::cli
