#include "tests/support/fd_count.hpp"

#include <dirent.h>

#include <cstdlib>
#include <filesystem>
#include <memory>

namespace ioa::test {

std::set<int> open_fds() {
  std::set<int> fds;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/fd"), &::closedir);
  if (!dir) return fds;
  while (const dirent* entry = ::readdir(dir.get()))
    if (entry->d_name[0] != '.') fds.insert(std::atoi(entry->d_name));
  fds.erase(::dirfd(dir.get()));
  return fds;
}

std::string new_fds(const std::set<int>& before) {
  std::string text;
  for (const int fd : open_fds()) {
    if (before.count(fd) != 0) continue;
    std::error_code ignored;
    const auto target =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
    text += (text.empty() ? "" : ", ") + std::to_string(fd) + " -> " + target.string();
  }
  return text;
}

}  // namespace ioa::test
