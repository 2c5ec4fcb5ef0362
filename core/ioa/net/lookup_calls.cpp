#include "ioa/net/lookup_calls.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "ioa/base/error.hpp"

namespace ioa::detail {
namespace {

struct Kind {
  int socktype;
  int protocol;
};
// What getaddrinfo(3) gives for an address, in its order.
constexpr std::array kKinds{Kind{SOCK_STREAM, IPPROTO_TCP}, Kind{SOCK_DGRAM, IPPROTO_UDP},
                            Kind{SOCK_RAW, 0}};

Error lookup_error(int eai, int errno_value, const LookupRequest& request) {
  // The service is at fault, not the host that the subject names.
  if (eai == EAI_SERVICE)
    return {ErrorKind::failed, std::error_code(eai, gai_category()), "resolve", request.host,
            "service \"" + request.service + "\""};
  return Error::from_gai(eai, errno_value, "resolve", request.host);
}

int address_family(Family family) {
  if (family == Family::ipv4) return AF_INET;
  return family == Family::ipv6 ? AF_INET6 : AF_UNSPEC;
}

bool is_wanted(const LookupRequest& request, int family) {
  return request.family == Family::any || address_family(request.family) == family;
}

bool is_wanted(const LookupRequest& request, const Kind& kind) {
  return (request.socktype == 0 || request.socktype == kind.socktype) &&
         (request.protocol == 0 || request.protocol == kind.protocol);
}

/// The addresses of a numeric or empty host; none if it is a name.
std::vector<SocketAddress> numeric_addresses(const LookupRequest& request, std::uint16_t port) {
  if (!request.host.empty()) {
    if (!literal_family(request.host)) return {};
    const auto address = SocketAddress::from_numeric(request.host, port);
    if (!address) throw lookup_error(EAI_NONAME, 0, request);  // a zone that does not exist
    if (!is_wanted(request, address->family())) throw lookup_error(EAI_ADDRFAMILY, 0, request);
    return {*address};
  }
  std::vector<SocketAddress> addresses;
  for (const int family : {AF_INET6, AF_INET}) {
    if (!is_wanted(request, family)) continue;
    const char* loopback = family == AF_INET6 ? "::1" : "127.0.0.1";
    addresses.push_back(request.passive ? SocketAddress::any(family, port)
                                        : *SocketAddress::from_numeric(loopback, port));
  }
  return addresses;
}

std::optional<std::uint16_t> numeric_port(const std::string& service) {
  return service.empty() ? std::uint16_t{0} : parse_port(service);
}

addrinfo hints_of(const LookupRequest& request) {
  addrinfo hints{};
  hints.ai_family = address_family(request.family);
  hints.ai_socktype = request.socktype;
  hints.ai_protocol = request.protocol;
  const bool is_numeric = request.numeric_host || literal_family(request.host).has_value();
  if (is_numeric) hints.ai_flags |= AI_NUMERICHOST;
  if (request.passive) hints.ai_flags |= AI_PASSIVE;
  if (request.configured_families) hints.ai_flags |= AI_ADDRCONFIG;
  if (request.canonical_name && !request.host.empty()) hints.ai_flags |= AI_CANONNAME;
  return hints;
}

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

LookupResult result_of(const addrinfo* list) {
  LookupResult result;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_canonname != nullptr && result.canonical_name.empty())
      result.canonical_name = entry->ai_canonname;
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    ResolvedAddress found{SocketAddress(entry->ai_addr, entry->ai_addrlen), entry->ai_socktype,
                          entry->ai_protocol};
    auto& addresses = result.addresses;
    if (std::find(addresses.begin(), addresses.end(), found) == addresses.end())
      addresses.push_back(std::move(found));
  }
  return result;
}

Error name_error(int eai, int errno_value, const NameRequest& request) {
  return Error::from_gai(eai, errno_value, "resolve", request.address.host());
}

}  // namespace

std::optional<LookupResult> answer_numeric(const LookupRequest& request) {
  // The C library would look up what is before a NUL; a peer may have chosen the name.
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (has_nul(request.host) || has_nul(request.service)) throw lookup_error(EAI_NONAME, 0, request);
  const auto port = numeric_port(request.service);
  const auto addresses = numeric_addresses(request, port.value_or(0));
  if (addresses.empty() && request.numeric_host) throw lookup_error(EAI_NONAME, 0, request);
  if (!port) return std::nullopt;
  LookupResult result;
  for (const SocketAddress& address : addresses)
    for (const Kind& kind : kKinds)
      if (is_wanted(request, kind))
        result.addresses.push_back({address, kind.socktype, kind.protocol});
  // An unusual pair of socktype and protocol is for the system to judge.
  if (result.addresses.empty()) return std::nullopt;
  if (request.canonical_name) result.canonical_name = request.host;
  return result;
}

std::vector<ResolvedAddress> numeric_kinds(const LookupRequest& request) {
  std::vector<ResolvedAddress> kinds;
  const auto port = numeric_port(request.service);
  if (!port) return kinds;
  for (const Kind& kind : kKinds)
    if (is_wanted(request, kind))
      kinds.push_back({SocketAddress::any(AF_INET, *port), kind.socktype, kind.protocol});
  return kinds;
}

LookupResult look_up(const ResolverCalls& calls, const LookupRequest& request) {
  const addrinfo hints = hints_of(request);
  addrinfo* list = nullptr;
  errno = 0;
  const int eai =
      calls.getaddrinfo(text_or_null(request.host), text_or_null(request.service), &hints, &list);
  if (eai != 0) throw lookup_error(eai, errno, request);
  LookupResult result = result_of(list);
  calls.freeaddrinfo(list);
  if (result.addresses.empty()) throw lookup_error(EAI_NODATA, 0, request);
  return result;
}

std::optional<NameResult> answer_numeric(const NameRequest& request) {
  if (!request.address.is_inet()) throw name_error(EAI_FAMILY, 0, request);
  if (!request.numeric_host || !request.numeric_service) return std::nullopt;
  return NameResult{request.address.host(), std::to_string(request.address.port())};
}

NameResult look_up(const ResolverCalls& calls, const NameRequest& request) {
  int flags = 0;
  if (request.numeric_host) flags |= NI_NUMERICHOST;
  if (request.numeric_service) flags |= NI_NUMERICSERV;
  if (request.name_required) flags |= NI_NAMEREQD;
  if (request.datagram) flags |= NI_DGRAM;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  errno = 0;
  const int eai =
      calls.getnameinfo(request.address.data(), request.address.size(), host.data(),
                        socklen_t{NI_MAXHOST}, service.data(), socklen_t{NI_MAXSERV}, flags);
  if (eai != 0) throw name_error(eai, errno, request);
  return {host.data(), service.data()};
}

std::string key_of(const LookupRequest& request) {
  std::string key = request.host + '\0' + request.service + '\0';
  for (const int part :
       {static_cast<int>(request.family), request.socktype, request.protocol, int{request.passive},
        int{request.numeric_host}, int{request.canonical_name}, int{request.configured_families}})
    key += std::to_string(part) + ' ';
  return key;
}

std::string key_of(const NameRequest& request) {
  std::string key = request.address.to_string() + '\0';
  for (const bool part :
       {request.numeric_host, request.numeric_service, request.name_required, request.datagram})
    key += part ? '1' : '0';
  return key;
}

}  // namespace ioa::detail
