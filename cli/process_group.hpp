#pragma once

#include <sys/types.h>

#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {

/// Sends a signal to all of a process group. False if there is nobody in it any more.
bool signal_group(::pid_t group, int number) noexcept;

/// Whether somebody in a process group still lives. What has ended and is not reaped does not.
bool is_group_alive(::pid_t group);

/// Waits until nobody in the group lives, but not longer than `limit` (zero: for ever); true if so.
/// The Loop outlives the Future.
Future<bool> group_gone_within(Loop& loop, ::pid_t group, Duration limit);

/// Tells a process group to end (SIGTERM), kills it after `kill_after` (zero: never), and waits
/// until it is gone, or the kernel has had two seconds for that. The Loop outlives the Future.
Future<> end_group(Loop& loop, ::pid_t group, Duration kill_after);

}  // namespace ioa::cli
