#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ioa {

/// Where a socket is bound or connected: an IPv4, IPv6 (with its zone) or Unix address as the
/// kernel takes it. It is a value; a default one is empty.
///
///     auto address = SocketAddress::from_numeric("fe80::1%eth0", 80);
///     ::connect(fd, address->data(), address->size());
class SocketAddress {
 public:
  SocketAddress() noexcept = default;
  /// A copy of what a system call gave. A `size` of 0 makes an empty address; what does not fit
  /// into a sockaddr_storage is cut off.
  SocketAddress(const sockaddr* address, socklen_t size) noexcept;

  /// A numeric host (as literal_family takes it: short forms of IPv4, zone ids as names or numbers)
  /// and a port in host byte order. Nothing if `host` is a name, or its zone does not exist here.
  static std::optional<SocketAddress> from_numeric(std::string_view host, std::uint16_t port);
  /// The wildcard address (0.0.0.0 or ::) of AF_INET or AF_INET6.
  static SocketAddress any(int family, std::uint16_t port) noexcept;
  /// A Unix address; `@NAME` is in the abstract namespace. Throws Error (ENAMETOOLONG) if the
  /// path or NAME is over 107 bytes, or (ENOENT) if it is empty.
  static SocketAddress unix_path(std::string_view path);
  /// What `fd` is bound to: getsockname(2). Throws Error.
  static SocketAddress local_of(int fd);
  /// What `fd` is connected to: getpeername(2). Throws Error.
  static SocketAddress peer_of(int fd);

  bool empty() const noexcept { return size_ == 0; }
  /// AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC if it is empty.
  int family() const noexcept { return size_ == 0 ? AF_UNSPEC : storage_.ss_family; }
  bool is_inet() const noexcept { return family() == AF_INET || family() == AF_INET6; }
  bool is_unix() const noexcept { return family() == AF_UNIX; }
  /// 127.0.0.0/8, also mapped into IPv6, and ::1.
  bool is_loopback() const noexcept;
  /// Every address of this host: 0.0.0.0 or ::.
  bool is_wildcard() const noexcept;
  /// An IPv4 address in IPv6's clothes: ffff before its 32 bits (RFC 4291 s2.5.5.2).
  bool is_v4_mapped() const noexcept;

  /// The numeric address ("10.0.0.1", "fe80::1%eth0"), or the Unix path ("/run/x", "@name"; a NUL
  /// inside an abstract name reads '@'; empty for an unnamed socket). As the peer chose it: escape
  /// it before printing.
  std::string host() const;
  /// The port in host byte order; 0 for what has none.
  std::uint16_t port() const noexcept;
  /// The same address with another port; a Unix address stays as it is.
  SocketAddress with_port(std::uint16_t port) const noexcept;
  /// Where to connect to in order to reach a socket of this host that is bound to this address: the
  /// loopback address of its family for a wildcard, else the same.
  SocketAddress to_reach() const noexcept;

  /// "1.2.3.4:80", "[fe80::1%eth0]:80", "unix:/run/x", "unix:@name"; empty for an empty address.
  std::string to_string() const;

  const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const noexcept { return size_; }

  /// The same place: family, address, port and zone, or the same Unix path.
  friend bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace ioa
