#include "ioa/net/tcp_progress.hpp"

// <netinet/tcp.h> has an older tcp_info, and cannot be included beside this.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace ioa {
namespace {

constexpr std::uint8_t kClosed = 7;  // TCP_CLOSE of <netinet/tcp.h>

std::uint64_t at_least_zero(std::uint64_t value, std::uint64_t less) noexcept {
  return value - std::min(value, less);
}

std::uint64_t queued(int fd, unsigned long request) noexcept {
  int bytes = 0;
  return ::ioctl(fd, request, &bytes) == 0 ? static_cast<std::uint64_t>(std::max(bytes, 0)) : 0;
}

}  // namespace

std::optional<TcpProgress> tcp_progress(int fd, bool has_sent_end) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  TcpProgress progress;
  progress.is_closed = info.tcpi_state == kClosed;
  progress.written =
      at_least_zero(info.tcpi_bytes_sent, info.tcpi_bytes_retrans) + info.tcpi_notsent_bytes;
  progress.unacknowledged = at_least_zero(queued(fd, SIOCOUTQ), has_sent_end ? 1 : 0);
  progress.read = at_least_zero(info.tcpi_bytes_received, queued(fd, SIOCINQ));
  return progress;
}

}  // namespace ioa
