#include "cli/commands/listen/listen_datagrams.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "cli/commands/listen/hub_options.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "cli/option_values.hpp"

namespace ioa::cli {
namespace {

using Scheme = Address::Scheme;

// What has no meaning where no stream is listened at.
constexpr std::array<std::string_view, 7> kStreamsOnly{
    "nodelay", "keepalive", "fastopen", "mptcp", "backlog", "on-peer-eof", "workers"};
// What one source for many streams has.
constexpr std::array<std::string_view, 4> kHubOnly{"broker", "chat", "tag", "slow-peer"};
// What says where a datagram, or a packet, ends among bytes.
constexpr std::array<std::string_view, 2> kFramesOnly{"frame", "mtu"};
// What needs somebody to look at the bytes, or to hold them back.
constexpr std::array<std::string_view, 9> kBytesOnly{
    "crlf", "hex-dump", "rate", "stats", "sha256", "frame", "mtu", "output", "append"};

void refuse_each(const OptionValues& values, std::span<const std::string_view> keys,
                 std::string_view problem) {
  for (const std::string_view key : keys)
    if (values.has(key)) values.fail(key, problem);
}

bool is_child(const ListenOptions& options) noexcept {
  return options.near &&
         (options.near->scheme == Scheme::exec || options.near->scheme == Scheme::shell ||
          options.near->scheme == Scheme::pty);
}

}  // namespace

bool has_conversations(const Address& address) noexcept {
  return socket_type(address) == SOCK_DGRAM;
}

bool may_have_conversations(const ListenOptions& options) noexcept {
  return std::any_of(options.addresses.begin(), options.addresses.end(), [](const Address& each) {
    return has_conversations(each) || each.scheme == Scheme::systemd;
  });
}

bool forwards_datagrams(const ListenOptions& options) noexcept {
  return options.near && has_datagrams(*options.near);
}

bool passes_datagrams_on(const ListenOptions& options) noexcept {
  return options.serve_by == ServeBy::echo || forwards_datagrams(options) ||
         (options.serve_by == ServeBy::discard && options.keep_open);
}

void read_listen_datagrams(const OptionValues& values, ListenOptions& options) {
  if (options.near && values.has("to")) {
    // HOST:PORT is UDP with -u, here as everywhere.
    const std::string text(*values.text("to"));
    if (values.has("udp") && options.near->scheme == Scheme::tcp && text.rfind("tcp", 0) != 0)
      options.near->scheme = Scheme::udp;
  }
  const auto& addresses = options.addresses;
  const bool has_some = std::any_of(addresses.begin(), addresses.end(), &has_conversations);
  const bool has_all = std::all_of(addresses.begin(), addresses.end(), &has_conversations);
  const bool may_have_some =
      has_some || std::any_of(addresses.begin(), addresses.end(), [](const Address& address) {
        return address.scheme == Scheme::systemd || address.scheme == Scheme::unix_seqpacket;
      });
  options.datagrams = read_datagrams(values);
  // A command says what it says in one write, and thus in one datagram.
  constexpr std::size_t kLongest = 65507;  // of UDP over IPv4
  if (is_child(options) && !values.has("mtu")) options.datagrams.mtu = kLongest;
  options.conversation_idle = values.duration("idle-timeout").value_or(options.conversation_idle);
  if (!may_have_some)
    refuse_each(values, kFramesOnly, "cannot be used with streams, which have no datagrams");
  const bool has_packets = std::any_of(addresses.begin(), addresses.end(), [](const Address& each) {
    return each.scheme == Scheme::unix_seqpacket;
  });
  const bool are_passed_on =
      is_hub(options) || options.serve_by == ServeBy::echo || options.serve_by == ServeBy::discard;
  if (has_packets && !has_some && are_passed_on)
    refuse_each(values, kFramesOnly,
                "cannot be used where packets are passed on as they are, or to many");
  if (has_all) refuse_each(values, kStreamsOnly, "cannot be used with datagrams");
  if (has_some && values.has("workers")) values.fail("workers", "cannot be used with datagrams");
  if (forwards_datagrams(options) && !has_all)
    values.fail("to", "expected an address whose bytes are a stream, as streams are listened at");
  if (has_some && passes_datagrams_on(options))
    refuse_each(values, kBytesOnly,
                options.near ? "cannot be used where datagrams are forwarded as they are"
                             : "cannot be used where datagrams are echoed or discarded");
  if (has_some) refuse_each(values, kHubOnly, "cannot be used with datagrams");
  const bool joins_all = options.keep_open && options.serve_by == ServeBy::stdio;
  if (joins_all && has_some && !has_all)
    values.fail("keep-open",
                "expected streams or datagrams with it, as they cannot share standard input");
}

}  // namespace ioa::cli
