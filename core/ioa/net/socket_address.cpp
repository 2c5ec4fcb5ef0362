#include "ioa/net/socket_address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "ioa/base/byte_size.hpp"
#include "ioa/base/error.hpp"
#include "ioa/net/host_service.hpp"
#include "ioa/net/ipv4_text.hpp"

namespace ioa {
namespace {

constexpr socklen_t kPathOffset = offsetof(sockaddr_un, sun_path);

// The storage is read and written as bytes: what it holds is known by its family only.
template <class Kind>
Kind read_as(const SocketAddress& address) noexcept {
  Kind kind{};
  std::memcpy(&kind, address.data(), std::min<std::size_t>(sizeof kind, address.size()));
  return kind;
}

template <class Kind>
SocketAddress made_of(const Kind& kind) noexcept {
  return SocketAddress(reinterpret_cast<const sockaddr*>(&kind), sizeof kind);
}

/// The bytes of a Unix address as the kernel counts them: a path ends at its NUL, an abstract name
/// begins with one.
std::string_view unix_bytes(const SocketAddress& address) noexcept {
  if (address.size() <= kPathOffset) return {};
  const std::string_view bytes(reinterpret_cast<const char*>(address.data()) + kPathOffset,
                               address.size() - kPathOffset);
  return bytes.front() == '\0' ? bytes : bytes.substr(0, bytes.find('\0'));
}

/// The zone of `host` behind its '%': an interface's name or number. Nothing if there is no such
/// zone.
std::optional<std::uint32_t> zone_number(const std::string& zone) {
  if (const unsigned index = ::if_nametoindex(zone.c_str()); index != 0) return index;
  const auto number = parse_decimal(zone, UINT32_MAX);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<SocketAddress> numeric_ipv6(const std::string& host, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  const std::size_t percent = host.find('%');
  if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), &address.sin6_addr) != 1)
    return std::nullopt;
  if (percent != std::string::npos) {
    const auto zone = zone_number(host.substr(percent + 1));
    if (!zone) return std::nullopt;
    address.sin6_scope_id = *zone;
  }
  return made_of(address);
}

std::string ipv6_text(const sockaddr_in6& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  if (address.sin6_scope_id == 0) return text.data();
  std::array<char, IF_NAMESIZE> zone{};
  const bool has_name = ::if_indextoname(address.sin6_scope_id, zone.data()) != nullptr;
  return std::string(text.data()) + "%" +
         (has_name ? std::string(zone.data()) : std::to_string(address.sin6_scope_id));
}

template <class Call>
SocketAddress name_of(int fd, Call call, const char* operation) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (call(fd, address, &size) != 0)
    throw Error::from_errno(errno, operation, "descriptor " + std::to_string(fd));
  return SocketAddress(address, size);
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* address, socklen_t size) noexcept
    : size_(std::min<socklen_t>(size, sizeof storage_)) {
  std::memcpy(&storage_, address, size_);
}

std::optional<SocketAddress> SocketAddress::from_numeric(std::string_view host,
                                                         std::uint16_t port) {
  const auto family = literal_family(host);
  if (!family) return std::nullopt;
  const std::string text(host);
  if (*family == Family::ipv6) return numeric_ipv6(text, port);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_aton(text.c_str(), &address.sin_addr) != 1) return std::nullopt;
  return made_of(address);
}

SocketAddress SocketAddress::any(int family, std::uint16_t port) noexcept {
  if (family == AF_INET6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    return made_of(address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return made_of(address);
}

SocketAddress SocketAddress::unix_path(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty()) throw Error::from_errno(ENOENT, "address", "unix:");
  const bool is_abstract = path.front() == '@';
  // A path needs its final NUL, an abstract name its first one, in place of the '@'.
  const std::size_t length = path.size() + (is_abstract ? 0 : 1);
  if (length > sizeof address.sun_path)
    throw Error::from_errno(ENAMETOOLONG, "address", "unix:" + std::string(path));
  std::memcpy(address.sun_path, path.data(), path.size());
  if (is_abstract) address.sun_path[0] = '\0';
  return SocketAddress(reinterpret_cast<const sockaddr*>(&address),
                       kPathOffset + static_cast<socklen_t>(length));
}

SocketAddress SocketAddress::local_of(int fd) { return name_of(fd, ::getsockname, "getsockname"); }

SocketAddress SocketAddress::peer_of(int fd) { return name_of(fd, ::getpeername, "getpeername"); }

bool SocketAddress::is_v4_mapped() const noexcept {
  if (family() != AF_INET6) return false;
  const auto address = read_as<sockaddr_in6>(*this);
  return IN6_IS_ADDR_V4MAPPED(&address.sin6_addr);
}

bool SocketAddress::is_wildcard() const noexcept {
  return is_inet() && *this == any(family(), port());
}

SocketAddress SocketAddress::to_reach() const noexcept {
  if (!is_wildcard()) return *this;
  if (family() == AF_INET) {
    auto address = read_as<sockaddr_in>(*this);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return made_of(address);
  }
  auto address = read_as<sockaddr_in6>(*this);
  address.sin6_addr = in6addr_loopback;
  return made_of(address);
}

bool SocketAddress::is_loopback() const noexcept {
  constexpr std::uint8_t kLoopbackNet = 127;
  if (family() == AF_INET)
    return ntohl(read_as<sockaddr_in>(*this).sin_addr.s_addr) >> 24 == kLoopbackNet;
  if (family() != AF_INET6) return false;
  const auto address = read_as<sockaddr_in6>(*this);
  if (is_v4_mapped()) return address.sin6_addr.s6_addr[12] == kLoopbackNet;
  return IN6_IS_ADDR_LOOPBACK(&address.sin6_addr);
}

std::string SocketAddress::host() const {
  switch (family()) {
    case AF_INET:
      return detail::ipv4_text(read_as<sockaddr_in>(*this).sin_addr);
    case AF_INET6:
      return ipv6_text(read_as<sockaddr_in6>(*this));
    case AF_UNIX: {
      std::string path(unix_bytes(*this));
      std::replace(path.begin(), path.end(), '\0', '@');
      return path;
    }
    default:
      return {};
  }
}

std::uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET) return ntohs(read_as<sockaddr_in>(*this).sin_port);
  if (family() == AF_INET6) return ntohs(read_as<sockaddr_in6>(*this).sin6_port);
  return 0;
}

SocketAddress SocketAddress::with_port(std::uint16_t port) const noexcept {
  if (family() == AF_INET) {
    auto address = read_as<sockaddr_in>(*this);
    address.sin_port = htons(port);
    return made_of(address);
  }
  if (family() != AF_INET6) return *this;
  auto address = read_as<sockaddr_in6>(*this);
  address.sin6_port = htons(port);
  return made_of(address);
}

std::string SocketAddress::to_string() const {
  switch (family()) {
    case AF_INET:
      return host() + ":" + std::to_string(port());
    case AF_INET6:
      return "[" + host() + "]:" + std::to_string(port());
    case AF_UNIX:
      return "unix:" + host();
    case AF_UNSPEC:
      return {};
    default:
      return "family " + std::to_string(family());
  }
}

bool operator==(const SocketAddress& a, const SocketAddress& b) noexcept {
  if (a.family() != b.family()) return false;
  if (a.family() == AF_INET) {
    const auto x = read_as<sockaddr_in>(a), y = read_as<sockaddr_in>(b);
    return x.sin_port == y.sin_port && x.sin_addr.s_addr == y.sin_addr.s_addr;
  }
  if (a.family() == AF_INET6) {
    const auto x = read_as<sockaddr_in6>(a), y = read_as<sockaddr_in6>(b);
    return x.sin6_port == y.sin6_port && x.sin6_scope_id == y.sin6_scope_id &&
           std::memcmp(&x.sin6_addr, &y.sin6_addr, sizeof x.sin6_addr) == 0;
  }
  if (a.family() == AF_UNIX) return unix_bytes(a) == unix_bytes(b);
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ioa
