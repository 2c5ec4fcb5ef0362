#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ioa/net/lookup_service.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// Which of this host's addresses the system would send from to reach `peer`; nothing if it cannot
/// be reached. It asks the system for the route (connect(2) of a UDP socket) and sends nothing.
std::optional<SocketAddress> source_address_for(const SocketAddress& peer);

/// Puts addresses into the order in which they are to be tried: RFC 6724 s6, with the policy table
/// of its s2.1, as getaddrinfo(3) does unless gai.conf(5) says otherwise. `source_for` is asked
/// once for each; those that are equal keep their order. IPv4 and IPv6 only.
void order_addresses(std::vector<ResolvedAddress>& addresses,
                     const std::function<std::optional<SocketAddress>(const SocketAddress&)>&
                         source_for = source_address_for);

}  // namespace ioa
