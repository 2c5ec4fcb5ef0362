#pragma once

#include "cli/commands/connect_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// Tests which ports are open: the behaviour of ioa-connect(1) with --probe. The context outlives
/// the Future.
Future<ExitStatus> run_probe(Context& context, ConnectOptions options);

}  // namespace ioa::cli
