#include "cli/exec_in_place.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <vector>

namespace ioa::cli {

Error exec_in_place(std::span<const std::string> command, const SignalState& inherited) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  if (!inherited.ignores(SIGPIPE)) std::signal(SIGPIPE, SIG_DFL);
  ::execvp(arguments.front(), arguments.data());
  return Error::from_errno(errno, "exec", command.front());
}

}  // namespace ioa::cli
