#include "cli/commands/establish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <random>
#include <utility>

#include "cli/escape.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa::cli {
namespace {

SocketOptions socket_options(const SocketTuning& tuning) {
  SocketOptions options;
  if (tuning.nodelay) options.nodelay = true;
  if (tuning.keepalive) options.keepalive = *tuning.keepalive;
  if (tuning.sndbuf) options.send_buffer = static_cast<std::size_t>(*tuning.sndbuf);
  if (tuning.rcvbuf) options.receive_buffer = static_cast<std::size_t>(*tuning.rcvbuf);
  options.ttl = tuning.ttl;
  options.tos = tuning.tos;
  if (!tuning.interface.empty()) options.interface = tuning.interface;
  return options;
}

Future<std::vector<SocketAddress>> local_addresses(Context& context,
                                                   const ConnectOptions& options) {
  std::vector<SocketAddress> addresses;
  const LocalAddress& source = options.source;
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
  LookupResult found = co_await context.resolver.resolve(std::move(request));
  for (const ResolvedAddress& entry : found.addresses) addresses.push_back(entry.address);
  co_return addresses;
}

ConnectRequest make_request(const ConnectOptions& options, const Address& peer,
                            std::vector<SocketAddress> local, std::int64_t connection) {
  ConnectRequest request;
  request.connection = connection;
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
  request.local_addresses = std::move(local);
  if (options.connect_timeout > Duration::zero()) request.timeout = options.connect_timeout;
  return request;
}

/// The delays between tries: doubling, with jitter, so that many programs that wait for the same
/// server do not come back at the same moment.
class Backoff {
 public:
  Backoff(const RetryPolicy& policy, TimePoint started)
      : policy_(policy), started_(started), next_(policy.delay) {}

  /// The delay before the next try; nothing if there is to be none.
  std::optional<Duration> next(TimePoint now) {
    if (!policy_.is_set()) return std::nullopt;
    if (policy_.retries && tries_ >= *policy_.retries) return std::nullopt;
    Duration delay = jittered(std::exchange(next_, std::min(next_ * 2, policy_.max_delay)));
    if (policy_.wait && *policy_.wait > Duration::zero()) {
      const Duration left = *policy_.wait - (now - started_);
      if (left <= Duration::zero()) return std::nullopt;
      delay = std::min(delay, left);
    }
    ++tries_;
    return delay;
  }
  std::uint32_t tries() const noexcept { return tries_; }

 private:
  static Duration jittered(Duration delay) {
    static thread_local std::minstd_rand random(std::random_device{}());
    const double factor = std::uniform_real_distribution<double>(0.75, 1.25)(random);
    return Duration(static_cast<Duration::rep>(static_cast<double>(delay.count()) * factor));
  }

  const RetryPolicy& policy_;
  TimePoint started_;
  Duration next_;
  std::uint32_t tries_ = 0;
};

}  // namespace

Future<Connection> establish(Context& context, const ConnectOptions& options, Address peer,
                             std::int64_t connection) {
  Backoff backoff(options.retry, context.loop.now());
  for (;;) {
    std::exception_ptr failure;
    std::string reason;
    try {
      std::vector<SocketAddress> local = co_await local_addresses(context, options);
      ConnectRequest request = make_request(options, peer, std::move(local), connection);
      Connection made = co_await context.connector.connect(std::move(request));
      co_return made;
    } catch (const Error& error) {
      failure = std::current_exception();
      reason = error.what();
    }
    const std::optional<Duration> delay = backoff.next(Clock::now());
    if (!delay) std::rethrow_exception(failure);
    context.reporter.event("retry", {{"conn", connection},
                                     {"attempt", std::int64_t{backoff.tries()}},
                                     {"delay_ms", to_milliseconds(*delay)},
                                     {"reason", std::string_view(reason)}});
    context.loop.refresh_now();
    co_await sleep_for(context.loop, *delay);
  }
}

namespace {

bool is_time_limit(const Error& error) noexcept {
  return error.kind() == ErrorKind::timeout && !error.code();
}

}  // namespace

ExitStatus status_of_failure(const Error& error) noexcept {
  if (is_time_limit(error)) return ExitStatus::time_limit;
  return error.operation() == "resolve" ? ExitStatus::unresolved : ExitStatus::not_connected;
}

std::string describe_failure(const Error& error, const ConnectOptions& options,
                             const Address& peer) {
  if (!is_time_limit(error)) return escape(error.what());
  std::string line =
      fmt::format("connect {}: not connected within {} (--connect-timeout)",
                  escape(peer.to_string()), format_duration(options.connect_timeout));
  if (!error.detail().empty()) line += ": " + escape(error.detail());
  return line;
}

}  // namespace ioa::cli
