#pragma once

#include "cli/commands/run_child/run_child_options.hpp"
#include "cli/exit_status.hpp"
#include "cli/reporter.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// Everything of the world that run-child touches: less than a Context, since it has to begin as
/// fast as timeout(1) does.
struct ChildWorld {
  Loop& loop;
  Reporter& reporter;
  /// What the program started with, for children to inherit.
  const SignalState& signals;
  /// Is at its end when our guard has been killed; -1: there is none. Borrowed.
  int guard_fd = -1;
};

/// Runs and supervises a child: the behaviour of ioa-run-child(1). The world outlives the Future.
Future<ExitStatus> run_child(ChildWorld world, RunChildOptions options);

}  // namespace ioa::cli
