#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "ioa/future/future.hpp"
#include "ioa/process/stop_policy.hpp"

namespace ioa {

class Loop;

/// A process as /proc/PID/stat shows it.
struct ProcessInfo {
  ::pid_t pid = 0;
  ::pid_t parent = 0;
  ::pid_t group = 0;
  ::pid_t session = 0;
  char state = '?';  ///< 'R', 'S', 'T', 'Z' (it has ended, and nobody has reaped it), …
  /// In clock ticks since the system was started: with the pid it names one process for ever.
  std::uint64_t start_time = 0;
};

/// Has orphans among the descendants of this process (what a double fork leaves) become its own
/// children, instead of init's, so that they can be found and ended. PR_SET_CHILD_SUBREAPER of
/// prctl(2). Throws Error.
void set_subreaper(bool adopts);
bool is_subreaper() noexcept;

/// All that `root` has started and what that has started, `root` itself not included, parents
/// before their children. Sessions and process groups of their own do not hide them; an orphan that
/// another process has adopted is found below that one only.
std::vector<ProcessInfo> descendants_of(::pid_t root);

/// A part of the process tree.
struct TreeTarget {
  /// These and all below them. Direct children of this process are not reaped: they are their
  /// PidWatch's.
  std::vector<::pid_t> roots;
  /// Also what this process has adopted as a subreaper: its children that nobody watches in the
  /// Loop. These are reaped. For programs that start children by spawn() only.
  bool adopted = false;
};

/// Sends a signal to every process of a tree, each once, and returns how many there were. One that
/// is just being started may be missed: see end_tree().
std::size_t signal_tree(Loop& loop, const TreeTarget& target, int signal);

struct TreeReport {
  std::size_t signalled = 0;  ///< How many processes got a signal.
  std::size_t killed = 0;     ///< How many of them got SIGKILL.
  /// What did not end: the kernel does not let it (state D), or another user's.
  std::vector<::pid_t> left;
};

/// Ends a tree: sends policy.signal to all of it, also to what is only found later, then, after
/// kill_after, SIGKILL, again and again until nothing is left. policy.reach does not count. Gives
/// up `kTreePatience` after SIGKILL. Dropping the Future ends the work, and leaves the rest alone.
///
///     set_subreaper(true);            // once, before anything is started
///     TreeTarget target{{child.pid()}, true};
///     TreeReport report = co_await end_tree(loop, std::move(target), StopPolicy{});
Future<TreeReport> end_tree(Loop& loop, TreeTarget target, StopPolicy policy);

inline constexpr Duration kTreePatience = std::chrono::seconds(2);

/// Reaps the orphans that this process has adopted and that have ended (see TreeTarget::adopted);
/// returns how many. What the Loop watches is left alone.
std::size_t reap_adopted(Loop& loop);

}  // namespace ioa
