#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ioa {

/// A process as /proc/PID/stat shows it. proc(5)
struct ProcessInfo {
  ::pid_t pid = 0;
  ::pid_t parent = 0;
  ::pid_t group = 0;
  ::pid_t session = 0;
  /// 'R', 'S', 'T' (stopped), 'Z' (it has ended, and nobody has reaped it), …
  char state = '?';
  /// In clock ticks since the system was started: with the pid it names one process for ever.
  std::uint64_t start_time = 0;

  bool has_ended() const noexcept { return state == 'Z' || state == 'X'; }
};

/// nullopt if there is no such process (any more).
std::optional<ProcessInfo> process_info(::pid_t pid);

/// How descendants are found.
enum class TreeSearch {
  automatic,  ///< By the kernel's lists of children where it has them.
  parents,    ///< By asking every process of the system for its parent.
};

/// All that `root` has started and what that has started, `root` itself not included, parents
/// before their children. Sessions and process groups of their own do not hide them; an orphan that
/// another process has adopted is found below that one only. What is being started or is ending
/// just now may be missed.
std::vector<ProcessInfo> descendants_of(::pid_t root, TreeSearch how = TreeSearch::automatic);

/// Whether a process was started with `entry`, "NAME=VALUE", in its environment. False where this
/// process may not see that.
bool has_in_environment(::pid_t pid, std::string_view entry);

/// Has orphans among the descendants of this process (what a double fork leaves) become its own
/// children, instead of init's, so that they can be found and ended. Processes that are started do
/// not inherit it. PR_SET_CHILD_SUBREAPER of prctl(2). Throws Error.
void set_subreaper(bool adopts);
bool is_subreaper() noexcept;

}  // namespace ioa
