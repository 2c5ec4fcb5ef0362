#include "cli/commands/socket_kinds.hpp"

#include <sys/socket.h>

#include <array>
#include <span>
#include <string>

#include "cli/escape.hpp"
#include "cli/option_values.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using Scheme = Address::Scheme;

// Options that a kind of socket does not have.
constexpr std::array<std::string_view, 9> kInetOnly{
    "4", "6", "source-port", "interface", "ttl", "tos", "sequential", "attempt-delay", "broadcast"};
constexpr std::array<std::string_view, 4> kTcpOnly{"nodelay", "keepalive", "fastopen", "mptcp"};
constexpr std::array<std::string_view, 2> kFramesOnly{"frame", "mtu"};

constexpr std::pair<std::string_view, DatagramFraming> kFramings[] = {
    {"chunk", DatagramFraming::chunk},
    {"line", DatagramFraming::line},
    {"nul", DatagramFraming::nul},
    {"len32", DatagramFraming::len32},
};

void refuse_each(const OptionValues& values, std::span<const std::string_view> keys,
                 std::string_view problem) {
  for (const std::string_view key : keys)
    if (values.has(key)) values.fail(key, problem);
}

bool begins_with(std::string_view text, std::string_view prefix) noexcept {
  return text.substr(0, prefix.size()) == prefix;
}

// Whether the scheme was written, rather than meant.
bool names_tcp(std::string_view operand) {
  std::string head(operand.substr(0, 5));
  for (char& c : head)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return begins_with(head, "tcp:") || head == "tcp4:" || head == "tcp6:";
}

}  // namespace

bool has_datagrams(const Address& address) noexcept { return socket_type(address) != SOCK_STREAM; }

int socket_type(const Address& address) noexcept {
  if (address.scheme == Scheme::unix_seqpacket) return SOCK_SEQPACKET;
  const bool is_datagram = address.scheme == Scheme::udp || address.scheme == Scheme::unix_dgram;
  return is_datagram ? SOCK_DGRAM : SOCK_STREAM;
}

std::string_view protocol_name(const Address& address) noexcept {
  switch (address.scheme) {
    case Scheme::udp:
      return "udp";
    case Scheme::unix_stream:
      return "unix";
    case Scheme::unix_dgram:
      return "unix-dgram";
    case Scheme::unix_seqpacket:
      return "unix-seqpacket";
    default:
      return "tcp";
  }
}

void apply_udp(const OptionValues& values, Address& address, std::string_view operand) {
  if (!values.has("udp") || socket_type(address) == SOCK_DGRAM) return;
  const auto fail = [&](std::string_view problem) {
    throw UsageError(values.command().name, escape_argument(operand), problem);
  };
  if (address.scheme == Scheme::tcp) {
    if (names_tcp(operand)) fail("cannot be used with -u/--udp; expected HOST:PORT or udp:");
    address.scheme = Scheme::udp;
  } else if (address.scheme == Scheme::unix_stream && values.has("unix")) {
    address.scheme = Scheme::unix_dgram;  // nc's -uU
  } else {
    fail("cannot be used with -u/--udp; a Unix datagram socket is unix-dgram:PATH");
  }
}

void check_kind(const OptionValues& values, const Address& peer) {
  if (peer.is_unix()) {
    refuse_each(values, kInetOnly, "cannot be used with a Unix socket");
    refuse_each(values, kTcpOnly, "cannot be used with a Unix socket");
    const bool has_source = peer.scheme == Scheme::unix_dgram && !read_source_path(values).empty();
    if (values.has("source") && !has_source)
      values.fail("source", peer.scheme == Scheme::unix_dgram
                                ? "expected a path with a '/' in it, or @NAME"
                                : "cannot be used with a Unix socket");
  } else if (!read_source_path(values).empty()) {
    values.fail("source", "expected an IP address or a name, as the peer is no Unix socket");
  }
  if (peer.scheme == Scheme::udp) refuse_each(values, kTcpOnly, "cannot be used with UDP");
  if (values.has("broadcast") && peer.scheme != Scheme::udp)
    values.fail("broadcast", "expected -u/--udp with it");
  if (!has_datagrams(peer))
    refuse_each(values, kFramesOnly, "cannot be used with a stream, which has no datagrams");
  if (socket_type(peer) == SOCK_DGRAM && values.has("on-peer-eof"))
    values.fail("on-peer-eof", "cannot be used with datagrams, which have no end");
}

DatagramTuning read_datagrams(const OptionValues& values) {
  constexpr std::uint64_t kLongest = 65507;  // of UDP over IPv4
  DatagramTuning tuning;
  tuning.framing = values.choice<DatagramFraming>("frame", kFramings);
  const auto mtu = values.size("mtu", 1, kLongest);
  if (mtu && tuning.framing && *tuning.framing != DatagramFraming::chunk)
    values.fail("mtu", "expected --frame chunk with it");
  if (mtu) tuning.framing = DatagramFraming::chunk;
  tuning.mtu = mtu.value_or(tuning.mtu);
  return tuning;
}

std::string read_source_path(const OptionValues& values) {
  constexpr std::string_view kScheme = "unix-dgram:";
  const auto text = values.text("source");
  if (!text) return {};
  if (begins_with(*text, kScheme)) return parse_address(*text, AddressUse::listen).path;
  const bool is_path = begins_with(*text, "@") || text->find('/') != text->npos;
  return is_path ? make_unix_address(*text).path : std::string();
}

}  // namespace ioa::cli
