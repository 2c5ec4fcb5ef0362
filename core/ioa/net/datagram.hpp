#pragma once

#include <cstddef>
#include <string_view>

#include "ioa/base/bytes.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// What is known of a datagram besides its bytes.
struct DatagramInfo {
  /// Who sent it; empty where nobody says: a connected pair of Unix sockets, an unbound sender.
  SocketAddress from;
  /// The address of this host that it was sent to, with the Socket's port; empty unless that is
  /// asked for (Socket::set_wants_local_address).
  SocketAddress to;
  /// How many bytes it had.
  std::size_t size = 0;
  /// It was longer than Socket::set_receive_size() allows, and the rest is lost.
  bool is_truncated = false;
};

/// A datagram whose bytes lie in borrowed memory.
struct Datagram : DatagramInfo {
  std::string_view bytes;
};

/// A datagram that owns its bytes.
struct ReceivedDatagram : DatagramInfo {
  ReceivedDatagram() = default;
  explicit ReceivedDatagram(const Datagram& datagram)
      : DatagramInfo(datagram), bytes(datagram.bytes) {}

  Datagram view() const { return {{from, to, size, is_truncated}, bytes}; }

  Bytes bytes;
};

}  // namespace ioa
