#include "ioa/net/host_service.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

#include "ioa/base/byte_size.hpp"

namespace ioa {
namespace {

constexpr std::string_view kExpectedHost = "expected a host name or a numeric address";
constexpr std::string_view kExpectedPort = "expected a port from 0 to 65535 or a service name";

// RFC 1035 s2.3.4: 255 octets on the wire are 253 characters of text, and a dot at the end.
constexpr std::size_t kMaxHost = 254;
// RFC 6335 s5.1 has 15, but /etc/services may hold longer ones.
constexpr std::size_t kMaxService = 63;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Bytes beyond ASCII are left to the resolver, which may know internationalised names.
bool is_host_char(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// What the kernel takes for an interface's name, or the number of one.
bool is_zone(std::string_view zone) noexcept {
  constexpr std::string_view kForbidden = "/:%[]";
  return !zone.empty() && zone.size() < IF_NAMESIZE &&
         std::all_of(zone.begin(), zone.end(), [&](char c) {
           return c > ' ' && c < 0x7f && kForbidden.find(c) == kForbidden.npos;
         });
}

// For the C functions that want a terminated string: `text` in a buffer, or empty if it is too
// long.
template <std::size_t N>
std::array<char, N> terminated(std::string_view text) noexcept {
  std::array<char, N> buffer{};
  if (text.size() < N) std::copy(text.begin(), text.end(), buffer.begin());
  return buffer;
}

bool is_ipv6(std::string_view host) noexcept {
  const std::size_t percent = host.find('%');
  if (percent != std::string_view::npos && !is_zone(host.substr(percent + 1))) return false;
  const auto text = terminated<INET6_ADDRSTRLEN>(host.substr(0, percent));
  in6_addr address;
  return inet_pton(AF_INET6, text.data(), &address) == 1;
}

bool is_ipv4(std::string_view host) noexcept {
  // inet_aton also takes blanks and anything behind them.
  const auto plain = [](char c) { return is_digit(c) || is_letter(c) || c == '.'; };
  if (!std::all_of(host.begin(), host.end(), plain)) return false;
  const auto text = terminated<64>(host);
  in_addr address;
  return inet_aton(text.data(), &address) != 0;
}

bool is_name(std::string_view host) noexcept {
  return !host.empty() && host.size() <= kMaxHost && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), is_host_char);
}

// A port, written the one way, or a service name; nothing if it is neither.
std::optional<std::string> read_service(std::string_view text) {
  if (const auto port = parse_port(text)) return std::to_string(*port);
  const auto is_service_char = [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '+';
  };
  const bool is_service = !text.empty() && text.size() <= kMaxService &&
                          (is_letter(text.front()) || is_digit(text.front())) &&
                          std::all_of(text.begin(), text.end(), is_service_char) &&
                          std::any_of(text.begin(), text.end(), is_letter);
  return is_service ? std::optional<std::string>(text) : std::nullopt;
}

// `text` begins with '['. Splits it into what the brackets hold and what follows them.
std::pair<std::string_view, std::string_view> split_brackets(std::string_view text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) {
    throw AddressError(text, "expected a ']' that closes the '['");
  }
  const std::string_view inside = text.substr(1, end - 1);
  if (!is_ipv6(inside)) throw AddressError(text, "expected an IPv6 address in brackets");
  return {inside, text.substr(end + 1)};
}

}  // namespace

AddressError::AddressError(std::string_view text, std::string_view expected)
    : text_(text), expected_(expected), what_(text_ + ": " + expected_) {}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  const auto port = parse_decimal(text, 65535);
  if (!port) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

std::optional<Family> literal_family(std::string_view host) noexcept {
  if (host.find(':') != std::string_view::npos) {
    return is_ipv6(host) ? std::optional(Family::ipv6) : std::nullopt;
  }
  return is_ipv4(host) ? std::optional(Family::ipv4) : std::nullopt;
}

std::string parse_service(std::string_view text) {
  auto service = read_service(text);
  if (!service) throw AddressError(text, kExpectedPort);
  return *std::move(service);
}

std::string parse_host(std::string_view text) {
  if (text.empty()) throw AddressError(text, kExpectedHost);
  if (text.front() == '[') {
    const auto [inside, rest] = split_brackets(text);
    if (!rest.empty()) throw AddressError(text, "expected nothing behind the ']'");
    return std::string(inside);
  }
  if (!is_ipv6(text) && !is_name(text)) throw AddressError(text, kExpectedHost);
  return std::string(text);
}

HostService parse_host_service(std::string_view text) {
  std::string_view host = text;
  std::string_view rest;
  if (!text.empty() && text.front() == '[') {
    const auto [inside, behind] = split_brackets(text);
    host = inside;
    rest = behind;
  } else if (!is_ipv6(text)) {
    host = text.substr(0, text.find(':'));
    rest = text.substr(host.size());
  }

  if (!is_ipv6(host) && !is_name(host)) throw AddressError(text, kExpectedHost);
  if (rest.empty()) return {std::string(host), {}};
  if (rest.front() != ':') {
    throw AddressError(text, "expected nothing, or a ':' and a port, behind the ']'");
  }
  auto service = read_service(rest.substr(1));
  if (!service) throw AddressError(text, kExpectedPort);
  return {std::string(host), *std::move(service)};
}

}  // namespace ioa
