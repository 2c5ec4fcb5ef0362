#include "cli/commands/listen/address_set.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

constexpr int kAllBits = 128;
constexpr int kIpv4Offset = 96;  // where an IPv4 address begins in IPv6's clothes
constexpr IpBytes kIpv4Clothes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kIpv4At = kIpv4Offset / 8;

bool has_ipv4_clothes(const IpBytes& bytes) noexcept {
  return std::equal(kIpv4Clothes.begin(), kIpv4Clothes.begin() + kIpv4At, bytes.begin());
}

/// Four numbers and nothing less: the short forms of inet_aton(3) would make 0.0.0.10 of "10/8".
std::optional<IpAddress> parse_ipv4(const std::string& text) noexcept {
  IpAddress address{kIpv4Clothes, 0};
  if (::inet_pton(AF_INET, text.c_str(), &address.bytes[kIpv4At]) != 1) return std::nullopt;
  return address;
}

std::optional<IpAddress> parse_ipv6(const std::string& text) {
  const auto address = SocketAddress::from_numeric(text, 0);
  if (!address || address->family() != AF_INET6) return std::nullopt;
  return IpAddress::of(*address);
}

/// Bits behind the first `length` get this value.
void fill_behind(IpBytes& bytes, int length, bool value) noexcept {
  for (int bit = length; bit < kAllBits; bit = (bit / 8 + 1) * 8) {
    std::uint8_t& byte = bytes[static_cast<std::size_t>(bit / 8)];
    const auto behind = static_cast<std::uint8_t>(0xffU >> static_cast<unsigned>(bit % 8));
    byte = static_cast<std::uint8_t>(value ? byte | behind : byte & ~behind);
  }
}

/// A length in decimal digits; "08" is a slip of somebody who means something else.
std::optional<int> parse_length(std::string_view text, int most) noexcept {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0'))
    return std::nullopt;
  const auto number = parse_decimal(text, static_cast<std::uint64_t>(most));
  if (!number) return std::nullopt;
  return static_cast<int>(*number);
}

}  // namespace

std::optional<IpAddress> IpAddress::of(const SocketAddress& address) noexcept {
  IpAddress result;
  if (address.family() == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, address.data(), std::min<std::size_t>(sizeof ipv4, address.size()));
    result.bytes = kIpv4Clothes;
    std::memcpy(&result.bytes[kIpv4At], &ipv4.sin_addr, sizeof ipv4.sin_addr);
  } else if (address.family() == AF_INET6) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, address.data(), std::min<std::size_t>(sizeof ipv6, address.size()));
    std::memcpy(result.bytes.data(), &ipv6.sin6_addr, result.bytes.size());
    result.zone = has_ipv4_clothes(result.bytes) ? 0 : ipv6.sin6_scope_id;
  } else {
    return std::nullopt;
  }
  return result;
}

bool IpAddress::is_ipv4() const noexcept { return has_ipv4_clothes(bytes); }

IpBytes AddressPrefix::last() const noexcept {
  IpBytes bytes = first.bytes;
  fill_behind(bytes, length, true);
  return bytes;
}

std::optional<AddressPrefix> parse_address_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string host(text.substr(0, slash));
  const bool is_dotted = host.find(':') == std::string::npos;
  const auto address = is_dotted ? parse_ipv4(host) : parse_ipv6(host);
  if (!address) return std::nullopt;
  AddressPrefix prefix{*address, kAllBits};
  if (slash != text.npos) {
    const int offset = is_dotted ? kIpv4Offset : 0;
    const auto length = parse_length(text.substr(slash + 1), kAllBits - offset);
    if (!length) return std::nullopt;
    prefix.length = offset + *length;
  }
  fill_behind(prefix.first.bytes, prefix.length, false);
  return prefix;
}

void AddressSet::add(const AddressPrefix& prefix) {
  Ranges& ranges = prefix.is_ipv4()         ? ipv4_
                   : prefix.first.zone != 0 ? zoned_[prefix.first.zone]
                                            : ipv6_;
  ranges.push_back({prefix.first.bytes, prefix.last()});
}

void AddressSet::seal() {
  sort(ipv4_);
  sort(ipv6_);
  for (auto& [zone, ranges] : zoned_) sort(ranges);
}

/// Two prefixes are either apart or one within the other: the larger one, in front, is kept.
void AddressSet::sort(Ranges& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return a.first != b.first ? a.first < b.first : a.last > b.last;
  });
  std::size_t kept = 0;
  for (const Range& range : ranges)
    if (kept == 0 || range.last > ranges[kept - 1].last) ranges[kept++] = range;
  ranges.resize(kept);
  ranges.shrink_to_fit();
}

bool AddressSet::has(const Ranges& ranges, const IpBytes& bytes) noexcept {
  const auto is_before = [](const IpBytes& value, const Range& range) {
    return value < range.first;
  };
  const auto behind = std::upper_bound(ranges.begin(), ranges.end(), bytes, is_before);
  return behind != ranges.begin() && bytes <= std::prev(behind)->last;
}

bool AddressSet::contains(const IpAddress& address) const noexcept {
  if (address.is_ipv4()) return has(ipv4_, address.bytes);
  if (has(ipv6_, address.bytes)) return true;
  const auto zoned = zoned_.find(address.zone);
  return zoned != zoned_.end() && has(zoned->second, address.bytes);
}

}  // namespace ioa::cli
