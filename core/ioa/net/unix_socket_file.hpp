#pragma once

#include <sys/types.h>

#include <string>

#include "ioa/net/socket_address.hpp"

namespace ioa {

/// The file of a bound Unix socket, which the kernel leaves behind: removed when this is destroyed,
/// if it is still the one that was bound here (by device and inode, so that one which took its
/// place stays). Drop it before the socket is closed: until then nobody else gets its inode.
///
/// A program that forks gives it up in the child: see release().
class UnixSocketFile {
 public:
  /// No file.
  UnixSocketFile() = default;
  /// The file that `bound` is. No file for abstract and other addresses.
  explicit UnixSocketFile(const SocketAddress& bound);
  UnixSocketFile(UnixSocketFile&& other) noexcept;
  UnixSocketFile& operator=(UnixSocketFile&& other) noexcept;
  ~UnixSocketFile() { remove(); }

  /// The absolute path; empty for none.
  const std::string& path() const noexcept { return path_; }
  /// Removes the file now.
  void remove() noexcept;
  /// Leaves the file where it is.
  void release() noexcept { path_.clear(); }

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

namespace detail {

/// Makes way for a Unix socket at `address`: removes the file there if it is a socket that nobody
/// has any more. Throws Error (EADDRINUSE, operation "bind") if somebody has it, or if it is no
/// socket; nothing is removed then.
///
/// Whether somebody has it is asked of the kernel's table first, so that a server is not disturbed,
/// and then by connecting, since the table does not show other network namespaces.
void clear_stale_socket(const SocketAddress& address);

/// The permissions of a socket's file. The first, before it is bound, sees to it that it never has
/// more; the second, after it, adds what the umask has kept back. Throw Error ("chmod").
void limit_mode(int fd, mode_t mode);
void complete_mode(const UnixSocketFile& file, mode_t mode);

}  // namespace detail
}  // namespace ioa
