#pragma once

#include "cli/commands/connect_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// Joins standard input and output to a peer: the behaviour of ioa-connect(1) without --probe. The
/// context outlives the Future, which does not fail for anything that the network does.
Future<ExitStatus> run_connect(Context& context, ConnectOptions options);

}  // namespace ioa::cli
