#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/byte_options.hpp"
#include "cli/commands/socket_tuning.hpp"
#include "cli/general_options.hpp"
#include "ioa/net/address.hpp"
#include "ioa/net/datagram_cutter.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// The local end of a connection.
struct LocalAddress {
  /// A name or a numeric address; empty: any.
  std::string host;
  /// 0: any.
  std::uint16_t port = 0;
  /// Of a Unix datagram socket in place of the two others.
  std::string path;

  /// Whether anything is to be bound at all.
  bool is_set() const noexcept { return !host.empty() || port != 0 || !path.empty(); }
};

/// How datagrams are made, and where they may go.
struct DatagramTuning {
  /// Nothing: by lines if standard input is a terminal, else by chunks.
  std::optional<DatagramFraming> framing;
  /// The size of a chunk: 1 to 65507 bytes.
  std::size_t mtu = 1400;
  /// Broadcast addresses may be sent to, and whoever answers is heard.
  bool broadcast = false;
};

/// How a failed connect or look-up is tried again.
struct RetryPolicy {
  /// At most so many further tries: `--retry N`.
  std::optional<std::uint32_t> retries;
  /// Try for so long: `--wait DUR`; 0 is for ever.
  std::optional<std::chrono::nanoseconds> wait;
  /// The first delay, which doubles with each try.
  std::chrono::nanoseconds delay = std::chrono::milliseconds(200);
  /// The longest delay; never below `delay`.
  std::chrono::nanoseconds max_delay = std::chrono::seconds(5);

  /// Whether a failure is tried again at all. With both limits given the first one reached counts.
  bool is_set() const noexcept { return retries.has_value() || wait.has_value(); }
};

/// One operand of a probe: a host with a port, a service, or a span of ports; or a Unix socket.
struct ProbeTarget {
  /// tcp, udp or a Unix socket; its service is the port, the first one of a span.
  Address address;
  /// The last port of a span; nothing for a single port or a service name.
  std::optional<std::uint16_t> last_port;
};

/// What `ioa connect` was asked to do: complete, checked, and free of contradictions.
struct ConnectOptions : ByteOptions {
  GeneralOptions general;

  /// Where to connect to (tcp, udp or a Unix socket); of no meaning if `probe`.
  Address peer;
  /// Only these addresses are used. A numeric host of the other family has been refused.
  Family family = Family::any;
  /// No name look-ups. The hosts given are numeric; a service name is still allowed.
  bool numeric = false;
  LocalAddress source;
  SocketTuning socket;
  DatagramTuning datagrams;
  /// Try each address in turn, in the system's order, in place of Happy Eyeballs.
  bool sequential = false;
  std::chrono::nanoseconds attempt_delay = std::chrono::milliseconds(250);
  RetryPolicy retry;

  /// Limits; 0 is none.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds timeout{0};

  /// Test ports instead of moving bytes: the targets, in the order given.
  bool probe = false;
  std::vector<ProbeTarget> targets;
  /// Probes at once; at least 1.
  std::uint32_t jobs = 256;
  /// One open port is enough for success.
  bool any = false;
  /// Success is that the ports are closed.
  bool until_closed = false;
  /// For so long the ports have to stay so; 0: they need not.
  std::chrono::nanoseconds stable{0};
  /// A silent UDP port is waited for so long.
  std::chrono::nanoseconds udp_answer = std::chrono::seconds(1);
  /// What to run in place of this program once the ports are as wanted; empty: nothing.
  std::vector<std::string> command;
  /// Results as JSON Lines.
  bool json = false;
};

/// The table of the command: its options, refused letters and examples, for the pre-pass, CLI11,
/// help, man pages and completions alike.
const CommandSpec& connect_command() noexcept;

/// Turns what the pre-pass read into a plan. Throws UsageError.
ConnectOptions parse_connect(const Arguments& arguments);

}  // namespace ioa::cli
