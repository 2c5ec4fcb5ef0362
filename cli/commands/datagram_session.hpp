#pragma once

#include "cli/commands/connect_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// Joins standard input and output to a peer of datagrams: the behaviour of ioa-connect(1) for UDP,
/// Unix datagrams and seqpacket. The context outlives the Future.
Future<ExitStatus> run_datagrams(Context& context, ConnectOptions options);

}  // namespace ioa::cli
