#pragma once

#include <cstddef>
#include <string_view>

#include "ioa/base/bytes.hpp"
#include "ioa/base/error.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// What is known of a datagram besides its bytes.
struct DatagramInfo {
  /// Who sent it; empty where nobody says: a connected pair of Unix sockets, an unbound sender.
  SocketAddress from;
  /// The address of this host that it was sent to, with the Socket's port; empty unless that is
  /// asked for (Socket::set_wants_local_address).
  SocketAddress to;
  /// What Socket::send() has to be told for a reply to come from where this was sent: `to`, or,
  /// where that is a broadcast or multicast address, the address of this host that stands for it.
  /// Empty where the system chooses.
  SocketAddress reply_from;
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

  Datagram view() const { return {{from, to, reply_from, size, is_truncated}, bytes}; }

  Bytes bytes;
};

/// A datagram that did not arrive, as far as this host was told.
struct UndeliveredDatagram {
  /// Where it was to go; empty: to the peer of a connected socket.
  SocketAddress to;
  /// True: it was sent, and an ICMP error came back. False: it could not be sent.
  bool was_sent = false;
  /// Why: an errno value, of the operation "send", or "receive" if it was sent.
  Error error;
};

}  // namespace ioa
