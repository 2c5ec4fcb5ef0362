#include "cli/commands/connect_operands.hpp"

#include <algorithm>
#include <string_view>

#include "cli/commands/socket_kinds.hpp"
#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

constexpr std::string_view kExpectedPorts =
    "expected a port from 0 to 65535, a range such as 8000-8010 or a service name";

[[noreturn]] void fail(const OptionValues& values, std::string_view operand,
                       std::string_view problem) {
  throw UsageError(values.command().name, escape_argument(operand), problem);
}

[[noreturn]] void fail_missing(const OptionValues& values, std::string_view problem) {
  throw UsageError(values.command().name, "ADDRESS", problem);
}

// The grammar is complete, this release is not.
void require_usable(const OptionValues& values, const Address& address, std::string_view operand) {
  if (address.is_unix() || address.scheme == Address::Scheme::tcp ||
      address.scheme == Address::Scheme::udp) {
    return;
  }
  fail(values, operand,
       "expected a TCP, UDP or Unix socket address; other kinds are not in this release");
}

// What looks like a range is one, or wrong: no service name is made of digits and dashes.
bool looks_like_range(std::string_view text) {
  return text.find('-') != text.npos && text.find_first_not_of("0123456789-") == text.npos;
}

// Gives the host in `target` its port, service or range, which is all or the end of `operand`.
void set_ports(const OptionValues& values, ProbeTarget& target, std::string_view ports,
               std::string_view operand) {
  target.last_port.reset();
  if (looks_like_range(ports)) {
    const auto range = parse_port_range(ports);
    if (!range) fail(values, operand, kExpectedPorts);
    target.address.service = std::to_string(range->first);
    target.last_port = range->last;
    return;
  }
  try {
    target.address.service = parse_service(ports);
  } catch (const AddressError&) {
    fail(values, operand, kExpectedPorts);
  }
}

// unix:PATH and its like: a path may end like a range.
std::optional<Address> read_unix_target(std::string_view operand) {
  for (const std::string_view scheme : {"unix:", "unix-dgram:", "unix-seqpacket:"}) {
    if (operand.substr(0, scheme.size()) == scheme) {
      return parse_address(operand, AddressUse::connect);
    }
  }
  return std::nullopt;
}

// HOST:PORT, HOST:FIRST-LAST, unix:PATH.
ProbeTarget read_target(const OptionValues& values, std::string_view operand) {
  if (auto address = read_unix_target(operand)) {
    apply_udp(values, *address, operand);
    return {*std::move(address), std::nullopt};
  }
  const std::size_t colon = operand.rfind(':');
  const std::string_view ports = colon == operand.npos ? "" : operand.substr(colon + 1);
  ProbeTarget target;
  if (looks_like_range(ports)) {
    try {
      target.address = make_address(operand.substr(0, colon), "0");
    } catch (const AddressError& error) {
      fail(values, operand, error.expected());
    }
    set_ports(values, target, ports, operand);
  } else {
    target.address = parse_address(operand, AddressUse::connect);
  }
  require_usable(values, target.address, operand);
  if (!target.address.is_inet())
    fail(values, operand, "expected HOST:PORT or unix:PATH, as -z/--probe needs it");
  apply_udp(values, target.address, operand);
  return target;
}

// Whether an operand is a host that wants its ports as operands of their own.
bool is_lone_host(std::string_view operand) {
  if (literal_family(operand)) return true;
  if (!operand.empty() && operand.front() == '[') return operand.back() == ']';
  constexpr std::string_view kPrefixes[] = {"tcp:", "tcp4:", "tcp6:", "udp:", "udp4:", "udp6:"};
  for (const std::string_view prefix : kPrefixes) {
    if (operand.substr(0, prefix.size()) == prefix) {
      return is_lone_host(operand.substr(prefix.size()));
    }
  }
  return operand.find(':') == operand.npos;
}

std::vector<ProbeTarget> read_host_and_ports(const OptionValues& values,
                                             std::span<const std::string> operands) {
  const std::string& host = operands.front();
  if (operands.size() == 1) fail(values, host, "expected a port as well: HOST PORT or HOST:PORT");
  ProbeTarget target;
  target.address = make_address(host, "0");
  require_usable(values, target.address, host);
  apply_udp(values, target.address, host);

  std::vector<ProbeTarget> targets;
  for (const std::string& operand : operands.subspan(1)) {
    if (operand.find(':') != operand.npos) fail(values, operand, kExpectedPorts);
    set_ports(values, target, operand, operand);
    targets.push_back(target);
  }
  return targets;
}

std::vector<ProbeTarget> read_paths(const OptionValues& values,
                                    std::span<const std::string> operands) {
  std::vector<ProbeTarget> targets;
  for (const std::string& operand : operands) {
    ProbeTarget& target = targets.emplace_back();
    target.address = make_unix_address(operand);
    apply_udp(values, target.address, operand);
  }
  return targets;
}

}  // namespace

Address read_peer(const OptionValues& values, std::span<const std::string> operands) {
  const bool path = values.has("unix");
  if (operands.empty()) {
    fail_missing(values, path ? "expected the path of a Unix socket"
                              : "expected HOST PORT, HOST:PORT, [V6]:PORT or unix:PATH");
  }
  if (path) {
    if (operands.size() > 1) fail(values, operands[1], "expected nothing behind the path");
    Address peer = make_unix_address(operands[0]);
    apply_udp(values, peer, operands[0]);
    return peer;
  }
  if (operands.size() > 2) {
    fail(values, operands[2], "expected nothing behind HOST PORT; several ports need -z/--probe");
  }
  Address peer = operands.size() == 1 ? parse_address(operands[0], AddressUse::connect)
                                      : make_address(operands[0], operands[1]);
  require_usable(values, peer, operands[0]);
  apply_udp(values, peer, operands[0]);
  return peer;
}

std::vector<ProbeTarget> read_targets(const OptionValues& values,
                                      std::span<const std::string> operands) {
  if (operands.empty()) {
    fail_missing(values, values.has("unix") ? "expected the path of a Unix socket"
                                            : "expected HOST PORT... or HOST:PORT...");
  }
  if (values.has("unix")) return read_paths(values, operands);
  if (is_lone_host(operands.front())) return read_host_and_ports(values, operands);
  std::vector<ProbeTarget> targets;
  for (const std::string& operand : operands) {
    if (is_lone_host(operand)) {
      fail(values, operand, "expected HOST:PORT, as the first target is one");
    }
    targets.push_back(read_target(values, operand));
  }
  return targets;
}

}  // namespace ioa::cli
