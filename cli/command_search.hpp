#pragma once

#include <string>

namespace ioa::cli {

/// A command that was looked for.
struct FoundCommand {
  /// The file that would be executed.
  std::string path;
  /// Why it could not be, as far as that can be told without trying: the errno value of its
  /// execvp(3). 0 if nothing speaks against it; then there is a path.
  int problem = 0;
};

/// Looks for a command, along PATH if it has no slash, as execvp(3) does.
FoundCommand find_command(const std::string& program);

/// Only what is wrong with it: FoundCommand::problem.
int command_problem(const std::string& program);

}  // namespace ioa::cli
