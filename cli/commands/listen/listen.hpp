#pragma once

#include <vector>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/listen_sockets.hpp"
#include "cli/commands/listen/workers.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// `ioa listen`: accepts peers and serves each. The context outlives the Future.
Future<ExitStatus> run_listen(Context& context, ListenOptions options);

/// The part of it that comes before workers are started: `places` are the sockets then, and outlive
/// the Future. Says what fails, and gives the status that it means.
Future<ExitStatus> bind_for_workers(Context& context, ListenOptions options,
                                    std::vector<ListenPlace>& places);
/// The part of it that a worker does.
Future<ExitStatus> run_worker(Context& context, ListenOptions options, WorkerSeat seat);

}  // namespace ioa::cli
