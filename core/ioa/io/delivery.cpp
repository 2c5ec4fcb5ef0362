#include "ioa/io/delivery.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace ioa {
namespace {

bool is_tcp(int fd) noexcept {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
         (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

}  // namespace

std::uint64_t unacknowledged_bytes(int fd, bool has_sent_end) noexcept {
  int queued = 0;
  if (fd < 0 || ::ioctl(fd, SIOCOUTQ, &queued) != 0) return 0;
  if (has_sent_end) --queued;
  // Mostly there is nothing, so that it need not be known what it is.
  return queued > 0 && is_tcp(fd) ? static_cast<std::uint64_t>(queued) : 0;
}

std::uint64_t unsent_bytes(int fd, bool has_sent_end) noexcept {
  int queued = 0;
  if (fd < 0 || ::ioctl(fd, SIOCOUTQNSD, &queued) != 0) return 0;
  if (has_sent_end) --queued;
  return queued > 0 && is_tcp(fd) ? static_cast<std::uint64_t>(queued) : 0;
}

std::optional<int> lost_connection(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  tcp_info info{};
  size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return errno;
  return info.tcpi_state == TCP_CLOSE ? std::optional(ECONNRESET) : std::nullopt;
}

}  // namespace ioa
