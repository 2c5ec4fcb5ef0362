#include "cli/commands/socket_tuning.hpp"

#include <net/if.h>

#include <climits>
#include <cstdint>
#include <string_view>

#include "cli/option_values.hpp"
#include "ioa/base/byte_size.hpp"

namespace ioa::cli {
namespace {

using std::chrono::seconds;

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

}  // namespace

SocketTuning read_socket_tuning(const OptionValues& values) {
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
  socket.fastopen = values.has("fastopen");
  socket.mptcp = values.has("mptcp");
  if (socket.fastopen) values.exclude("mptcp", "fastopen");
  return socket;
}

SocketOptions socket_options(const SocketTuning& tuning) {
  SocketOptions options;
  if (tuning.nodelay) options.nodelay = true;
  if (tuning.keepalive) options.keepalive = *tuning.keepalive;
  if (tuning.sndbuf) options.send_buffer = static_cast<std::size_t>(*tuning.sndbuf);
  if (tuning.rcvbuf) options.receive_buffer = static_cast<std::size_t>(*tuning.rcvbuf);
  options.ttl = tuning.ttl;
  options.tos = tuning.tos;
  if (!tuning.interface.empty()) options.interface = tuning.interface;
  return options;
}

}  // namespace ioa::cli
