#include "cli/commands/connect_options.hpp"

#include <net/if.h>

#include <algorithm>
#include <climits>
#include <string_view>
#include <utility>

#include "cli/commands/connect_operands.hpp"
#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "cli/usage_error.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::pair<std::string_view, OnStdinEof> kOnStdinEof[] = {
    {"half-close", OnStdinEof::half_close},
    {"after-reply", OnStdinEof::after_reply},
    {"close", OnStdinEof::close},
    {"keep", OnStdinEof::keep},
};

constexpr std::pair<std::string_view, OnPeerEof> kOnPeerEof[] = {
    {"auto", OnPeerEof::automatic},
    {"exit", OnPeerEof::exit},
    {"finish", OnPeerEof::finish},
};

// Options that say how bytes are moved, and mean nothing to a probe.
constexpr std::string_view kBytesOnly[] = {
    "idle-timeout", "on-stdin-eof", "on-peer-eof", "quit-after", "send-only",
    "recv-only",    "output",       "append",      "progress",
};

constexpr std::string_view kProbeOnly[] = {"jobs", "any", "json"};

// Options of IP and TCP, which a Unix socket does not have.
constexpr std::string_view kInetOnly[] = {
    "4",   "6",       "source",    "source-port", "interface",     "ttl",
    "tos", "nodelay", "keepalive", "sequential",  "attempt-delay",
};

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

std::optional<int> read_tos(const OptionValues& values) {
  const auto text = values.text("tos");
  if (!text) return std::nullopt;
  constexpr std::uint64_t kHighest = 255;
  auto value = parse_decimal(*text, kHighest);
  if (text->substr(0, 2) == "0x") {
    const std::string_view digits = text->substr(2);
    const bool hex = !digits.empty() && digits.size() <= 2 &&
                     digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
    if (hex) value = std::stoul(std::string(digits), nullptr, 16);
  }
  if (!value) values.fail("tos", "expected a number from 0 to 255 or from 0x00 to 0xff");
  return static_cast<int>(*value);
}

std::optional<seconds> read_keepalive(const OptionValues& values) {
  const auto given = values.duration("keepalive");
  if (!given) return std::nullopt;
  // tcp(7): TCP_KEEPIDLE is in seconds, at most MAX_TCP_KEEPIDLE of them.
  constexpr seconds kLongest(32767);
  const auto rounded = std::chrono::ceil<seconds>(*given);
  if (rounded < seconds(1) || rounded > kLongest) {
    values.fail("keepalive", "expected a duration from 1s to 32767s");
  }
  return rounded;
}

SocketTuning read_socket(const OptionValues& values) {
  SocketTuning socket;
  constexpr std::string_view kExpected = "expected the name of a network interface";
  socket.interface = values.word("interface", kExpected).value_or("");
  if (socket.interface.size() >= IF_NAMESIZE) values.fail("interface", kExpected);
  if (const auto ttl = values.number("ttl", 1, 255)) socket.ttl = static_cast<int>(*ttl);
  socket.tos = read_tos(values);
  socket.nodelay = values.has("nodelay");
  socket.keepalive = read_keepalive(values);
  if (const auto size = values.size("sndbuf", 1, INT_MAX)) socket.sndbuf = static_cast<int>(*size);
  if (const auto size = values.size("rcvbuf", 1, INT_MAX)) socket.rcvbuf = static_cast<int>(*size);
  return socket;
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
  options.idle_timeout = values.duration("idle-timeout").value_or(options.idle_timeout);
  options.timeout = values.duration("timeout").value_or(options.timeout);
  options.attempt_delay = values.duration("attempt-delay").value_or(options.attempt_delay);
}

void read_ends(const OptionValues& values, ConnectOptions& options) {
  const auto on_stdin_eof = values.choice<OnStdinEof>("on-stdin-eof", kOnStdinEof);
  options.on_stdin_eof = on_stdin_eof.value_or(options.on_stdin_eof);
  if (options.on_stdin_eof != OnStdinEof::half_close) values.exclude("on-stdin-eof", "N");
  if (options.on_stdin_eof == OnStdinEof::close && values.has("quit-after")) {
    values.fail("on-stdin-eof", "cannot be used with -q/--quit-after, as there is no wait to end");
  }
  const auto on_peer_eof = values.choice<OnPeerEof>("on-peer-eof", kOnPeerEof);
  options.on_peer_eof = on_peer_eof.value_or(options.on_peer_eof);
  options.quit_after = values.duration("quit-after");
}

void read_output(const OptionValues& values, ConnectOptions& options) {
  if (values.has("append") && !values.has("output")) {
    throw UsageError(values.command().name, "--append", "expected -o/--output FILE with it");
  }
  options.output = values.word("output", "expected the path of a file").value_or("");
  options.append = values.has("append");
}

Direction read_direction(const OptionValues& values) {
  values.exclude("send-only", "recv-only");
  if (values.has("send-only")) {
    values.exclude("output", "send-only");
    if (values.text("on-stdin-eof") == "after-reply") values.exclude("on-stdin-eof", "send-only");
    return Direction::send_only;
  }
  if (!values.has("recv-only")) return Direction::both;
  values.exclude("on-stdin-eof", "recv-only");
  values.exclude("on-peer-eof", "recv-only");
  values.exclude("quit-after", "recv-only");
  return Direction::receive_only;
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

void check_unix(const OptionValues& values, const Address& peer) {
  if (!peer.is_unix()) return;
  for (const std::string_view key : kInetOnly) {
    if (values.has(key)) values.fail(key, "cannot be used with a Unix socket");
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

}  // namespace

ConnectOptions parse_connect(const Arguments& arguments) {
  const OptionValues values(arguments);
  ConnectOptions options;
  options.general = read_general(values);
  options.family = read_family(values);
  options.numeric = values.has("numeric");
  options.source = read_source(values);
  options.socket = read_socket(values);
  options.sequential = values.has("sequential");
  options.retry = read_retry(values);
  read_limits(values, options);
  check_modes(values);
  read_ends(values, options);
  options.direction = read_direction(values);
  read_output(values, options);
  options.progress = read_progress(values);
  settle_source(values, options);

  options.probe = values.has("probe");
  options.jobs = values.number("jobs", 1, 65536).value_or(options.jobs);
  options.any = values.has("any");
  options.json = values.has("json");
  if (options.probe) {
    options.targets = naming({}, [&] { return read_targets(values, arguments.operands); });
    for (ProbeTarget& target : options.targets) settle_family(values, options, target.address);
    return options;
  }
  options.peer = naming({}, [&] { return read_peer(values, arguments.operands); });
  check_unix(values, options.peer);
  if (options.peer.is_inet()) settle_family(values, options, options.peer);
  options.family = options.peer.family;
  return options;
}

}  // namespace ioa::cli
