#include "cli/commands/establish.hpp"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "cli/commands/socket_kinds.hpp"
#include "cli/commands/transport_extras.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa::cli {
namespace {

/// A Unix datagram socket without an address gets no answers: unix(7), "autobind" has the kernel
/// find one in the abstract namespace, which goes with the socket.
SocketAddress unix_source(const LocalAddress& source) {
  if (!source.path.empty()) return SocketAddress::unix_path(source.path);
  const sockaddr_un any{AF_UNIX, {}};
  return {reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family};
}

Future<std::vector<SocketAddress>> local_addresses(Context& context, const ConnectOptions& options,
                                                   const Address& peer,
                                                   std::optional<Duration> limit) {
  std::vector<SocketAddress> addresses;
  const LocalAddress& source = options.source;
  if (peer.scheme == Address::Scheme::unix_dgram) {
    addresses.push_back(unix_source(source));
    co_return addresses;
  }
  if (!source.is_set()) co_return addresses;
  if (source.host.empty()) {
    for (const int family : {AF_INET6, AF_INET})
      addresses.push_back(SocketAddress::any(family, source.port));
    co_return addresses;
  }
  LookupRequest request;
  request.host = source.host;
  request.service = std::to_string(source.port);
  request.family = options.family;
  request.passive = true;
  request.numeric_host = options.numeric;
  request.timeout = limit;
  LookupResult found = co_await context.resolver.resolve(std::move(request));
  for (const ResolvedAddress& entry : found.addresses) addresses.push_back(entry.address);
  co_return addresses;
}

ConnectRequest make_request(const ConnectOptions& options, const Address& peer,
                            std::vector<SocketAddress> local, std::int64_t connection,
                            std::optional<Duration> limit) {
  ConnectRequest request;
  request.timeout = limit;
  request.connection = connection;
  request.socktype = socket_type(peer);
  request.multipath = options.socket.mptcp;
  if (peer.is_unix()) {
    request.addresses.push_back(SocketAddress::unix_path(peer.path));
  } else {
    request.host = peer.host;
    request.service = peer.service;
  }
  request.family = peer.family != Family::any ? peer.family : options.family;
  request.numeric_host = options.numeric;
  if (options.sequential) request.strategy = ConnectStrategy::in_turn;
  request.attempt_delay = options.attempt_delay;
  request.options = socket_options(options.socket);
  if (options.datagrams.broadcast) request.options.broadcast = true;
  request.local_addresses = std::move(local);
  return request;
}

/// One try is bounded by --connect-timeout, and by what is left of --wait.
std::optional<Duration> limit_of_try(const ConnectOptions& options,
                                     std::optional<Duration> left_to_wait) {
  std::optional<Duration> limit;
  if (options.connect_timeout > Duration::zero()) limit = options.connect_timeout;
  if (left_to_wait) {
    // Even at the end of the time there is one try, with as little time as makes sense.
    const Duration left = std::max<Duration>(*left_to_wait, std::chrono::milliseconds(1));
    limit = limit ? std::min(*limit, left) : left;
  }
  return limit;
}

/// A time limit in the words of the option that set it.
Error name_the_limit(const Error& error, const ConnectOptions& options, const Address& peer,
                     std::optional<Duration> left_to_wait) {
  const Duration each = options.connect_timeout;
  const bool by_wait = left_to_wait && (each == Duration::zero() || *left_to_wait < each);
  std::string why =
      by_wait ? fmt::format("--wait {} reached: not connected", duration_text(*options.retry.wait))
              : fmt::format("--connect-timeout {} reached: not connected", duration_text(each));
  const auto* detailed = dynamic_cast<const ConnectError*>(&error);
  if (detailed != nullptr && detailed->attempts().empty() && detailed->pending().empty())
    why += ", the name was still being looked up";
  why += ", 0 bytes moved";
  return {ErrorKind::timeout, {}, "connect", peer.to_string(), std::move(why)};
}

/// A Unix datagram socket that could not be connected has left its address behind, unless that was
/// another's.
void forget_source(const ConnectOptions& options, const Error& error) noexcept {
  const std::string& path = options.source.path;
  if (path.empty() || path.front() == '@' || error.operation() != "connect") return;
  static_cast<void>(::unlink(path.c_str()));
}

}  // namespace

Future<Connection> connect_once(Context& context, const ConnectOptions& options, Address peer,
                                std::int64_t connection, std::optional<Duration> left_to_wait) {
  std::exception_ptr failure;
  try {
    const TimePoint began = context.loop.backend().now();
    std::optional<Duration> limit = limit_of_try(options, left_to_wait);
    std::vector<SocketAddress> local = co_await local_addresses(context, options, peer, limit);
    // The look-up of the source is part of the try.
    constexpr Duration kLeast = std::chrono::milliseconds(1);
    if (limit) limit = std::max<Duration>(*limit - (context.loop.backend().now() - began), kLeast);
    ConnectRequest request = make_request(options, peer, std::move(local), connection, limit);
    if (options.socket.fastopen && has_fast_open(context)) request.options.fast_open = true;
    Connection made = co_await context.connector.connect(std::move(request));
    const bool reads_stdin = options.direction != Direction::receive_only && !options.near;
    const int input = reads_stdin ? context.stdin_fd : -1;
    if (options.socket.fastopen) co_await settle_fast_open(context, made, input, limit);
    if (options.socket.mptcp) note_multipath(context, made.fd.get());
    co_return made;
  } catch (const Error& error) {
    forget_source(options, error);
    failure = std::current_exception();
    if (is_time_limit(error))
      failure = std::make_exception_ptr(name_the_limit(error, options, peer, left_to_wait));
  }
  std::rethrow_exception(failure);
}

void report_retry(Context& context, std::int64_t connection, const Backoff& backoff, Duration delay,
                  std::string_view reason) {
  context.reporter.event("retry", {{"conn", connection},
                                   {"attempt", std::int64_t{backoff.tries()}},
                                   {"delay_ms", milliseconds(delay)},
                                   {"reason", reason}});
}

Future<Connection> establish(Context& context, const ConnectOptions& options, Address peer,
                             std::int64_t connection) {
  Backoff backoff(options.retry, context.loop.now());
  for (;;) {
    std::exception_ptr failure;
    std::string reason;
    try {
      const std::optional<Duration> left = backoff.time_left(Clock::now());
      Connection made = co_await connect_once(context, options, peer, connection, left);
      co_return made;
    } catch (const Error& error) {
      failure = std::current_exception();
      reason = error.what();
    }
    const std::optional<Duration> delay = backoff.next(Clock::now());
    if (!delay) std::rethrow_exception(failure);
    report_retry(context, connection, backoff, *delay, reason);
    context.loop.refresh_now();
    co_await sleep_for(context.loop, *delay);
  }
}

bool is_time_limit(const Error& error) noexcept {
  return error.kind() == ErrorKind::timeout && !error.code();
}

/// RFC 9293 s3.10.7.3: a peer that refuses resets what is still a SYN, which the kernel calls
/// ECONNREFUSED. ECONNRESET is of a connection that was there, if only for a moment.
bool is_reset_connection(const Error& error) noexcept {
  const auto* detailed = dynamic_cast<const ConnectError*>(&error);
  if (detailed == nullptr) return false;
  const auto& attempts = detailed->attempts();
  return std::any_of(attempts.begin(), attempts.end(), [](const AttemptFailure& attempt) {
    return attempt.syscall == "connect" && attempt.error_number == ECONNRESET;
  });
}

Error name_connect_limit(const Error& error, Duration limit) {
  return {ErrorKind::timeout,
          {},
          error.operation(),
          error.subject(),
          fmt::format("--connect-timeout {} reached: not connected, 0 bytes moved",
                      duration_text(limit))};
}

ExitStatus status_of_failure(const Error& error) noexcept {
  if (is_time_limit(error)) return ExitStatus::time_limit;
  if (is_reset_connection(error)) return ExitStatus::io_error;
  return error.operation() == "resolve" ? ExitStatus::unresolved : ExitStatus::not_connected;
}

}  // namespace ioa::cli
