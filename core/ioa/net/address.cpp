#include "ioa/net/address.hpp"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "ioa/base/byte_size.hpp"

namespace ioa {
namespace {

using Scheme = Address::Scheme;

struct SchemeEntry {
  std::string_view name;
  Scheme scheme;
  Family family;
};

constexpr std::array kSchemes{
    SchemeEntry{"tcp", Scheme::tcp, Family::any},
    SchemeEntry{"tcp4", Scheme::tcp, Family::ipv4},
    SchemeEntry{"tcp6", Scheme::tcp, Family::ipv6},
    SchemeEntry{"udp", Scheme::udp, Family::any},
    SchemeEntry{"udp4", Scheme::udp, Family::ipv4},
    SchemeEntry{"udp6", Scheme::udp, Family::ipv6},
    SchemeEntry{"tls", Scheme::tls, Family::any},
    SchemeEntry{"unix", Scheme::unix_stream, Family::any},
    SchemeEntry{"unix-dgram", Scheme::unix_dgram, Family::any},
    SchemeEntry{"unix-seqpacket", Scheme::unix_seqpacket, Family::any},
    SchemeEntry{"exec", Scheme::exec, Family::any},
    SchemeEntry{"shell", Scheme::shell, Family::any},
    SchemeEntry{"pty", Scheme::pty, Family::any},
    SchemeEntry{"read", Scheme::read, Family::any},
    SchemeEntry{"write", Scheme::write, Family::any},
    SchemeEntry{"file", Scheme::file, Family::any},
    SchemeEntry{"fd", Scheme::fd, Family::any},
    SchemeEntry{"zero", Scheme::zero, Family::any},
    SchemeEntry{"random", Scheme::random, Family::any},
    SchemeEntry{"systemd", Scheme::systemd, Family::any},
};

// The word of a place that takes nothing behind it.
constexpr std::string_view kStdio = "-";
constexpr std::string_view kDiscard = "discard";
constexpr std::string_view kSystemd = "systemd";

constexpr std::string_view kExpectedAddress =
    "expected HOST PORT, HOST:PORT, [V6]:PORT or SCHEME:REST";

constexpr std::string_view kExpectedScheme =
    "expected a known scheme such as tcp: or unix:, or an IPv6 address in brackets";

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Schemes are taken in either case, as those of URLs are.
const SchemeEntry* find_scheme(std::string_view name) noexcept {
  const auto found = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const SchemeEntry& entry) {
    return equal_ignoring_case(entry.name, name);
  });
  return found == kSchemes.end() ? nullptr : &*found;
}

const SchemeEntry& scheme_entry(Scheme scheme, Family family) noexcept {
  return *std::find_if(kSchemes.begin(), kSchemes.end(), [&](const SchemeEntry& entry) {
    return entry.scheme == scheme && entry.family == family;
  });
}

// Runs `read`; its complaint is to name `text`, the whole of what was written.
template <typename Read>
auto naming(std::string_view text, Read read) {
  try {
    return read();
  } catch (const AddressError& error) {
    throw AddressError(text, error.expected());
  }
}

// An address text taken apart; `entry` is null if it names no scheme.
struct SchemeAndRest {
  const SchemeEntry* entry = nullptr;
  std::string_view rest;
};

// `SCHEME://REST` is the same as `SCHEME:REST`.
SchemeAndRest split_scheme(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {nullptr, text};
  const SchemeEntry* entry = find_scheme(text.substr(0, colon));
  std::string_view rest = text.substr(colon + 1);
  const bool slashes = rest.substr(0, 2) == "//";
  if (entry == nullptr) {
    if (slashes) throw AddressError(text, kExpectedScheme);
    return {nullptr, text};
  }
  if (slashes) rest.remove_prefix(2);
  return {entry, rest};
}

// The host is in place. Holds a numeric one to the family of its scheme.
void check_family(const Address& address, std::string_view text) {
  if (address.family == Family::any) return;
  const auto family = literal_family(address.host);
  if (!family || *family == address.family) return;
  throw AddressError(text, address.family == Family::ipv4 ? "expected an IPv4 address or a name"
                                                          : "expected an IPv6 address or a name");
}

// `rest` is all of an address without a host: the port to listen on, at every local address.
std::optional<std::string> lone_port(std::string_view rest, std::string_view text, AddressUse use) {
  const bool colon = !rest.empty() && rest.front() == ':';
  const std::string_view port = colon ? rest.substr(1) : rest;
  if (port.find_first_of(":[]") != std::string_view::npos) return std::nullopt;
  if (use == AddressUse::connect) {
    if (colon) throw AddressError(text, "expected a host before the ':'");
    return std::nullopt;
  }
  if (!colon && port.find('.') != std::string_view::npos && literal_family(port)) {
    return std::nullopt;  // An IPv4 address: what is missing is its port.
  }
  return naming(text, [&] { return parse_service(port); });
}

void read_inet(Address& address, std::string_view rest, std::string_view text, AddressUse use) {
  if (rest.empty()) throw AddressError(text, kExpectedAddress);
  if (auto port = lone_port(rest, text, use)) {
    address.service = *std::move(port);
    return;
  }
  const bool brackets = rest.front() == '[';
  if (!brackets && !literal_family(rest) && std::count(rest.begin(), rest.end(), ':') > 1) {
    throw AddressError(text, kExpectedScheme);
  }
  HostService parsed = naming(text, [&] { return parse_host_service(rest); });
  if (parsed.service.empty()) {
    throw AddressError(text, parsed.host.find(':') == std::string::npos
                                 ? "expected a port as well: HOST PORT or HOST:PORT"
                                 : "expected a port as well: V6 PORT or [V6]:PORT");
  }
  address.host = std::move(parsed.host);
  address.service = std::move(parsed.service);
  check_family(address, text);
}

void read_unix(Address& address, std::string_view path, std::string_view text) {
  const bool abstract = !path.empty() && path.front() == '@';
  if (path.empty()) throw AddressError(text, "expected the path of a Unix socket");
  if (abstract && path.size() == 1) throw AddressError(text, "expected a name behind the '@'");
  // unix(7): a path needs a terminating NUL, an abstract name has its NUL where the '@' is.
  constexpr std::size_t kMax = sizeof(sockaddr_un::sun_path);
  if (path.size() > (abstract ? kMax : kMax - 1)) {
    throw AddressError(text, "expected a Unix socket path of at most 107 bytes");
  }
  address.path = std::string(path);
}

void read_rest(Address& address, std::string_view rest, std::string_view text) {
  switch (address.scheme) {
    case Scheme::unix_stream:
    case Scheme::unix_dgram:
    case Scheme::unix_seqpacket:
      return read_unix(address, rest, text);
    case Scheme::exec:
    case Scheme::shell:
    case Scheme::pty:
      if (rest.find_first_not_of(" \t\n") == std::string_view::npos) {
        throw AddressError(text, "expected a command");
      }
      address.command = std::string(rest);
      return;
    case Scheme::read:
    case Scheme::write:
    case Scheme::file:
      if (rest.empty()) throw AddressError(text, "expected the path of a file");
      if (rest.size() >= PATH_MAX) throw AddressError(text, "expected a path under 4096 bytes");
      address.path = std::string(rest);
      return;
    case Scheme::fd: {
      const auto fd = parse_decimal(rest, INT_MAX);
      if (!fd) throw AddressError(text, "expected the number of a descriptor");
      address.fd = static_cast<int>(*fd);
      return;
    }
    case Scheme::zero:
    case Scheme::random: {
      const auto size = parse_byte_size(rest);
      if (!size) throw AddressError(text, "expected a size such as 512, 64K, 10M or 1G");
      address.size = *size;
      return;
    }
    case Scheme::systemd:
      if (rest.empty()) throw AddressError(text, "expected systemd or systemd:NAME");
      address.path = std::string(rest);
      return;
    default:
      return;
  }
}

bool is_inet_scheme(Scheme scheme) noexcept {
  return scheme == Scheme::tcp || scheme == Scheme::udp || scheme == Scheme::tls;
}

void refuse_nul(std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return;
  throw AddressError(text, "expected an address without NUL bytes");
}

Address of_scheme(Scheme scheme) {
  Address address;
  address.scheme = scheme;
  return address;
}

}  // namespace

bool Address::is_inet() const noexcept { return is_inet_scheme(scheme); }

bool Address::is_unix() const noexcept {
  return scheme == Scheme::unix_stream || scheme == Scheme::unix_dgram ||
         scheme == Scheme::unix_seqpacket;
}

std::optional<std::uint16_t> Address::port() const noexcept {
  return is_inet() ? parse_port(service) : std::nullopt;
}

std::string Address::to_string() const {
  if (scheme == Scheme::stdio) return std::string(kStdio);
  if (scheme == Scheme::discard) return std::string(kDiscard);
  if (scheme == Scheme::systemd && path.empty()) return std::string(kSystemd);

  std::string text(scheme_entry(scheme, is_inet() ? family : Family::any).name);
  text += ':';
  if (!is_inet()) {
    if (scheme == Scheme::fd) return text + std::to_string(fd);
    if (scheme == Scheme::zero || scheme == Scheme::random) return text + std::to_string(size);
    const std::string rest = path + command;
    if (rest.compare(0, 2, "//") == 0) text += "//";  // Or the next reader takes away these two.
    return text + rest;
  }
  // A host that has the name of a scheme needs one before it.
  if (text == "tcp:" && find_scheme(host) == nullptr) text.clear();
  if (host.empty()) return text.empty() ? ':' + service : text + service;
  const bool brackets = host.find(':') != std::string::npos;
  return text + (brackets ? '[' + host + ']' : host) + ':' + service;
}

Address parse_address(std::string_view text, AddressUse use) {
  if (text.empty()) throw AddressError(text, kExpectedAddress);
  refuse_nul(text);
  const bool listening = use == AddressUse::listen;
  if (text == kStdio) return of_scheme(Scheme::stdio);
  // To a listener a lone word is a port, and "discard" is the service on port 9.
  if (!listening && text == kDiscard) return of_scheme(Scheme::discard);
  if (listening && text == kSystemd) return of_scheme(Scheme::systemd);

  const SchemeAndRest split = split_scheme(text);
  Address address;
  if (split.entry != nullptr) {
    address.scheme = split.entry->scheme;
    address.family = split.entry->family;
  }
  if (address.scheme == Scheme::systemd && !listening) {
    throw AddressError(text, "expected an address to connect to: systemd: is for listening");
  }
  if (address.is_inet()) {
    read_inet(address, split.rest, text, use);
  } else {
    read_rest(address, split.rest, text);
  }
  return address;
}

Address make_address(std::string_view host, std::string_view port) {
  const SchemeAndRest split = split_scheme(host);
  Address address;
  if (split.entry != nullptr) {
    if (!is_inet_scheme(split.entry->scheme)) {
      throw AddressError(port, "expected nothing behind an address that has no port");
    }
    address.scheme = split.entry->scheme;
    address.family = split.entry->family;
  }
  HostService parsed = naming(host, [&] { return parse_host_service(split.rest); });
  if (!parsed.service.empty()) {
    throw AddressError(port, "expected nothing behind an address that has its port");
  }
  address.host = std::move(parsed.host);
  address.service = parse_service(port);
  check_family(address, host);
  return address;
}

Address make_unix_address(std::string_view path) {
  refuse_nul(path);
  Address address = of_scheme(Scheme::unix_stream);
  read_unix(address, path, path);
  return address;
}

}  // namespace ioa
