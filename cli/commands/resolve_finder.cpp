#include "cli/commands/resolve_finder.hpp"

#include <netdb.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ioa/base/clock.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

/// Each server is asked as often as that, and all of it fits into the limit of a name.
AresResolver::Options dns_options(const ResolveOptions& options) {
  AresResolver::Options dns;
  dns.servers = options.servers.empty() ? AresResolver::system_servers() : options.servers;
  dns.attempts = options.attempts;
  if (options.timeout > Duration::zero()) {
    // Rounded up: what all of them take together is told as the limit that was given.
    const auto most = options.attempts * static_cast<Duration::rep>(dns.servers.size());
    dns.attempt_delay = (options.timeout - Duration(1)) / most + Duration(1);
  }
  return dns;
}

std::string without_dot(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

bool is_kind_to_print(const ResolvedAddress& entry) {
  return entry.socktype == SOCK_STREAM || entry.socktype == SOCK_DGRAM;
}

/// The system says that another time it may succeed.
bool is_temporary(const Error& error) {
  return error.code() == std::error_code(EAI_AGAIN, gai_category());
}

/// The tries of one name, whose limit holds for all of them together.
class Tries {
 public:
  Tries(std::uint32_t most, std::optional<Duration> limit) : left_(most), limit_(limit) {
    if (limit) due_ = saturating_add(Clock::now(), *limit);
  }

  /// What the next one may take.
  std::optional<Duration> limit() const {
    if (!limit_) return std::nullopt;
    return std::max(due_ - Clock::now(), Duration(1));
  }
  /// Whether what came of this one is what comes of the name.
  bool are_over(const std::string& name, Found& found) {
    if (!found.failure) return true;
    const bool is_worth_another = is_temporary(*found.failure);
    const bool is_late = found.failure->kind() == ErrorKind::timeout ||
                         (limit_ && is_worth_another && Clock::now() >= due_);
    if (limit_ && is_late)
      found.failure =
          std::make_shared<const Error>(ErrorKind::timeout, std::error_code(), "resolve", name,
                                        "timed out after " + duration_text(*limit_));
    return is_late || !is_worth_another || --left_ == 0;
  }

 private:
  std::uint32_t left_;
  std::optional<Duration> limit_;
  TimePoint due_{};
};

}  // namespace

ResolveFinder::ResolveFinder(Context& context, const ResolveOptions& options)
    : context_(context), options_(options) {
  if (options.via_dns)
    dns_.emplace(context.loop, context.resolver, dns_options(options));
  else if (options.timeout > Duration::zero())
    limit_ = options.timeout;
}

LookupService& ResolveFinder::service() {
  if (dns_) return *dns_;
  return context_.resolver;
}

Future<Found> ResolveFinder::find(const ResolveQuery& query) {
  if (!options_.reverse) return find_addresses(query);
  return dns_ ? find_names_by_dns(query) : find_names(query);
}

LookupRequest ResolveFinder::request_for(const ResolveQuery& query,
                                         std::optional<Duration> limit) const {
  const bool has_kinds = options_.format == ResolveFormat::getent;
  LookupRequest request;
  request.host = query.host;
  request.service = query.service;
  request.family = options_.family;
  request.socktype = request.service.empty() && !has_kinds ? SOCK_STREAM : 0;
  request.canonical_name = options_.is_json() || has_kinds;
  request.timeout = limit;
  return request;
}

Future<Found> ResolveFinder::find_addresses(const ResolveQuery& query) {
  Found found;
  for (Tries tries(dns_ ? 1 : options_.attempts, limit_);;) {
    found.failure.reset();
    try {
      LookupResult result = co_await service().resolve(request_for(query, tries.limit()));
      if (options_.format != ResolveFormat::getent)
        std::erase_if(result.addresses, [](const auto& entry) { return !is_kind_to_print(entry); });
      found.addresses = std::move(result.addresses);
      found.canonical = std::move(result.canonical_name);
    } catch (const Error& error) {
      found.failure = std::make_shared<const Error>(error);
    }
    if (tries.are_over(query.host, found)) break;
  }
  co_return found;
}

Future<Found> ResolveFinder::find_names(const ResolveQuery& query) {
  NameRequest request;
  request.address = SocketAddress::from_numeric(query.host, 0).value_or(SocketAddress());
  request.numeric_service = true;
  request.name_required = true;
  Found found;
  for (Tries tries(options_.attempts, limit_);;) {
    found.failure.reset();
    request.timeout = tries.limit();
    try {
      NameResult result = co_await context_.resolver.resolve_name(request);
      found.names.push_back(std::move(result.host));
    } catch (const Error& error) {
      found.failure = std::make_shared<const Error>(error);
    }
    if (tries.are_over(query.host, found)) break;
  }
  co_return found;
}

Future<Found> ResolveFinder::find_names_by_dns(const ResolveQuery& query) {
  const auto address = SocketAddress::from_numeric(query.host, 0);
  Found found;
  if (!address) {  // a zone that does not exist here
    found.failure =
        std::make_shared<const Error>(Error::from_gai(EAI_NONAME, 0, "resolve", query.host));
    co_return found;
  }
  std::string name = AresResolver::reverse_name(*address);
  DnsReply reply = co_await dns_->ask(std::move(name), RecordType::ptr);
  found.failure = std::move(reply.failure);
  for (DnsRecord& record : reply.records)
    found.names.push_back(without_dot(std::move(record.value)));
  co_return found;
}

Future<DnsReply> ResolveFinder::find_records(const ResolveQuery& query) {
  return dns_->ask(query.host.empty() ? query.name : query.host, *options_.type);
}

}  // namespace ioa::cli
