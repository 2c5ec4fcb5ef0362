#include "cli/output_fd.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "ioa/base/syscall.hpp"

namespace ioa::cli {

int write_fully(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t size = retry_on_eintr([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (size >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(size));
    } else if (would_block(errno)) {
      pollfd entry{fd, POLLOUT, 0};
      if (::poll(&entry, 1, -1) < 0 && errno != EINTR) return errno;
    } else {
      return errno;
    }
  }
  return 0;
}

}  // namespace ioa::cli
