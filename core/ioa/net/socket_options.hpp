#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "ioa/base/clock.hpp"

namespace ioa {

/// Options of a socket, by type; what is not set stays as the system has it.
struct SocketOptions {
  /// TCP_NODELAY: send small pieces at once.
  std::optional<bool> nodelay;
  /// SO_KEEPALIVE, with this time of silence before the first probe and between probes: rounded up
  /// to whole seconds, 1 to 32767 (tcp(7)).
  std::optional<Duration> keepalive;
  /// SO_SNDBUF and SO_RCVBUF in bytes; the kernel doubles the number and caps it.
  std::optional<std::size_t> send_buffer;
  std::optional<std::size_t> receive_buffer;
  /// IP_TTL, IPV6_UNICAST_HOPS: 1 to 255.
  std::optional<int> ttl;
  /// IP_TOS, IPV6_TCLASS: 0 to 255.
  std::optional<int> tos;
  /// SO_BINDTODEVICE: the network interface that packets leave and arrive by.
  std::optional<std::string> interface;
  /// SO_BROADCAST: datagrams may go to broadcast addresses.
  std::optional<bool> broadcast;
  /// TCP_FASTOPEN_CONNECT (RFC 7413): the first bytes travel in the SYN where the peer is known to
  /// take them. Connecting then succeeds before anything is sent, and a refusal shows at the first
  /// write.
  std::optional<bool> fast_open;
  /// SO_REUSEADDR: bind though old connections of the address are still waiting out their end.
  std::optional<bool> reuse_address;
  /// SO_REUSEPORT: several sockets, of one user, share an address.
  std::optional<bool> reuse_port;
  /// IPV6_V6ONLY: an IPv6 socket does not carry IPv4 too.
  std::optional<bool> v6only;

  /// Sets on `fd`, a socket of `family` (AF_*), what is set here. Throws Error at the first that
  /// fails: operation() is "setsockopt", subject() the option's name and value ("SO_BINDTODEVICE
  /// eth9").
  void apply(int fd, int family) const;
};

/// Has the kernel tell `fd`, a UDP socket, of every ICMP error (IP_RECVERR, IPV6_RECVERR). Without
/// it a connected socket hears of those only that the kernel takes for final, and not that a host
/// or a network cannot be reached. They are then errors of the calls, and kept in the socket's
/// queue of errors, which keeps it ready until they are taken. What is no UDP socket is left as it
/// is.
void want_icmp_errors(int fd, bool wanted = true) noexcept;

}  // namespace ioa
