#include "cli/command_search.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace ioa::cli {
namespace {

/// 0 if the file can be run, else the errno value that execve(2) would give.
int check_program(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return ::access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

}  // namespace

FoundCommand find_command(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program, check_program(program)};
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/bin:/usr/bin";
  int worst = ENOENT;
  for (;;) {
    const std::size_t colon = path.find(':');
    const std::string folder(path.substr(0, colon));
    std::string file = (folder.empty() ? "." : folder) + "/" + program;
    const int error = check_program(file);
    if (error == 0) return {std::move(file), 0};
    if (error == EACCES) worst = EACCES;
    if (colon == path.npos) return {{}, worst};
    path.remove_prefix(colon + 1);
  }
}

int command_problem(const std::string& program) { return find_command(program).problem; }

}  // namespace ioa::cli
