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
    group,  ///< Its process group, which it must lead.
    tree,   ///< It and all that it has started, in whatever session; see end_tree().
  };

  /// 0: no signal first.
  int signal = SIGTERM;
  /// How long after that SIGKILL follows; nullopt: never.
  std::optional<Duration> kill_after = std::chrono::seconds(2);
  Reach reach = Reach::child;
};

}  // namespace ioa
