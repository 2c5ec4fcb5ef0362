#pragma once

#include <string_view>
#include <vector>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/context.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/listen_socket.hpp"
#include "ioa/net/resolver.hpp"

namespace ioa::cli {

/// The sockets of one ADDRESS: one, or, of a name or of a port of every local address, several.
struct ListenPlace {
  std::vector<ListenSocket> sockets;
};

/// Opens what the options say, place by place. It is all or nothing: an address that cannot be had
/// fails the whole, save those that this host does not have at all (the IPv6 ones of a port or a
/// name, on a host without IPv6) where the same place has others.
///
/// Fails with the Error of the look-up (operation "resolve") or of the address. Options and
/// resolver outlive the Future.
Future<std::vector<ListenPlace>> open_listen_places(Resolver& resolver,
                                                    const ListenOptions& options);

/// What a socket's peers are said to speak: "tcp", "unix" or "unix-seqpacket".
std::string_view protocol_of(const SocketAddress& local, int fd) noexcept;

}  // namespace ioa::cli
