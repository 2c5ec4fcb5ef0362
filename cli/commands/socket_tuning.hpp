#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "ioa/net/socket_options.hpp"

namespace ioa::cli {

class OptionValues;

/// Options set on each socket before it connects or listens; what is not given stays as the system
/// has it.
struct SocketTuning {
  /// A network interface to bind to (SO_BINDTODEVICE); empty: none.
  std::string interface;
  std::optional<int> ttl;  ///< 1 to 255; IPv6: the hop limit.
  std::optional<int> tos;  ///< 0 to 255; IPv6: the traffic class.
  bool nodelay = false;
  /// How long a connection is idle before it is probed: 1 s to 32767 s, rounded up to seconds.
  std::optional<std::chrono::seconds> keepalive;
  std::optional<int> sndbuf;  ///< Bytes.
  std::optional<int> rcvbuf;  ///< Bytes.
  /// The first bytes go with the SYN where peer and system can do that.
  bool fastopen = false;
  /// Multipath TCP where the system has it.
  bool mptcp = false;
};

/// Reads --interface, --ttl, --tos, --nodelay, --keepalive, --sndbuf, --rcvbuf, --fastopen and
/// --mptcp. Throws UsageError.
SocketTuning read_socket_tuning(const OptionValues& values);

/// What the engine calls them, save Fast Open and Multipath, which are not options of every socket.
SocketOptions socket_options(const SocketTuning& tuning);

}  // namespace ioa::cli
