#pragma once

#include "cli/commands/resolve_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"

namespace ioa::cli {

/// Names to addresses and back: the behaviour of ioa-resolve(1). The context outlives the Future.
Future<ExitStatus> run_resolve(Context& context, ResolveOptions options);

}  // namespace ioa::cli
