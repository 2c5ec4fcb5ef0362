#include "cli/commands/listen/listen_options.hpp"

#include <fcntl.h>

#include <algorithm>
#include <climits>
#include <string_view>

#include "cli/arguments.hpp"
#include "cli/commands/listen/listen_datagrams.hpp"
#include "cli/commands/listen/listen_operands.hpp"
#include "cli/commands/run_child/child_values.hpp"
#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using Scheme = Address::Scheme;

// What says how a peer and standard input (or what is in its place) are joined, of which there is
// none where peers are echoed or discarded.
constexpr std::string_view kJoinOnly[] = {"on-stdin-eof", "on-peer-eof", "quit-after", "send-only",
                                          "recv-only",    "output",      "N"};
constexpr std::string_view kTcpOnly[] = {"interface", "ttl",      "tos",   "nodelay",
                                         "keepalive", "fastopen", "mptcp", "reuse-port"};

constexpr std::size_t kBuffer = std::size_t{256} << 10;

template <typename Read>
auto naming(const OptionValues& values, Read read) {
  try {
    return read();
  } catch (const AddressError& error) {
    throw UsageError(values.command().name, escape_argument(error.text()), error.expected());
  }
}

bool any_of(const ListenOptions& options, bool (*holds)(const Address&)) {
  return std::any_of(options.addresses.begin(), options.addresses.end(), holds);
}

bool may_be_inet(const Address& address) noexcept { return !address.is_unix(); }
bool may_be_unix(const Address& address) noexcept {
  return address.is_unix() || address.scheme == Scheme::systemd;
}

void settle_family(const OptionValues& values, const ListenOptions& options, Address& address) {
  const auto fail = [&](std::string_view problem) {
    throw UsageError(values.command().name, escape_argument(address.to_string()), problem);
  };
  values.exclude("6", "4");
  const bool ipv4 = values.has("4");
  if (ipv4 || values.has("6")) {
    const Family family = ipv4 ? Family::ipv4 : Family::ipv6;
    if (address.family != Family::any && address.family != family)
      fail(ipv4 ? "expected an IPv4 address" : "expected an IPv6 address");
    address.family = family;
  }
  const auto literal = literal_family(address.host);
  if (literal && address.family != Family::any && *literal != address.family)
    fail(address.family == Family::ipv4 ? "expected an IPv4 address or a name"
                                        : "expected an IPv6 address or a name");
  if (!literal && options.numeric && !address.host.empty())
    fail("expected a numeric address, as -n/--numeric is given");
}

void read_addresses(const OptionValues& values, const Arguments& arguments,
                    ListenOptions& options) {
  options.addresses =
      naming(values, [&] { return read_listen_addresses(values, arguments.operands); });
  for (Address& address : options.addresses)
    if (address.is_inet()) settle_family(values, options, address);
  if (!any_of(options, &may_be_inet)) {
    for (const std::string_view key : kTcpOnly)
      if (values.has(key)) values.fail(key, "cannot be used with Unix sockets alone");
    for (const std::string_view key : {"4", "6"})
      if (values.has(key)) values.fail(key, "cannot be used with Unix sockets alone");
  }
  if (options.unix_mode && !any_of(options, &may_be_unix))
    values.fail("unix-mode", "expected a Unix socket to listen at");
}

std::optional<::mode_t> read_mode(const OptionValues& values) {
  const auto text = values.text("unix-mode");
  if (!text) return std::nullopt;
  const auto mode = parse_umask(*text);  // the same digits
  if (!mode) values.fail("unix-mode", "expected permissions in octal, such as 0600");
  return mode;
}

void read_service(const OptionValues& values, ListenOptions& options) {
  values.exclude("discard", "echo");
  for (const std::string_view service : {"echo", "discard"}) {
    for (const std::string_view other : {"exec", "sh-exec", "to"}) values.exclude(other, service);
    for (const std::string_view key : kJoinOnly) values.exclude(key, service);
  }
  options.keep_open = values.has("keep-open");
  if (values.has("echo"))
    options.serve_by = ServeBy::echo;
  else if (values.has("discard"))
    options.serve_by = ServeBy::discard;
  else if (options.near)
    options.serve_by = ServeBy::near;
  read_hub_options(values, options);
  options.max_connections =
      values.number("max-conns", 0, INT_MAX).value_or(options.max_connections);
  options.buffer = values.size("buffer", 1, INT_MAX).value_or(kBuffer);
}

/// What one connection has for itself, and several would fight over.
void check_shared(const OptionValues& values, const ListenOptions& options) {
  if (!options.keep_open) {
    for (const std::string_view key : {"max-conns", "drain", "workers"})
      if (values.has(key)) values.fail(key, "expected -k/--keep-open with it");
    return;
  }
  values.exclude("hex-dump", "keep-open");
  if (options.near && !options.output.empty()) values.exclude("output", "keep-open");
  const bool stores = options.near && options.near->scheme == Scheme::write;
  if (stores && !options.append)
    values.fail("to", "expected --append with it, as with -k all peers write to the same file");
}

void read_workers(const OptionValues& values, ListenOptions& options) {
  constexpr std::uint32_t kMost = 1024;
  options.workers = values.number("workers", 1, kMost).value_or(0);
  if (options.workers == 0) return;
  values.exclude("accept-timeout", "workers");
  values.exclude("progress", "workers");
  if (is_hub(options))
    values.fail("workers", "cannot be used where peers have one source, or each other");
}

void read_limits(const OptionValues& values, ListenOptions& options) {
  options.connect_timeout = values.duration("connect-timeout").value_or(options.connect_timeout);
  options.timeout = values.duration("timeout").value_or(options.timeout);
  options.accept_timeout = values.duration("accept-timeout").value_or(options.accept_timeout);
  options.drain = values.duration("drain");
}

void read_readiness(const OptionValues& values, ListenOptions& options) {
  options.port_file = values.word("port-file", "expected the path of a file").value_or("");
  if (const auto fd = values.number("ready-fd", 0, INT_MAX)) {
    options.ready_fd = static_cast<int>(*fd);
    if (::fcntl(options.ready_fd, F_GETFD) < 0)
      values.fail("ready-fd", "expected an open descriptor");
  }
  read_ids(values, options.ids);
}

}  // namespace

ListenOptions parse_listen(const Arguments& arguments) {
  const OptionValues values(arguments);
  ListenOptions options;
  options.general = read_general(values);
  options.numeric = values.has("numeric");
  options.socket = read_socket_tuning(values);
  options.backlog = values.number("backlog", 1, INT_MAX);
  options.reuse_port = values.has("reuse-port");
  options.unix_mode = read_mode(values);
  static_cast<ByteOptions&>(options) = read_byte_options(values);
  read_service(values, options);
  check_shared(values, options);
  read_workers(values, options);
  read_limits(values, options);
  read_readiness(values, options);
  options.access = read_access_options(values);
  read_addresses(values, arguments, options);
  read_listen_datagrams(values, options);
  return options;
}

}  // namespace ioa::cli
