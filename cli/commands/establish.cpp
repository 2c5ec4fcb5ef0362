#include "cli/commands/establish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <random>
#include <utility>

#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
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
                            std::vector<SocketAddress> local, std::int64_t connection,
                            std::optional<Duration> limit) {
  ConnectRequest request;
  request.timeout = limit;
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
    const Duration planned = std::exchange(next_, std::min(next_ * 2, policy_.max_delay));
    Duration delay = std::min(jittered(planned), policy_.max_delay);
    if (const std::optional<Duration> left = time_left(now)) {
      if (*left <= Duration::zero()) return std::nullopt;
      delay = std::min(delay, *left);
    }
    ++tries_;
    return delay;
  }
  /// Until --wait is over; nothing if it has no end.
  std::optional<Duration> time_left(TimePoint now) const {
    if (!policy_.wait || *policy_.wait == Duration::zero()) return std::nullopt;
    return *policy_.wait - (now - started_);
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

bool is_time_limit(const Error& error) noexcept {
  return error.kind() == ErrorKind::timeout && !error.code();
}

/// A time limit in the words of the option that set it; any other failure as it is.
Error name_the_limit(const Error& error, const ConnectOptions& options, const Address& peer) {
  if (!is_time_limit(error)) return error;
  const Duration wait = options.retry.wait.value_or(Duration::zero());
  const Duration each = options.connect_timeout;
  const bool by_wait = wait > Duration::zero() && (each == Duration::zero() || wait < each);
  std::string why =
      by_wait ? fmt::format("--wait {} reached: not connected", duration_text(wait))
              : fmt::format("--connect-timeout {} reached: not connected", duration_text(each));
  const auto* detailed = dynamic_cast<const ConnectError*>(&error);
  if (detailed != nullptr && detailed->attempts().empty() && detailed->pending().empty())
    why += ", the name was still being looked up";
  why += ", 0 bytes moved";
  return {ErrorKind::timeout, {}, "connect", peer.to_string(), std::move(why)};
}

}  // namespace

Future<Connection> establish(Context& context, const ConnectOptions& options, Address peer,
                             std::int64_t connection) {
  Backoff backoff(options.retry, context.loop.now());
  for (;;) {
    std::exception_ptr failure;
    std::string reason;
    try {
      std::vector<SocketAddress> local = co_await local_addresses(context, options);
      const std::optional<Duration> limit = limit_of_try(options, backoff.time_left(Clock::now()));
      ConnectRequest request = make_request(options, peer, std::move(local), connection, limit);
      Connection made = co_await context.connector.connect(std::move(request));
      co_return made;
    } catch (const Error& error) {
      const Error told = name_the_limit(error, options, peer);
      failure = std::make_exception_ptr(told);
      reason = told.what();
    }
    const std::optional<Duration> delay = backoff.next(Clock::now());
    if (!delay) std::rethrow_exception(failure);
    context.reporter.event("retry", {{"conn", connection},
                                     {"attempt", std::int64_t{backoff.tries()}},
                                     {"delay_ms", milliseconds(*delay)},
                                     {"reason", std::string_view(reason)}});
    context.loop.refresh_now();
    co_await sleep_for(context.loop, *delay);
  }
}

ExitStatus status_of_failure(const Error& error) noexcept {
  if (is_time_limit(error)) return ExitStatus::time_limit;
  return error.operation() == "resolve" ? ExitStatus::unresolved : ExitStatus::not_connected;
}

}  // namespace ioa::cli
