#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/host_service.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// What to look up: a host, a service, or both; see getaddrinfo(3).
struct LookupRequest {
  /// A name or a numeric address. Empty: the local host, or every local address if `passive`.
  std::string host;
  /// A service name or a port. Empty: port 0.
  std::string service;
  Family family = Family::any;
  /// SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET or SOCK_RAW; 0 yields an entry for each kind.
  int socktype = SOCK_STREAM;
  /// IPPROTO_*; 0 for the usual one of the socktype.
  int protocol = 0;
  /// The addresses are to be bound, not connected to.
  bool passive = false;
  /// The host must be numeric: a name fails at once with EAI_NONAME.
  bool numeric_host = false;
  /// The canonical name is wanted too.
  bool canonical_name = false;
  /// Only families of which this host has an address (AI_ADDRCONFIG).
  bool configured_families = false;
  /// How long to wait; nothing for as long as the system takes.
  std::optional<Duration> timeout;
};

/// One address with what socket(2) needs to use it.
struct ResolvedAddress {
  SocketAddress address;
  int socktype = SOCK_STREAM;
  int protocol = 0;

  friend bool operator==(const ResolvedAddress&, const ResolvedAddress&) = default;
};

/// What a look-up found.
struct LookupResult {
  /// At least one, without duplicates, in the system's order (RFC 6724).
  std::vector<ResolvedAddress> addresses;
  /// Empty unless it was asked for and is known.
  std::string canonical_name;
};

/// An address whose name is wanted; see getnameinfo(3).
struct NameRequest {
  /// IPv4 or IPv6.
  SocketAddress address;
  /// Leave the host, or the port, as a number.
  bool numeric_host = false;
  bool numeric_service = false;
  /// Fail with EAI_NONAME if the host has no name, instead of giving its number.
  bool name_required = false;
  /// The service is one of UDP.
  bool datagram = false;
  /// How long to wait; nothing for as long as the system takes.
  std::optional<Duration> timeout;
};

/// What an address is called.
struct NameResult {
  std::string host;
  std::string service;
};

/// Whoever turns names into addresses and back: the system (Resolver), name servers (AresResolver),
/// or a class of the user's. What makes connections asks it.
///
/// ERRORS: operation() is "resolve", subject() the host, or the number of an address.
/// OWNERSHIP: it must outlive whoever uses it. CANCELLING: drop the Future.
class LookupService {
 public:
  LookupService() = default;
  LookupService(const LookupService&) = delete;
  LookupService& operator=(const LookupService&) = delete;
  virtual ~LookupService() = default;

  /// The addresses of a host and service, at least one.
  virtual Future<LookupResult> resolve(LookupRequest request) = 0;
  /// The names of an address.
  virtual Future<NameResult> resolve_name(NameRequest request) = 0;
};

}  // namespace ioa
