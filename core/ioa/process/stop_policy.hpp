#pragma once

#include <csignal>
#include <optional>

#include "ioa/base/clock.hpp"

namespace ioa {

/// How a child process is ended from outside: a signal that it can answer, and SIGKILL for one that
/// does not.
struct StopPolicy {
  enum class Reach {
    child,  ///< The child alone.
    group,  ///< Its process group, which it must lead; SIGKILL too if the leader still runs.
    tree,   ///< It and all that it has started, in whatever session; see end_tree().
  };

  /// 0: none, so that there is only SIGKILL. A process that is stopped is made to go on (SIGCONT),
  /// so that it can answer.
  int signal = SIGTERM;
  /// How long after that SIGKILL follows; nullopt: never.
  std::optional<Duration> kill_after = std::chrono::seconds(2);
  Reach reach = Reach::child;
  /// With Reach::tree: also what this process has adopted as a subreaper; see TreeTarget::adopted.
  bool with_orphans = false;
};

}  // namespace ioa
