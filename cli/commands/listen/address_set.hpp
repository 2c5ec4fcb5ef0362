#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "ioa/net/socket_address.hpp"

namespace ioa::cli {

/// The bytes of an IP address in network order. An IPv4 address is in IPv6's clothes
/// (::ffff:0:0/96, RFC 4291 s2.5.5.2), so that a peer is the same whichever socket it has come by.
using IpBytes = std::array<std::uint8_t, 16>;

/// An IP address as sets and counters know it: without a port.
struct IpAddress {
  IpBytes bytes{};
  /// The number of its zone (RFC 4007); 0 for none.
  std::uint32_t zone = 0;

  /// Nothing for what is no IP address (a Unix peer).
  static std::optional<IpAddress> of(const SocketAddress& address) noexcept;
  bool is_ipv4() const noexcept;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// The addresses that have their first bits in common: `10.0.0.0/8`, `2001:db8::/32`, or one alone.
struct AddressPrefix {
  /// Its lowest address, all bits behind the prefix being 0; its zone is 0 for any.
  IpAddress first;
  /// Its length in bits of IpBytes: an IPv4 prefix has 96 more than its text says.
  int length = 128;

  /// The highest address: all bits behind the prefix are 1.
  IpBytes last() const noexcept;
  bool is_ipv4() const noexcept { return length >= 96 && first.is_ipv4(); }

  friend bool operator==(const AddressPrefix&, const AddressPrefix&) = default;
};

/// Reads `ADDRESS` or `ADDRESS/LENGTH`: IPv4 as four numbers, IPv6 with or without a zone in front
/// of the slash (RFC 4007 s11.7: `fe80::%eth0/64`). Bits behind the prefix are taken for 0. An IPv4
/// address in IPv6's clothes is IPv4. Nothing for anything else, and for a zone that does not exist
/// here.
std::optional<AddressPrefix> parse_address_prefix(std::string_view text);

/// A set of prefixes, of any number: asking takes as long as a binary search, and what lies within
/// another prefix takes no memory.
///
/// A prefix of IPv6 holds no IPv4 address, not even `::/0`. One without a zone holds the addresses
/// of every zone.
class AddressSet {
 public:
  void add(const AddressPrefix& prefix);
  /// Sorts what has been added; to be called before contains().
  void seal();
  bool contains(const IpAddress& address) const noexcept;
  bool empty() const noexcept { return ipv4_.empty() && ipv6_.empty() && zoned_.empty(); }

 private:
  struct Range {
    IpBytes first;
    IpBytes last;
  };
  using Ranges = std::vector<Range>;

  static void sort(Ranges& ranges);
  static bool has(const Ranges& ranges, const IpBytes& bytes) noexcept;

  Ranges ipv4_;
  Ranges ipv6_;
  std::map<std::uint32_t, Ranges> zoned_;
};

}  // namespace ioa::cli
