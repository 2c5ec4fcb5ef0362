#pragma once

#include <netdb.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/host_service.hpp"
#include "ioa/net/socket_address.hpp"
#include "ioa/worker/thread_pool.hpp"

namespace ioa {

class Loop;

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

/// The blocking functions behind a Resolver: the C library's, or a test's. They are called from
/// several threads at once, and may be running when the Resolver is gone.
struct ResolverCalls {
  std::function<int(const char*, const char*, const addrinfo*, addrinfo**)> getaddrinfo =
      ::getaddrinfo;
  std::function<void(addrinfo*)> freeaddrinfo = ::freeaddrinfo;
  std::function<int(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int)>
      getnameinfo = ::getnameinfo;
};

/// Names to addresses and addresses to names, as the system does it, without blocking the Loop.
///
///     LookupRequest request;
///     request.host = "example.com";
///     request.service = "https";
///     LookupResult result = co_await resolver.resolve(std::move(request));
///
/// A numeric host with a numeric service is answered at once, and no thread is started for it. All
/// else runs on the threads of a pool; look-ups of the same thing that are in flight at the same
/// time are one. A time limit holds even if the C library is stuck: its thread is then given up and
/// replaced, as often as Options of the pool allow; after that, look-ups wait in line (and for
/// their own limits).
///
/// ERRORS: operation() is "resolve", subject() the host (for an address: its number), code() an
/// EAI_* value of gai_category(), or an errno value where getaddrinfo said EAI_SYSTEM. A time limit
/// is of kind `timeout` and has no code.
///
/// EVENTS, one set a look-up that is not numeric, however many wait for it: `resolve.start` {name,
/// service, family}, `resolve.done` {name, service, family, addresses (or names, where an address
/// was asked for), duration_ms}, `resolve.failed` {name, service, family, error, message,
/// duration_ms}; family is "any", "ipv4" or "ipv6", error the code's symbol or "timeout". What
/// fails without a look-up (a name with numeric_host) reports start and failed; one that the last
/// who waited has dropped, or that goes with its Resolver, reports failed with ECANCELED.
///
/// OWNERSHIP: the Loop must outlive the Resolver. Destroying it fails what is pending (kind
/// `abandoned`). CANCELLING: drop the Future; the last one who waits takes the look-up along.
class Resolver {
 public:
  explicit Resolver(Loop& loop, ResolverCalls calls = {}, const ThreadPool::Options& threads = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// The addresses of a host and service. The Future is ready at once for a numeric request.
  Future<LookupResult> resolve(LookupRequest request);

  /// The names of an address. The Future is ready at once if both are wanted as numbers.
  Future<NameResult> resolve_name(NameRequest request);

  /// For tests and debug output: look-ups in flight, however many wait for each.
  std::size_t lookups_in_flight() const noexcept;
  const ThreadPool& threads() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ioa
