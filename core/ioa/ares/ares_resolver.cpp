#include "ioa/ares/ares_resolver.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "ioa/ares/ares_client.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/net/address_order.hpp"
#include "ioa/net/lookup_calls.hpp"

namespace ioa {
namespace {

constexpr std::uint16_t kDnsPort = 53;

detail::AresClient::Options client_options(AresResolver::Options options) {
  detail::AresClient::Options result;
  result.servers =
      options.servers.empty() ? AresResolver::system_servers() : std::move(options.servers);
  result.attempts = std::max(options.attempts, 1U);
  result.attempt_delay = options.attempt_delay;
  result.max_in_flight = std::max<std::size_t>(options.max_in_flight, 1);
  result.receive_buffer = options.receive_buffer;
  result.cache_capacity = options.cache_capacity;
  return result;
}

/// A request for what one address with this service looks like: port, socktype and protocol.
LookupRequest pattern_of(const LookupRequest& request) {
  LookupRequest pattern;
  pattern.host = "127.0.0.1";
  pattern.service = request.service;
  pattern.socktype = request.socktype;
  pattern.protocol = request.protocol;
  pattern.numeric_host = true;
  return pattern;
}

using Failure = std::shared_ptr<const Error>;

/// Of two failures the one that says more: that nobody could say beats that there is nothing, and
/// that there is no such name beats that it has no such record.
Failure worse(const Failure& a, const Failure& b) {
  const auto rank = [](const Error& error) {
    if (error.code() == DnsCode::no_data) return 0;
    return error.code() == DnsCode::no_such_name ? 1 : 2;
  };
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return rank(*a) >= rank(*b) ? a : b;
}

/// The address in a record of type A or AAAA. It is written in the one way, so this need not be
/// SocketAddress::from_numeric, which takes every other way too.
std::optional<SocketAddress> address_of(const DnsRecord& record, int family) {
  sockaddr_in in{};
  sockaddr_in6 in6{};
  in.sin_family = AF_INET;
  in6.sin6_family = AF_INET6;
  const bool is_v4 = family == AF_INET;
  void* const bits = is_v4 ? static_cast<void*>(&in.sin_addr) : &in6.sin6_addr;
  if (::inet_pton(family, record.value.c_str(), bits) != 1) return std::nullopt;
  return is_v4 ? SocketAddress(reinterpret_cast<const sockaddr*>(&in), sizeof in)
               : SocketAddress(reinterpret_cast<const sockaddr*>(&in6), sizeof in6);
}

void add_addresses(const DnsReply& reply, int family, const std::vector<ResolvedAddress>& kinds,
                   LookupResult& result) {
  for (const DnsRecord& record : reply.records) {
    const auto address = address_of(record, family);
    if (!address) continue;
    for (const ResolvedAddress& kind : kinds) {
      ResolvedAddress found{address->with_port(kind.address.port()), kind.socktype, kind.protocol};
      const auto& known = result.addresses;
      if (std::find(known.begin(), known.end(), found) == known.end())
        result.addresses.push_back(std::move(found));
    }
  }
}

std::string without_dot(std::string name) {
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

}  // namespace

class AresResolver::Impl {
 public:
  Impl(Loop& loop, LookupService& system, Options options)
      : loop_(loop), system_(system), client_(loop, client_options(std::move(options))) {}

  detail::AresClient& client() noexcept { return client_; }
  LookupService& system() noexcept { return system_; }

  Future<LookupResult> look_up(LookupRequest request);
  Future<NameResult> look_up(NameRequest request);
  Future<std::vector<DnsRecord>> records(std::string name, RecordType type);

  /// What `operation` gives, or the failure of a look-up that took too long.
  template <class Result>
  Future<Result> limited(Future<Result> operation, Duration limit, std::string name) {
    if (operation.ready()) return operation;
    return limit_it(std::move(operation), limit, std::move(name));
  }

 private:
  template <class Result>
  Future<Result> limit_it(Future<Result> operation, Duration limit, std::string name) {
    bool is_late = false;
    try {
      Result result = co_await with_timeout(loop_, std::move(operation), limit, "resolve");
      co_return result;
    } catch (const Error& error) {
      is_late = error.kind() == ErrorKind::timeout && error.subject().empty();
      if (!is_late) throw;
    }
    throw Error(ErrorKind::timeout, {}, "resolve", name, "timed out after " + duration_text(limit));
  }

  Loop& loop_;
  LookupService& system_;
  detail::AresClient client_;
};

// Both questions are on their way before either is waited for.
Future<LookupResult> AresResolver::Impl::look_up(LookupRequest request) {
  Future<DnsReply> asked6;
  Future<DnsReply> asked4;
  if (request.family != Family::ipv4) asked6 = client_.ask(request.host, RecordType::aaaa);
  if (request.family != Family::ipv6) asked4 = client_.ask(request.host, RecordType::a);
  std::vector<ResolvedAddress> kinds = detail::numeric_kinds(request);
  if (kinds.empty()) {
    LookupResult pattern = co_await system_.resolve(pattern_of(request));
    kinds = std::move(pattern.addresses);
  }
  LookupResult result;
  Failure failure;
  for (Future<DnsReply>* asked : {&asked6, &asked4}) {
    if (!asked->valid()) continue;
    DnsReply reply = co_await std::move(*asked);
    add_addresses(reply, asked == &asked6 ? AF_INET6 : AF_INET, kinds, result);
    if (result.canonical_name.empty()) result.canonical_name = std::move(reply.canonical_name);
    failure = worse(failure, reply.failure);
  }
  if (result.addresses.empty()) throw Error(*failure);
  order_addresses(result.addresses);
  if (!request.canonical_name)
    result.canonical_name.clear();
  else if (result.canonical_name.empty())
    result.canonical_name = request.host;
  co_return result;
}

Future<NameResult> AresResolver::Impl::look_up(NameRequest request) {
  NameResult result;
  NameRequest service = request;
  service.numeric_host = true;
  service.name_required = false;
  NameResult number = co_await system_.resolve_name(std::move(service));
  result.service = std::move(number.service);
  result.host = std::move(number.host);
  if (request.numeric_host) co_return result;
  DnsReply reply = co_await client_.ask(reverse_name(request.address), RecordType::ptr);
  if (!reply.failure)
    result.host = without_dot(reply.records.front().value);
  else if (request.name_required)
    throw Error(reply.failure->kind(), reply.failure->code(), "resolve", request.address.host(),
                reply.failure->detail());
  co_return result;
}

Future<std::vector<DnsRecord>> AresResolver::Impl::records(std::string name, RecordType type) {
  DnsReply reply = co_await client_.ask(std::move(name), type);
  if (reply.failure) throw Error(*reply.failure);
  co_return std::move(reply.records);
}

AresResolver::AresResolver(Loop& loop, LookupService& system, Options options)
    : impl_(std::make_unique<Impl>(loop, system, std::move(options))) {}

AresResolver::~AresResolver() = default;

Future<LookupResult> AresResolver::resolve(LookupRequest request) {
  try {
    if (auto answer = detail::answer_numeric(request))
      return Future<LookupResult>::resolved(*std::move(answer));
  } catch (const Error& error) {
    return Future<LookupResult>::failed(error);
  }
  // Only the service of it is a name.
  if (request.host.empty() || literal_family(request.host))
    return impl_->system().resolve(std::move(request));
  const auto limit = request.timeout;
  if (!limit) return impl_->look_up(std::move(request));
  std::string host = request.host;
  return impl_->limited(impl_->look_up(std::move(request)), *limit, std::move(host));
}

Future<NameResult> AresResolver::resolve_name(NameRequest request) {
  try {
    if (auto answer = detail::answer_numeric(request))
      return Future<NameResult>::resolved(*std::move(answer));
  } catch (const Error& error) {
    return Future<NameResult>::failed(error);
  }
  const auto limit = request.timeout;
  if (!limit) return impl_->look_up(std::move(request));
  std::string host = request.address.host();
  return impl_->limited(impl_->look_up(std::move(request)), *limit, std::move(host));
}

Future<std::vector<DnsRecord>> AresResolver::records(std::string name, RecordType type) {
  return impl_->records(std::move(name), type);
}

Future<DnsReply> AresResolver::ask(std::string name, RecordType type) {
  return impl_->client().ask(std::move(name), type);
}

std::size_t AresResolver::in_flight() const noexcept { return impl_->client().in_flight(); }
std::size_t AresResolver::cached() const noexcept { return impl_->client().cached(); }
void AresResolver::clear_cache() noexcept { impl_->client().clear_cache(); }

std::string AresResolver::reverse_name(const SocketAddress& address) {
  std::string name;
  if (address.family() == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address.data());
    const std::uint32_t bits = ntohl(in->sin_addr.s_addr);
    for (unsigned shift = 0; shift < 32; shift += 8)
      name += std::to_string(bits >> shift & 0xff) + '.';
    return name + "in-addr.arpa";
  }
  constexpr char kDigits[] = "0123456789abcdef";
  const auto* in6 = reinterpret_cast<const sockaddr_in6*>(address.data());
  for (int i = 15; i >= 0; --i) {
    const unsigned byte = in6->sin6_addr.s6_addr[i];
    for (const unsigned digit : {byte & 0xf, byte >> 4}) {
      name += kDigits[digit];
      name += '.';
    }
  }
  return name + "ip6.arpa";
}

std::vector<SocketAddress> AresResolver::system_servers() {
  std::vector<SocketAddress> servers;
  ares_channel channel = nullptr;
  ares_addr_port_node* list = nullptr;
  if (::ares_init(&channel) == ARES_SUCCESS) {
    if (::ares_get_servers_ports(channel, &list) != ARES_SUCCESS) list = nullptr;
    ::ares_destroy(channel);
  }
  for (const ares_addr_port_node* node = list; node != nullptr; node = node->next) {
    const int port = node->udp_port != 0 ? node->udp_port : kDnsPort;
    if (node->family == AF_INET) {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(static_cast<std::uint16_t>(port));
      in.sin_addr = node->addr.addr4;
      servers.emplace_back(reinterpret_cast<const sockaddr*>(&in), sizeof in);
    } else {
      sockaddr_in6 in6{};
      in6.sin6_family = AF_INET6;
      in6.sin6_port = htons(static_cast<std::uint16_t>(port));
      std::copy_n(reinterpret_cast<const std::uint8_t*>(&node->addr.addr6), 16,
                  in6.sin6_addr.s6_addr);
      servers.emplace_back(reinterpret_cast<const sockaddr*>(&in6), sizeof in6);
    }
  }
  if (list != nullptr) ::ares_free_data(list);
  if (servers.empty()) servers.push_back(*SocketAddress::from_numeric("127.0.0.1", kDnsPort));
  return servers;
}

}  // namespace ioa
