#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/host_service.hpp"
#include "ioa/net/socket_address.hpp"
#include "ioa/net/socket_options.hpp"

namespace ioa {

class Loop;
class LookupService;
class SocketCalls;

/// One address that could not be connected to.
struct AttemptFailure {
  /// The system call that failed: "socket", "setsockopt", "bind" or "connect".
  std::string syscall;
  /// The peer that was tried, and the local address it was tried from (empty: the system's choice).
  SocketAddress address;
  SocketAddress local;
  /// The errno value.
  int error_number = 0;
  /// What failed where the address does not say it: "SO_BINDTODEVICE eth9".
  std::string detail;
  /// From the attempt's beginning to its failure.
  Duration elapsed{};

  /// The same as an Error: "connect [::1]:80: Connection refused (ECONNREFUSED)".
  Error to_error() const;
};

/// A connection that could not be made, with all that was tried.
///
/// As an Error: operation() and code() are those of the worst failure (connect counts more than
/// bind, bind more than setsockopt and socket; among equals the last). subject() is what was asked
/// for; where bind failed the local address, where setsockopt did the option. detail() names the
/// addresses tried, in one line, where the subject does not say them.
///
/// Kind `timeout` with an empty code() is the request's own time limit; detail() then says what was
/// pending. An empty code() of kind `failed` means that there was nothing to try.
class ConnectError : public Error {
 public:
  ConnectError(Error summary, std::vector<AttemptFailure> attempts,
               std::vector<SocketAddress> pending = {})
      : Error(std::move(summary)), attempts_(std::move(attempts)), pending_(std::move(pending)) {}

  /// Every attempt that failed, in the order of failing.
  const std::vector<AttemptFailure>& attempts() const noexcept { return attempts_; }
  /// The addresses without an answer when the time limit came. If this and attempts() are empty,
  /// the name was still being looked up.
  const std::vector<SocketAddress>& pending() const noexcept { return pending_; }

 private:
  std::vector<AttemptFailure> attempts_;
  std::vector<SocketAddress> pending_;
};

/// In which order addresses are tried.
enum class ConnectStrategy {
  /// RFC 8305: both families looked up side by side, IPv6 and IPv4 by turns, the next one started
  /// when the last has failed or has not answered for a while; the first to connect wins. Names
  /// below `localhost` are looked up once, so that no name server is asked for them.
  happy_eyeballs,
  /// One after the other, each until it fails, in the system's (or the given) order.
  in_turn,
};

/// Where to connect to, and how.
struct ConnectRequest {
  /// RFC 8305 s8: recommended Connection Attempt Delay, and the least that is allowed.
  static constexpr Duration kAttemptDelay = std::chrono::milliseconds(250);
  static constexpr Duration kMinAttemptDelay = std::chrono::milliseconds(10);
  /// RFC 8305 s8: how long IPv4 answers wait for those of IPv6.
  static constexpr Duration kResolutionDelay = std::chrono::milliseconds(50);

  /// A name or numeric address, and a service name or port other than 0. If set, `addresses` is
  /// ignored.
  std::string host;
  std::string service;
  /// Addresses of any families, Unix too.
  std::vector<SocketAddress> addresses;

  /// Look up, and use, this family only.
  Family family = Family::any;
  /// SOCK_STREAM, SOCK_DGRAM (a connected UDP socket) or SOCK_SEQPACKET.
  int socktype = SOCK_STREAM;
  /// IPPROTO_*; 0 for the usual one.
  int protocol = 0;
  /// No look-up: a host that is a name fails with EAI_NONAME.
  bool numeric_host = false;
  /// Multipath TCP where this system has it (RFC 8684), else plain TCP.
  bool multipath = false;

  ConnectStrategy strategy = ConnectStrategy::happy_eyeballs;
  /// Addresses to connect from: every one is paired with every peer of its family, in this order
  /// first. Port 0 lets the system choose. Empty: the system's choice.
  std::vector<SocketAddress> local_addresses;
  SocketOptions options;

  /// The limit for all of it, looking up included; nothing for none.
  std::optional<Duration> timeout;
  Duration attempt_delay = kAttemptDelay;

  /// If not 0: the number that its events carry as `conn`.
  std::int64_t connection = 0;
  /// Called for every attempt that fails, also if a later one succeeds; not for those that are
  /// called off because another has won. May drop the Future. Must not throw.
  UniqueFunction<void(const AttemptFailure&)> on_attempt_failed;
};

/// A connected socket.
struct Connection {
  /// Non-blocking, close-on-exec.
  UniqueFd fd;
  SocketAddress peer;
  SocketAddress local;
  /// The attempts that failed before.
  std::vector<AttemptFailure> failures;
  /// From the call of connect() on.
  Duration duration{};
};

/// Makes connections: looks the peer up, tries its addresses, and gives the socket of the first
/// that answers.
///
///     ConnectRequest request;
///     request.host = "example.com";
///     request.service = "443";
///     request.timeout = 30s;
///     Connection connection = co_await connector.connect(std::move(request));
///
/// What can be done at once is done inside the call: connecting to a numeric loopback address or a
/// Unix socket gives a Future that is ready, without a turn of the Loop.
///
/// ERRORS: a failed look-up is an Error whose operation() is "resolve" (see Resolver); everything
/// else is a ConnectError. A TCP socket that has met itself (local and peer are the same, which
/// happens with ports of the ephemeral range) counts as refused.
///
/// EVENTS: `attempt.start` {address}, `attempt.failed` {address, syscall, error, message,
/// duration_ms}, `connected` {address, local, duration_ms}, each with `conn` if the request has a
/// number, and those of the look-up. Attempts that are called off, since another has won or at the
/// time limit, are reported as failed with ECANCELED or ETIMEDOUT; they are not among the failures
/// of the Connection or the ConnectError.
///
/// OWNERSHIP: Loop, LookupService and SocketCalls must outlive the Futures; the Connector need not.
/// CANCELLING: drop the Future; when that returns, every socket of it is closed.
class Connector {
 public:
  /// `calls` are the system calls to use (a test's); null for the real ones.
  Connector(Loop& loop, LookupService& resolver, SocketCalls* calls = nullptr) noexcept
      : loop_(loop), resolver_(resolver), calls_(calls) {}

  /// Connects as `request` says.
  Future<Connection> connect(ConnectRequest request);

 private:
  Loop& loop_;
  LookupService& resolver_;
  SocketCalls* calls_;
};

}  // namespace ioa
