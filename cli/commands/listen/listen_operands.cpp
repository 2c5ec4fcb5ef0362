#include "cli/commands/listen/listen_operands.hpp"

#include <netdb.h>

#include <cstddef>
#include <string_view>

#include "cli/commands/socket_kinds.hpp"
#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

using Scheme = Address::Scheme;

[[noreturn]] void fail(const OptionValues& values, std::string_view operand,
                       std::string_view problem) {
  throw UsageError(values.command().name, escape_argument(operand), problem);
}

bool is_number(std::string_view text) noexcept {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// What stands behind `tcp:` and its like, or all of it.
std::string_view without_scheme(std::string_view operand) noexcept {
  for (const std::string_view scheme : {"tcp:", "tcp4:", "tcp6:", "udp:", "udp4:", "udp6:"})
    if (operand.substr(0, scheme.size()) == scheme) return operand.substr(scheme.size());
  return operand;
}

/// Whether an operand is a host that has no port: a literal address, or a word.
bool is_lone_host(std::string_view operand) {
  const std::string_view host = without_scheme(operand);
  if (is_number(host)) return false;  // inet_aton(3) would take it for an address
  if (literal_family(host)) return true;
  if (!host.empty() && host.front() == '[') return host.back() == ']';
  return !host.empty() && host.find(':') == host.npos && operand != "systemd";
}

/// Whether a word that could be a host is meant as a port.
bool is_service(const std::string& word) {
  return !literal_family(word) && ::getservbyname(word.c_str(), nullptr) != nullptr;
}

/// HOST PORT: a name or an address without a port, then a bare port.
bool is_pair(const std::string& host, const std::string& port) {
  if (!is_lone_host(host) || port.find(':') != port.npos) return false;
  if (is_number(port)) return true;
  const bool may_be_port = !literal_family(port) && is_lone_host(port) && port != "systemd";
  return may_be_port && !is_service(host) && is_service(port);
}

void require_usable(const OptionValues& values, const Address& address, std::string_view operand) {
  switch (address.scheme) {
    case Scheme::tcp:
    case Scheme::unix_stream:
    case Scheme::unix_seqpacket:
    case Scheme::systemd:
      return;
    case Scheme::udp:
    case Scheme::unix_dgram:
      return;
    case Scheme::tls:
      fail(values, operand, "expected another address; TLS is not in this release");
    default:
      fail(values, operand,
           "expected an address to listen at: PORT, HOST:PORT, udp:PORT, unix:PATH, systemd");
  }
}

std::vector<Address> read_paths(const OptionValues& values, std::span<const std::string> operands) {
  std::vector<Address> addresses;
  for (const std::string& operand : operands) {
    addresses.push_back(make_unix_address(operand));
    apply_udp(values, addresses.back(), operand);
  }
  return addresses;
}

/// -p PORT, and hosts to have it at.
std::vector<Address> read_hosts(const OptionValues& values, std::string_view port,
                                std::span<const std::string> operands) {
  std::vector<Address> addresses;
  if (operands.empty()) {
    addresses.push_back(parse_address(port, AddressUse::listen));
    apply_udp(values, addresses.back(), port);
  }
  for (const std::string& operand : operands) {
    if (!is_lone_host(operand)) fail(values, operand, "expected a host, as -p gives the port");
    addresses.push_back(make_address(operand, port));
    apply_udp(values, addresses.back(), operand);
  }
  return addresses;
}

}  // namespace

std::vector<Address> read_listen_addresses(const OptionValues& values,
                                           std::span<const std::string> operands) {
  const auto port = values.text("port");
  if (port && values.has("unix")) values.exclude("port", "unix");
  if (operands.empty() && !port) {
    throw UsageError(values.command().name, "ADDRESS",
                     values.has("unix")
                         ? "expected the path of a Unix socket"
                         : "expected PORT, HOST PORT, HOST:PORT, unix:PATH or systemd");
  }
  if (values.has("unix")) return read_paths(values, operands);
  if (port) {
    if (!is_number(*port) || !parse_port(*port)) {
      const bool is_name = !is_number(*port) && is_service(std::string(*port));
      if (!is_name) values.fail("port", kExpectedPort);
    }
    return read_hosts(values, *port, operands);
  }
  std::vector<Address> addresses;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const bool has_port = i + 1 < operands.size() && is_pair(operands[i], operands[i + 1]);
    addresses.push_back(has_port ? make_address(operands[i], operands[i + 1])
                                 : parse_address(operands[i], AddressUse::listen));
    require_usable(values, addresses.back(), operands[i]);
    if (addresses.back().scheme != Scheme::systemd)
      apply_udp(values, addresses.back(), operands[i]);
    if (has_port) ++i;
  }
  return addresses;
}

}  // namespace ioa::cli
