#pragma once

#include "cli/commands/listen/listen_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// `ioa listen`: accepts peers and serves each. The context outlives the Future.
Future<ExitStatus> run_listen(Context& context, ListenOptions options);

}  // namespace ioa::cli
