#include "cli/commands/listen/listen_sockets.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cli/commands/listen/activation.hpp"
#include "cli/commands/socket_kinds.hpp"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace ioa::cli {
namespace {

// First bytes that are kept of connections that are not complete yet: as many as may wait.
constexpr int kFastOpenQueue = 4096;

/// Multipath TCP may be unknown to this system, or switched off: then it is TCP (RFC 8684 s3.7).
bool has_multipath() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
  return static_cast<bool>(probe);
}

ListenRequest request_for(const Address& address, const ListenOptions& options) {
  ListenRequest request;
  request.socktype = socket_type(address);
  request.numeric_host = options.numeric;
  if (options.connect_timeout > Duration::zero()) request.timeout = options.connect_timeout;
  if (options.backlog) request.backlog = static_cast<int>(*options.backlog);
  if (address.is_unix()) {
    request.addresses.emplace({SocketAddress::unix_path(address.path)});
    request.unix_mode = options.unix_mode;
    if (options.socket.sndbuf)
      request.options.send_buffer = static_cast<std::size_t>(*options.socket.sndbuf);
    if (options.socket.rcvbuf)
      request.options.receive_buffer = static_cast<std::size_t>(*options.socket.rcvbuf);
    return request;
  }
  request.host = address.host;
  request.service = address.service;
  request.family = address.family;
  request.options = socket_options(options.socket);
  if (options.reuse_port) request.options.reuse_port = true;
  if (options.socket.mptcp && request.socktype == SOCK_STREAM && has_multipath())
    request.protocol = IPPROTO_MPTCP;
  return request;
}

/// Not a failure of this address: the host has no addresses of that kind.
bool is_not_of_this_host(const ListenFailure& failure) noexcept {
  return failure.error_number == EAFNOSUPPORT || failure.error_number == EADDRNOTAVAIL ||
         failure.error_number == EPROTONOSUPPORT;
}

void take_fast_open(const ListenPlace& place) {
  for (const ListenSocket& socket : place.sockets) {
    if (!socket.address.is_inet() || socket.socktype != SOCK_STREAM) continue;
    if (::setsockopt(socket.fd.get(), IPPROTO_TCP, TCP_FASTOPEN, &kFastOpenQueue,
                     sizeof kFastOpenQueue) != 0)
      throw Error::from_errno(errno, "setsockopt", "TCP_FASTOPEN");
  }
}

}  // namespace

Future<std::vector<ListenPlace>> open_listen_places(Resolver& resolver,
                                                    const ListenOptions& options) {
  std::vector<ListenPlace> places;
  PassedDescriptors passed;
  for (const Address& address : options.addresses) {
    ListenPlace place;
    if (address.scheme == Address::Scheme::systemd) {
      place.sockets = passed.take(address.path);
    } else {
      ListenRequest request = request_for(address, options);
      ListenSockets opened = co_await open_listen_sockets(resolver, std::move(request));
      const auto serious =
          std::find_if_not(opened.failures.begin(), opened.failures.end(), is_not_of_this_host);
      if (serious != opened.failures.end()) throw serious->to_error();
      place.sockets = std::move(opened.sockets);
    }
    if (options.socket.fastopen) take_fast_open(place);
    places.push_back(std::move(place));
  }
  co_return places;
}

std::string_view protocol_of(const SocketAddress& local, int fd) noexcept {
  if (!local.is_unix()) return "tcp";
  int type = SOCK_STREAM;
  socklen_t size = sizeof type;
  static_cast<void>(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size));
  return type == SOCK_SEQPACKET ? "unix-seqpacket" : "unix";
}

}  // namespace ioa::cli
