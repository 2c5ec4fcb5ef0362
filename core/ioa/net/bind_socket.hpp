#pragma once

#include <sys/socket.h>

#include <optional>
#include <span>
#include <string>

#include "ioa/base/clock.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/host_service.hpp"
#include "ioa/net/resolver.hpp"
#include "ioa/net/socket_address.hpp"
#include "ioa/net/socket_options.hpp"

namespace ioa {

/// A socket that is bound to nothing yet, non-blocking and close-on-exec; `socktype` is SOCK_DGRAM,
/// SOCK_SEQPACKET, ... Throws Error.
UniqueFd open_socket(int family, int socktype = SOCK_DGRAM, int protocol = 0,
                     const SocketOptions& options = {});

/// A socket bound to the first of `addresses` that can be bound; port 0 gets a port of the kernel's
/// choice (SocketAddress::local_of). Throws the Error of the last one that failed, and
/// EADDRNOTAVAIL if there is none.
UniqueFd open_bound_socket(std::span<const ResolvedAddress> addresses,
                           const SocketOptions& options = {});
/// The same for one address.
UniqueFd open_bound_socket(const SocketAddress& address, int socktype = SOCK_DGRAM,
                           const SocketOptions& options = {});

/// What to bind a socket to, by name.
struct BindRequest {
  /// A name or a numeric address; empty for every local address.
  std::string host;
  /// A service name or a port; empty for a port of the kernel's choice.
  std::string service;
  Family family = Family::any;
  int socktype = SOCK_DGRAM;
  int protocol = 0;
  SocketOptions options;
  /// For looking up the name; nothing for as long as that takes.
  std::optional<Duration> timeout;
};

/// Looks the name up and binds as open_bound_socket() does. Fails with the Resolver's Error or that
/// of binding. Dropping the Future drops the look-up. The Resolver must outlive the Future.
Future<UniqueFd> bind_by_name(Resolver& resolver, BindRequest request);

}  // namespace ioa
