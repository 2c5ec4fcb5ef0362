#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace ioa {

/// The IP versions that a look-up or a socket is held to.
enum class Family {
  any,   ///< Both.
  ipv4,  ///< IPv4 only.
  ipv6,  ///< IPv6 only.
};

/// Text that is no address: which text it was, and what was expected there. what() is the one
/// sentence "TEXT: expected ...", with the text as it was given (callers escape it).
class AddressError : public std::exception {
 public:
  AddressError(std::string_view text, std::string_view expected);

  const std::string& text() const noexcept { return text_; }
  /// "expected ..." and no full stop.
  const std::string& expected() const noexcept { return expected_; }
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  std::string text_;
  std::string expected_;
  std::string what_;
};

/// A host, with a service where one was given.
struct HostService {
  /// A name or a numeric address: no brackets, its zone id kept.
  std::string host;
  /// A port in plain decimal without leading zeros, or a service name; empty if none was given.
  std::string service;

  friend bool operator==(const HostService&, const HostService&) = default;
};

/// Reads `HOST`, `HOST:SERVICE`, `[V6]`, `[V6]:SERVICE` or a bare IPv6 literal: what a look-up or a
/// local address takes. Throws AddressError.
HostService parse_host_service(std::string_view text);

/// Reads a host that has no service: a name, a numeric address, `[V6]`. Throws AddressError.
std::string parse_host(std::string_view text);

/// Reads a port or a service name, as HostService::service holds it. Throws AddressError.
std::string parse_service(std::string_view text);

/// A port in plain decimal digits, 0 to 65535; nothing for anything else.
std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

/// The family of a numeric address (its zone id, if any, is allowed), or nothing if `host` is a
/// name. The short forms of IPv4 that inet_aton(3) takes (`127.1`) count as numeric.
std::optional<Family> literal_family(std::string_view host) noexcept;

}  // namespace ioa
