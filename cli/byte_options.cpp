#include "cli/byte_options.hpp"

#include <fcntl.h>

#include <string_view>
#include <utility>

#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/parse_values.hpp"
#include "cli/split_words.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using Scheme = Address::Scheme;

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

void read_ends(const OptionValues& values, ByteOptions& options) {
  const auto on_stdin_eof = values.choice<OnStdinEof>("on-stdin-eof", kOnStdinEof);
  options.on_stdin_eof = on_stdin_eof.value_or(options.on_stdin_eof);
  if (options.on_stdin_eof != OnStdinEof::half_close) values.exclude("on-stdin-eof", "N");
  if (options.on_stdin_eof == OnStdinEof::close && values.has("quit-after")) {
    values.fail("on-stdin-eof", "cannot be used with -q/--quit-after, as there is no wait to end");
  }
  const auto on_peer_eof = values.choice<OnPeerEof>("on-peer-eof", kOnPeerEof);
  options.on_peer_eof = on_peer_eof.value_or(options.on_peer_eof);
  options.says_ends = on_stdin_eof || on_peer_eof || values.has("N");
  options.quit_after = values.duration("quit-after");
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
  values.exclude("crlf", "recv-only");
  return Direction::receive_only;
}

// nc's -x takes a proxy: a host and a port, which no path is likely to look like.
bool looks_like_proxy(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon != text.npos && colon > 0 && text.find('/') == text.npos &&
         parse_port(text.substr(colon + 1)).has_value();
}

std::string read_hex_dump(const OptionValues& values) {
  auto path = values.word("hex-dump", "expected the path of a file");
  if (!path) return {};
  if (looks_like_proxy(*path)) {
    values.fail("hex-dump",
                "expected a file; a proxy is for --proxy, and a file of that name is ./" +
                    escape_argument(*path));
  }
  return *std::move(path);
}

std::uint64_t read_rate(const OptionValues& values) {
  const auto text = values.text("rate");
  if (!text) return 0;
  const auto rate = parse_rate(*text);
  if (!rate) values.fail("rate", kExpectedRate);
  return *rate;
}

bool is_child(const Address& address) noexcept {
  return address.scheme == Scheme::exec || address.scheme == Scheme::shell ||
         address.scheme == Scheme::pty;
}

// Commands that could never be run are refused before anything is opened.
void check_command(const OptionValues& values, std::string_view key, const Address& address) {
  if (!is_child(address)) return;
  if (address.scheme != Scheme::exec) {
    if (address.command.find_first_not_of(" \t\n") == std::string::npos)
      values.fail(key, "expected a command line");
    return;
  }
  const auto words = split_words(address.command);
  if (!words) values.fail(key, "expected a command with all its quotes closed");
  if (words->empty() || words->front().empty()) values.fail(key, "expected a command");
}

/// A command that listens to datagrams forwards them as they are.
bool is_possible(const Address& address, bool may_have_datagrams) noexcept {
  switch (address.scheme) {
    case Scheme::udp:
    case Scheme::unix_dgram:
    case Scheme::unix_seqpacket:
      return may_have_datagrams;
    case Scheme::tls:
    case Scheme::systemd:
      return false;
    default:
      return true;
  }
}

Address read_to(const OptionValues& values, std::string_view text) {
  try {
    Address address = parse_address(text, AddressUse::connect);
    const bool may_have_datagrams = values.command().command == Command::listen;
    if (is_possible(address, may_have_datagrams)) return address;
  } catch (const AddressError& error) {
    values.fail("to", error.expected());
  }
  values.fail("to", "expected an address whose bytes are a stream");
}

// What gives bytes and takes none, so that those received may go to a file.
bool only_gives(const Address& address) noexcept {
  return address.scheme == Scheme::read || address.scheme == Scheme::zero ||
         address.scheme == Scheme::random;
}

std::optional<Address> read_near(const OptionValues& values) {
  values.exclude("exec", "to");
  values.exclude("sh-exec", "to");
  values.exclude("sh-exec", "exec");
  for (const auto& [key, scheme] :
       {std::pair("exec", Scheme::exec), std::pair("sh-exec", Scheme::shell)}) {
    const auto command = values.word(key, "expected a command");
    if (!command) continue;
    Address address;
    address.scheme = scheme;
    address.command = *command;
    check_command(values, key, address);
    return address;
  }
  const auto text = values.text("to");
  if (!text) return std::nullopt;
  Address address = read_to(values, *text);
  if (address.scheme == Scheme::fd && ::fcntl(address.fd, F_GETFD) < 0)
    values.fail("to", "expected a descriptor that is open");
  check_command(values, "to", address);
  if (address.scheme == Scheme::stdio) return std::nullopt;
  return address;
}

void check_near(const OptionValues& values, const ByteOptions& options) {
  if (values.has("kill-after") && (!options.near || !is_child(*options.near))) {
    values.fail("kill-after", "expected a command with it: --exec, --sh-exec or --to");
  }
  if (options.near && !only_gives(*options.near)) {
    for (const std::string_view key : {"exec", "sh-exec", "to"}) values.exclude("output", key);
  }
  const bool writes = !options.output.empty() || !options.hex_dump.empty() ||
                      (options.near && (options.near->scheme == Scheme::write ||
                                        options.near->scheme == Scheme::file));
  if (options.append && !writes) {
    throw UsageError(values.command().name, "--append",
                     "expected -o/--output FILE, -x/--hex-dump FILE or --to write:FILE with it");
  }
}

}  // namespace

ByteOptions read_byte_options(const OptionValues& values) {
  ByteOptions options;
  options.idle_timeout = values.duration("idle-timeout").value_or(options.idle_timeout);
  read_ends(values, options);
  options.direction = read_direction(values);
  options.output = values.word("output", "expected the path of a file").value_or("");
  options.append = values.has("append");
  options.crlf = values.has("crlf");
  options.hex_dump = read_hex_dump(values);
  options.rate = read_rate(values);
  options.progress = read_progress(values);
  for (const std::string_view key : {"stats", "sha256"}) values.exclude(key, "quiet");
  options.stats = values.has("stats");
  options.sha256 = values.has("sha256");
  options.near = read_near(values);
  options.kill_after = values.duration("kill-after").value_or(options.kill_after);
  check_near(values, options);
  return options;
}

}  // namespace ioa::cli
