#include "ioa/net/address_order.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "ioa/base/unique_fd.hpp"

namespace ioa {
namespace {

using Bits = std::array<std::uint8_t, 16>;

/// The address as IPv6 has it: IPv4 is mapped (RFC 6724 s3.2).
Bits bits_of(const SocketAddress& address) {
  Bits bits{};
  if (address.family() == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(address.data());
    std::memcpy(bits.data(), &in6->sin6_addr, bits.size());
    return bits;
  }
  const auto* in = reinterpret_cast<const sockaddr_in*>(address.data());
  bits[10] = bits[11] = 0xff;
  std::memcpy(bits.data() + 12, &in->sin_addr, 4);
  return bits;
}

struct Policy {
  Bits prefix;
  int length;  // bits
  int precedence;
  int label;
};

// RFC 6724 s2.1, the longest prefixes first.
constexpr std::array kPolicies{
    Policy{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 50, 0},  // ::1
    Policy{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 35, 4},         // ::ffff:0:0
    Policy{{}, 96, 1, 3},                                                  // ::
    Policy{{0x20, 0x01}, 32, 5, 5},                                        // 2001::
    Policy{{0x20, 0x02}, 16, 30, 2},                                       // 2002::
    Policy{{0x3f, 0xfe}, 16, 1, 12},                                       // 3ffe::
    Policy{{0xfe, 0xc0}, 10, 1, 11},                                       // fec0::
    Policy{{0xfc}, 7, 3, 13},                                              // fc00::
    Policy{{}, 0, 40, 1},
};

int common_prefix(const Bits& a, const Bits& b) {
  for (int i = 0; i < 128; ++i) {
    const auto byte = static_cast<std::size_t>(i / 8);
    if (((a[byte] ^ b[byte]) >> (7 - i % 8) & 1) != 0) return i;
  }
  return 128;
}

const Policy& policy_of(const Bits& bits) {
  return *std::find_if(kPolicies.begin(), kPolicies.end(), [&](const Policy& policy) {
    return common_prefix(policy.prefix, bits) >= policy.length;
  });
}

// RFC 4291 s2.7, RFC 6724 s3.1 and s3.2.
int scope_of(const Bits& bits) {
  constexpr int kLinkLocal = 2;
  constexpr int kSiteLocal = 5;
  constexpr int kGlobal = 14;
  if (bits[0] == 0xff) return bits[1] & 0xf;
  if (bits[0] == 0xfe && (bits[1] & 0xc0) == 0x80) return kLinkLocal;
  if (bits[0] == 0xfe && (bits[1] & 0xc0) == 0xc0) return kSiteLocal;
  if (policy_of(bits).precedence == 50) return kLinkLocal;  // the loopback address
  if (policy_of(bits).label == 4 && (bits[12] == 127 || (bits[12] == 169 && bits[13] == 254)))
    return kLinkLocal;
  return kGlobal;
}

/// What the rules look at.
struct Candidate {
  ResolvedAddress resolved;
  bool is_usable = false;
  bool has_scope_of_source = false;
  bool has_label_of_source = false;
  int precedence = 0;
  int scope = 0;
  int family = 0;
  int prefix = 0;  // in common with its source
};

Candidate judge(ResolvedAddress resolved, const std::optional<SocketAddress>& source) {
  Candidate candidate;
  const Bits bits = bits_of(resolved.address);
  candidate.family = resolved.address.family();
  candidate.precedence = policy_of(bits).precedence;
  candidate.scope = scope_of(bits);
  candidate.is_usable = source.has_value();
  if (source) {
    const Bits from = bits_of(*source);
    candidate.has_scope_of_source = scope_of(from) == candidate.scope;
    candidate.has_label_of_source = policy_of(from).label == policy_of(bits).label;
    // Beyond the subnet a prefix says nothing (errata 3894 speaks of the source's own).
    constexpr int kSubnet = 64;
    candidate.prefix = std::min(common_prefix(bits, from), kSubnet);
  }
  candidate.resolved = std::move(resolved);
  return candidate;
}

bool comes_before(const Candidate& a, const Candidate& b) {
  if (a.is_usable != b.is_usable) return a.is_usable;                                // rule 1
  if (a.has_scope_of_source != b.has_scope_of_source) return a.has_scope_of_source;  // rule 2
  if (a.has_label_of_source != b.has_label_of_source) return a.has_label_of_source;  // rule 5
  if (a.precedence != b.precedence) return a.precedence > b.precedence;              // rule 6
  if (a.scope != b.scope) return a.scope < b.scope;                                  // rule 8
  // Rule 9 for IPv6 alone: for IPv4 it would undo what servers do to share the load.
  if (a.family == AF_INET6 && b.family == AF_INET6) return a.prefix > b.prefix;
  return false;
}

}  // namespace

std::optional<SocketAddress> source_address_for(const SocketAddress& peer) {
  const UniqueFd fd(::socket(peer.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const SocketAddress any_port = peer.with_port(peer.port() != 0 ? peer.port() : 53);
  if (!fd || ::connect(fd.get(), any_port.data(), any_port.size()) != 0) return std::nullopt;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(fd.get(), address, &size) != 0) return std::nullopt;
  return SocketAddress(address, size);
}

void order_addresses(
    std::vector<ResolvedAddress>& addresses,
    const std::function<std::optional<SocketAddress>(const SocketAddress&)>& source_for) {
  if (addresses.size() < 2) return;
  std::vector<Candidate> candidates;
  for (ResolvedAddress& each : addresses) {
    const auto source = source_for(each.address);
    candidates.push_back(judge(std::move(each), source));
  }
  std::stable_sort(candidates.begin(), candidates.end(), comes_before);
  for (std::size_t i = 0; i < addresses.size(); ++i)
    addresses[i] = std::move(candidates[i].resolved);
}

}  // namespace ioa
