#include "ioa/net/socket_drops.hpp"

#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>

namespace ioa {

/// socket(7), SO_MEMINFO.
std::uint64_t detail::datagrams_dropped(int fd) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace ioa
