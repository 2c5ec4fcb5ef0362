#pragma once

#include "cli/commands/timer/timer_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/future/future.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// Waits, ticks and runs commands: the behaviour of ioa-timer(1). `inherited` is what the program
/// started with, for commands to inherit; it and the context outlive the Future.
Future<ExitStatus> run_timer(Context& context, TimerOptions options, const SignalState& inherited);

}  // namespace ioa::cli
