#include "ioa/net/socket_options.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string_view>

#include "ioa/base/error.hpp"

namespace ioa {
namespace {

constexpr int kMaxKeepaliveSeconds = 32767;  // MAX_TCP_KEEPIDLE of the kernel

struct Option {
  int level;
  int name;
  std::string_view text;
};

void set(int fd, const Option& option, int value) {
  if (::setsockopt(fd, option.level, option.name, &value, sizeof value) == 0) return;
  const int error = errno;
  throw Error::from_errno(error, "setsockopt",
                          std::string(option.text) + " " + std::to_string(value));
}

void set_size(int fd, const Option& option, std::size_t bytes) {
  set(fd, option, static_cast<int>(std::min<std::size_t>(bytes, INT_MAX)));
}

/// One number that IPv4 and IPv6 keep apart. A socket of IPv6 may carry IPv4 too, which is why it
/// gets both; only the one of its own family has to succeed.
void set_ip(int fd, int family, const Option& ipv4, const Option& ipv6, int value) {
  set(fd, family == AF_INET6 ? ipv6 : ipv4, value);
  if (family == AF_INET6)
    static_cast<void>(::setsockopt(fd, ipv4.level, ipv4.name, &value, sizeof value));
}

void set_keepalive(int fd, Duration interval) {
  const auto seconds = std::clamp<std::chrono::seconds::rep>(
      std::chrono::ceil<std::chrono::seconds>(interval).count(), 1, kMaxKeepaliveSeconds);
  set(fd, {SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE"}, 1);
  set(fd, {IPPROTO_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE"}, static_cast<int>(seconds));
  set(fd, {IPPROTO_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL"}, static_cast<int>(seconds));
}

void set_interface(int fd, const std::string& name) {
  // The kernel cuts a name that is too long, and would take the interface of that name.
  const bool fits = name.size() < IFNAMSIZ;
  if (fits && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                           static_cast<socklen_t>(name.size() + 1)) == 0)
    return;
  const int error = fits ? errno : ENODEV;
  throw Error::from_errno(error, "setsockopt", "SO_BINDTODEVICE " + name);
}

}  // namespace

void SocketOptions::apply(int fd, int family) const {
  if (interface) set_interface(fd, *interface);
  if (send_buffer) set_size(fd, {SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF"}, *send_buffer);
  if (receive_buffer) set_size(fd, {SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF"}, *receive_buffer);
  if (broadcast) set(fd, {SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST"}, *broadcast ? 1 : 0);
  if (ttl)
    set_ip(fd, family, {IPPROTO_IP, IP_TTL, "IP_TTL"},
           {IPPROTO_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"}, *ttl);
  if (tos)
    set_ip(fd, family, {IPPROTO_IP, IP_TOS, "IP_TOS"}, {IPPROTO_IPV6, IPV6_TCLASS, "IPV6_TCLASS"},
           *tos);
  if (keepalive) set_keepalive(fd, *keepalive);
  if (nodelay) set(fd, {IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY"}, *nodelay ? 1 : 0);
  if (reuse_address) set(fd, {SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"}, *reuse_address ? 1 : 0);
  if (reuse_port) set(fd, {SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT"}, *reuse_port ? 1 : 0);
  if (v6only) set(fd, {IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"}, *v6only ? 1 : 0);
  if (fast_open)
    set(fd, {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, "TCP_FASTOPEN_CONNECT"}, *fast_open ? 1 : 0);
}

void want_icmp_errors(int fd, bool wanted) noexcept {
  const int value = wanted ? 1 : 0;
  // An IPv6 socket may carry IPv4 too; what a socket is not of, it refuses.
  static_cast<void>(::setsockopt(fd, IPPROTO_IP, IP_RECVERR, &value, sizeof value));
  static_cast<void>(::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &value, sizeof value));
}

}  // namespace ioa
