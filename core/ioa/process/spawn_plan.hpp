#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/process/spawn_request.hpp"

namespace ioa::detail {

/// What the child does before it runs its program.
enum class SpawnStep {
  session,
  process_group,
  nice,
  directory,
  descriptor,
  controlling_terminal,
  foreground_terminal,
  limit,
  groups,
  group,
  user,
  parent_death,
  exec,
};

/// Where the child failed: written by it into the memory that it shares with its parent.
struct SpawnFailure {
  SpawnStep step = SpawnStep::exec;
  std::size_t index = 0;  // among descriptors or limits
  int error = 0;          // 0: it did not fail
};

/// All that the child needs, laid out before it exists, since it may neither allocate nor lock.
class SpawnPlan {
 public:
  /// Throws Error (EINVAL) for a request that makes no sense.
  explicit SpawnPlan(const SpawnRequest& request);
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() = default;

  /// The failure of the child, for people.
  Error error() const;

  const SpawnRequest& request;
  ::pid_t parent;
  ::sigset_t mask{};  // of the parent's thread

  // Each array ends with a null pointer.
  std::vector<const char*> candidates;  // the files that may be the program, in their order
  std::vector<const char*> arguments;
  std::vector<const char*> shell_arguments;  // for a file of no known format
  const char* const* environment;
  char* pid_digits = nullptr;  // in the environment, for the child to fill in; null: nobody asks

  std::vector<int> sources;  // of each descriptor step: -1 where it must be moved aside first
  std::vector<std::pair<unsigned, unsigned>> others;  // the descriptors to be closed

  SpawnFailure failure;

 private:
  void check() const;
  void take_environment();
  void take_arguments();
  void take_candidates();
  void take_descriptors();

  static constexpr std::size_t kPidDigits = 12;

  std::vector<std::string> environment_strings_;
  std::string pid_entry_;
  std::vector<const char*> environment_pointers_;
  std::vector<std::string> paths_;
};

/// Sets the child up and runs the program; returns only where that has failed. In the child of a
/// clone(2) with CLONE_VM and CLONE_VFORK, with all signals blocked. `argument` is the SpawnPlan.
int run_spawn_plan(void* argument) noexcept;

}  // namespace ioa::detail
