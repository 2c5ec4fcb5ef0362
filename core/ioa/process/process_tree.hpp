#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/process/process_info.hpp"
#include "ioa/process/stop_policy.hpp"

namespace ioa {

class Loop;

/// A part of the process tree.
struct TreeTarget {
  /// These and all below them. Direct children of this process are not reaped: they are their
  /// PidWatch's.
  std::vector<::pid_t> roots;
  /// Also what this process has adopted as a subreaper: its children that the Loop does not watch.
  /// These are reaped. For programs that start children by spawn() only.
  bool adopted = false;
  /// Of the adopted ones, those only that were started with this in their environment, as
  /// "NAME=VALUE": where several trees have orphans, it says whose they are. Empty: all.
  std::string mark;
};

/// What signalling or ending a tree came to.
struct TreeReport {
  std::size_t signalled = 0;  ///< How many processes got a signal.
  std::size_t killed = 0;     ///< How many of them got SIGKILL.
  /// What did not end: the kernel does not let it (state D), or it is another user's.
  std::vector<::pid_t> left;
};

/// Sends a signal to every process of a tree that can be found now, each once. One that is just
/// being started may be missed: see end_tree().
TreeReport signal_tree(Loop& loop, const TreeTarget& target, int signal);

/// Ends a tree: sends policy.signal to all of it, also to what is only found later, then, after
/// kill_after, SIGKILL, again and again until nothing is left. What was found once belongs to it,
/// whoever its parent is by then. Gives up kTreePatience after SIGKILL. policy.reach does not
/// count.
///
///     set_subreaper(true);            // once, before anything is started
///     TreeTarget target{{child.pid()}, true, {}};
///     TreeReport report = co_await end_tree(loop, std::move(target), StopPolicy{});
///
/// Dropping the Future ends the work, and leaves the rest alone. Does not fail.
Future<TreeReport> end_tree(Loop& loop, TreeTarget target, StopPolicy policy);

inline constexpr Duration kTreePatience = std::chrono::seconds(2);

/// Reaps what this process has adopted and has ended (see TreeTarget::adopted); returns how many.
std::size_t reap_adopted(Loop& loop);

}  // namespace ioa
