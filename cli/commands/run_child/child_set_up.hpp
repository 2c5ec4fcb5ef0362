#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/run_child/child_plan.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/process/spawn_request.hpp"

namespace ioa::cli {

/// Everything of a plan that is no descriptor: arguments, environment, directory, ids, limits.
SpawnRequest make_request(const ChildPlan& plan);

/// What the child reads, to become its descriptor 0; nothing for our own standard input. Throws
/// Error.
UniqueFd open_input(const ChildInput& input);

/// A file that is written, made or truncated; close-on-exec. Throws Error.
UniqueFd open_output(const std::string& path);

/// The files of ChildPlan::files. What is only written is opened once, so that the child of another
/// attempt goes on in it; what is read is opened for each, and read from its beginning.
class ChildFiles {
 public:
  /// Opens those that are written. Throws Error. The plan outlives this.
  explicit ChildFiles(const std::vector<ChildFile>& files);

  /// Opens the others, and has the child get all of them: this is kept until it is started.
  [[nodiscard]] std::vector<UniqueFd> add_to(SpawnRequest& request) const;

 private:
  const std::vector<ChildFile>& files_;
  std::vector<UniqueFd> written_;  // of each file; nothing for those that are read
};

/// Has the child get sockets as sd_listen_fds(3) looks for them.
void add_sockets(SpawnRequest& request, std::span<const int> sockets);

}  // namespace ioa::cli
