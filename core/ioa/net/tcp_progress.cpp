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

// Of <netinet/tcp.h>.
enum State : std::uint8_t { time_wait = 6, closed = 7, close_wait = 8, last_ack = 9, closing = 11 };

std::uint64_t at_least_zero(std::uint64_t value, std::uint64_t less) noexcept {
  return value - std::min(value, less);
}

/// Whether the mark of the peer's end is among what was received, where it counts as a byte. Of a
/// connection that is closed that is a guess: it has ended in order if nothing was lost.
bool has_got_end(std::uint8_t state, std::uint64_t unacknowledged) noexcept {
  return state == time_wait || state == close_wait || state == last_ack || state == closing ||
         (state == closed && unacknowledged == 0);
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
  progress.is_closed = info.tcpi_state == closed;
  progress.written =
      at_least_zero(info.tcpi_bytes_sent, info.tcpi_bytes_retrans) + info.tcpi_notsent_bytes;
  progress.unacknowledged = at_least_zero(queued(fd, SIOCOUTQ), has_sent_end ? 1 : 0);
  const bool has_end = has_got_end(info.tcpi_state, progress.unacknowledged);
  progress.read = at_least_zero(info.tcpi_bytes_received, queued(fd, SIOCINQ) + (has_end ? 1 : 0));
  return progress;
}

}  // namespace ioa
