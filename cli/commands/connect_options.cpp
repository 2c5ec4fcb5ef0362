#include "cli/commands/connect_options.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cli/commands/connect_operands.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

// Options that say how bytes are moved, and mean nothing to a probe.
constexpr std::string_view kBytesOnly[] = {
    "idle-timeout", "on-stdin-eof", "on-peer-eof", "quit-after", "send-only", "recv-only",
    "output",       "append",       "frame",       "mtu",        "fastopen",  "progress",
    "hex-dump",     "crlf",         "rate",        "stats",      "sha256",    "exec",
    "sh-exec",      "to",           "kill-after",
};

constexpr std::string_view kProbeOnly[] = {"jobs", "any", "json", "until-closed", "stable"};

constexpr std::string_view family_name(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

// Runs a reader of the address grammar; what it throws names the command, and the option if any.
template <typename Read>
auto naming(std::string_view option, Read read) {
  try {
    return read();
  } catch (const AddressError& error) {
    std::string argument(option);
    if (!argument.empty()) argument += ' ';
    throw UsageError(connect_command().name, argument + escape_argument(error.text()),
                     error.expected());
  }
}

Family read_family(const OptionValues& values) {
  values.exclude("6", "4");
  if (values.has("4")) return Family::ipv4;
  return values.has("6") ? Family::ipv6 : Family::any;
}

std::uint16_t read_port(const OptionValues& values, std::string_view key) {
  const auto text = values.text(key);
  if (!text) return 0;
  const auto port = parse_port(*text);
  if (!port) values.fail(key, kExpectedPort);
  return *port;
}

LocalAddress read_source(const OptionValues& values) {
  LocalAddress source;
  source.port = read_port(values, "source-port");
  const auto text = values.text("source");
  if (!text) return source;
  source.path = naming("-s/--source", [&] { return read_source_path(values); });
  if (!source.path.empty()) return source;
  const std::string option = values.command().find_key("source").display();
  HostService given = naming(option, [&] { return parse_host_service(*text); });
  source.host = std::move(given.host);
  if (given.service.empty()) return source;
  if (values.has("source-port")) {
    values.fail("source", "expected no port, as -p/--source-port gives it");
  }
  const auto port = parse_port(given.service);
  if (!port) values.fail("source", kExpectedPort);
  source.port = *port;
  return source;
}

RetryPolicy read_retry(const OptionValues& values) {
  RetryPolicy retry;
  constexpr std::uint32_t kMost = 1'000'000'000;
  retry.retries = values.number("retry", 0, kMost);
  retry.wait = values.duration("wait");
  for (const std::string_view key : {"retry-delay", "retry-max-delay"}) {
    if (values.has(key) && !retry.is_set()) {
      values.fail(key, "expected --retry or --wait with it");
    }
  }
  retry.delay = values.duration("retry-delay").value_or(retry.delay);
  const auto longest = values.duration("retry-max-delay");
  if (longest && *longest < retry.delay) {
    values.fail("retry-max-delay", "expected no less than --retry-delay");
  }
  retry.max_delay = longest.value_or(std::max(retry.max_delay, retry.delay));
  return retry;
}

void read_limits(const OptionValues& values, ConnectOptions& options) {
  options.connect_timeout = values.duration("connect-timeout").value_or(options.connect_timeout);
  options.timeout = values.duration("timeout").value_or(options.timeout);
  options.attempt_delay = values.duration("attempt-delay").value_or(options.attempt_delay);
}

void exclude_all(const OptionValues& values, std::span<const std::string_view> keys,
                 std::string_view other) {
  for (const std::string_view key : keys) values.exclude(key, other);
}

// Options that only count together with another one.
void check_modes(const OptionValues& values) {
  values.exclude("attempt-delay", "sequential");
  exclude_all(values, kBytesOnly, "probe");
  if (values.has("probe")) return;
  for (const std::string_view key : kProbeOnly) {
    if (values.has(key)) values.fail(key, "expected -z/--probe with it");
  }
}

// Holds an address and the options to each other: -4, -6, -n and the source's own family.
void settle_family(const OptionValues& values, const ConnectOptions& options, Address& address) {
  const std::string given = address.to_string();
  const auto fail = [&](const std::string& problem) {
    throw UsageError(values.command().name, escape_argument(given), problem);
  };
  if (options.family != Family::any && address.family != Family::any &&
      address.family != options.family) {
    fail("expected an " + std::string(family_name(options.family)) + " address");
  }
  if (options.family != Family::any) address.family = options.family;
  const auto literal = literal_family(address.host);
  if (literal && address.family != Family::any && *literal != address.family) {
    fail("expected an " + std::string(family_name(address.family)) + " address or a name");
  }
  if (!literal && options.numeric) fail("expected a numeric address, as -n/--numeric is given");
}

// A numeric source leaves one family to connect with.
void settle_source(const OptionValues& values, ConnectOptions& options) {
  const auto literal = literal_family(options.source.host);
  if (options.source.host.empty()) return;
  if (!literal) {
    if (options.numeric)
      values.fail("source", "expected a numeric address, as -n/--numeric is given");
    return;
  }
  if (options.family != Family::any && *literal != options.family) {
    values.fail("source", "expected an " + std::string(family_name(options.family)) + " address");
  }
  options.family = *literal;
}

void read_probe(const OptionValues& values, const Arguments& arguments, ConnectOptions& options) {
  std::span<const std::string> operands(arguments.operands);
  if (const auto command = arguments.behind_dashes) {
    if (*command == operands.size())
      throw UsageError(values.command().name, "--", "expected a command behind it");
    options.command.assign(operands.begin() + static_cast<std::ptrdiff_t>(*command),
                           operands.end());
    operands = operands.first(*command);
  }
  options.until_closed = values.has("until-closed");
  if (options.until_closed) values.exclude("any", "until-closed");
  options.stable = values.duration("stable").value_or(options.stable);
  if (values.has("stable") && !options.retry.wait) values.fail("stable", "expected --wait with it");
  if (values.has("connect-timeout")) options.udp_answer = options.connect_timeout;
  options.targets = naming({}, [&] { return read_targets(values, operands); });
  for (ProbeTarget& target : options.targets) {
    check_kind(values, target.address);
    if (target.address.is_inet()) settle_family(values, options, target.address);
  }
}

}  // namespace

ConnectOptions parse_connect(const Arguments& arguments) {
  const OptionValues values(arguments);
  ConnectOptions options;
  options.general = read_general(values);
  options.family = read_family(values);
  options.numeric = values.has("numeric");
  options.source = read_source(values);
  options.socket = read_socket_tuning(values);
  options.sequential = values.has("sequential");
  options.datagrams = read_datagrams(values);
  options.datagrams.broadcast = values.has("broadcast");
  options.retry = read_retry(values);
  read_limits(values, options);
  check_modes(values);
  static_cast<ByteOptions&>(options) = read_byte_options(values);
  settle_source(values, options);

  options.probe = values.has("probe");
  options.jobs = values.number("jobs", 1, 65536).value_or(options.jobs);
  options.any = values.has("any");
  options.json = values.has("json");
  if (options.probe) {
    read_probe(values, arguments, options);
    return options;
  }
  options.peer = naming({}, [&] { return read_peer(values, arguments.operands); });
  check_kind(values, options.peer);
  if (options.peer.is_inet()) settle_family(values, options, options.peer);
  options.family = options.peer.family;
  return options;
}

}  // namespace ioa::cli
