#include "ioa/net/unix_socket_file.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa {
namespace {

namespace fs = std::filesystem;

bool has_file(const SocketAddress& address) {
  const std::string path = address.host();
  return address.is_unix() && !path.empty() && path.front() != '@';
}

bool is_same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// The path of a line of /proc/net/unix: all that follows the seventh column; empty for none.
std::string_view path_column(std::string_view line) {
  constexpr int kColumnsBefore = 7;
  for (int column = 0; column < kColumnsBefore; ++column) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    line.remove_prefix(std::min(line.find(' '), line.size()));
  }
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

/// Whether a socket of this network namespace is bound to the file, as unix(7) has it in /proc. The
/// table has paths as they were bound, so another name of the file counts by its inode.
bool is_in_table(const std::string& path, const struct stat& file) {
  const fs::path name = fs::path(path).filename();
  std::ifstream table("/proc/net/unix");
  for (std::string line; std::getline(table, line);) {
    const std::string bound(path_column(line));
    if (bound.empty() || fs::path(bound).filename() != name) continue;
    struct stat other {};
    if (bound == path || (::lstat(bound.c_str(), &other) == 0 && is_same_file(file, other)))
      return true;
  }
  return false;
}

/// Whether somebody may be there. ECONNREFUSED is the one answer that says no; EPROTOTYPE is a
/// socket of another type, EAGAIN a full backlog, EACCES says nothing.
bool may_answer(const SocketAddress& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!probe) return true;
  return ::connect(probe.get(), address.data(), address.size()) == 0 || errno != ECONNREFUSED;
}

[[noreturn]] void throw_in_use(const SocketAddress& address, const char* why) {
  throw Error::from_errno(EADDRINUSE, "bind", address.to_string(), why);
}

}  // namespace

UnixSocketFile::UnixSocketFile(const SocketAddress& bound) {
  if (!has_file(bound)) return;
  const std::string path = bound.host();
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return;
  std::error_code ignored;
  const fs::path absolute = fs::absolute(path, ignored);  // the working directory may change
  path_ = ignored ? path : absolute.string();
  device_ = file.st_dev;
  inode_ = file.st_ino;
}

UnixSocketFile::UnixSocketFile(UnixSocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

UnixSocketFile& UnixSocketFile::operator=(UnixSocketFile&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::exchange(other.path_, {});
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

void UnixSocketFile::remove() noexcept {
  if (path_.empty()) return;
  struct stat file {};
  if (::lstat(path_.c_str(), &file) == 0 && file.st_dev == device_ && file.st_ino == inode_)
    ::unlink(path_.c_str());
  path_.clear();
}

namespace detail {

void clear_stale_socket(const SocketAddress& address) {
  if (!has_file(address)) return;
  const std::string path = address.host();
  // Held open, so that its inode cannot become another file's meanwhile.
  const UniqueFd held(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat file {};
  if (!held || ::fstat(held.get(), &file) != 0) return;  // free, or bind(2) says why not
  if (!S_ISSOCK(file.st_mode)) throw_in_use(address, "it is not a socket");
  if (is_in_table(path, file) || may_answer(address)) throw_in_use(address, "somebody has it");
  struct stat now {};
  if (::lstat(path.c_str(), &now) == 0 && is_same_file(file, now)) ::unlink(path.c_str());
}

void limit_mode(int fd, mode_t mode) {
  // unix(7): the file gets the socket's permissions, less the umask.
  if (::fchmod(fd, mode) != 0) throw Error::from_errno(errno, "chmod");
}

void complete_mode(const UnixSocketFile& file, mode_t mode) {
  struct stat now {};
  constexpr mode_t kPermissions = 07777;
  if (::lstat(file.path().c_str(), &now) == 0 && (now.st_mode & kPermissions) == mode) return;
  if (::chmod(file.path().c_str(), mode) != 0)
    throw Error::from_errno(errno, "chmod", "unix:" + file.path());
}

}  // namespace detail
}  // namespace ioa
