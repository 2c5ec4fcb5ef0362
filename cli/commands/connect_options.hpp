#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/general_options.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

struct Arguments;
struct CommandSpec;

/// What to do when standard input ends; everything read is sent first in every case.
enum class OnStdinEof {
  half_close,   ///< Shut down the write side, receive until the peer ends.
  after_reply,  ///< The same, but only once the peer has said something.
  close,        ///< Close.
  keep,         ///< Leave the write side open, receive until the peer ends.
};

/// What to do when the peer ends.
enum class OnPeerEof {
  automatic,  ///< finish where the near side is a regular file, else exit.
  exit,       ///< Send what was read and what standard input has ready, then end.
  finish,     ///< Go on sending until standard input ends.
};

/// Which way bytes go.
enum class Direction {
  both,
  send_only,
  receive_only,
};

/// The local end of a connection.
struct LocalAddress {
  /// A name or a numeric address; empty: any.
  std::string host;
  /// 0: any.
  std::uint16_t port = 0;

  /// Whether anything is to be bound at all.
  bool is_set() const noexcept { return !host.empty() || port != 0; }
};

/// Options set on each socket before it connects; what is not given stays as the system has it.
struct SocketTuning {
  /// A network interface to bind to (SO_BINDTODEVICE); empty: none.
  std::string interface;
  std::optional<int> ttl;  ///< 1 to 255; IPv6: the hop limit.
  std::optional<int> tos;  ///< 0 to 255; IPv6: the traffic class.
  bool nodelay = false;
  /// How long a connection is idle before it is probed: 1 s to 32767 s, rounded up to seconds.
  std::optional<std::chrono::seconds> keepalive;
  std::optional<int> sndbuf;  ///< Bytes.
  std::optional<int> rcvbuf;  ///< Bytes.
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

/// One operand of a probe: a host with a port, a service, or a span of ports.
struct ProbeTarget {
  /// Always tcp; its service is the port, the first one of a span.
  Address address;
  /// The last port of a span; nothing for a single port or a service name.
  std::optional<std::uint16_t> last_port;
};

/// What `ioa connect` was asked to do: complete, checked, and free of contradictions.
struct ConnectOptions {
  GeneralOptions general;

  /// Where to connect to (tcp or unix_stream); of no meaning if `probe`.
  Address peer;
  /// Only these addresses are used. A numeric host of the other family has been refused.
  Family family = Family::any;
  /// No name look-ups. The hosts given are numeric; a service name is still allowed.
  bool numeric = false;
  LocalAddress source;
  SocketTuning socket;
  /// Try each address in turn, in the system's order, in place of Happy Eyeballs.
  bool sequential = false;
  std::chrono::nanoseconds attempt_delay = std::chrono::milliseconds(250);
  RetryPolicy retry;

  /// Limits; 0 is none.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(30);
  std::chrono::nanoseconds idle_timeout{0};
  std::chrono::nanoseconds timeout{0};

  OnStdinEof on_stdin_eof = OnStdinEof::half_close;
  OnPeerEof on_peer_eof = OnPeerEof::automatic;
  /// How long to go on receiving once standard input has ended and all is sent; 0 is not at all.
  std::optional<std::chrono::nanoseconds> quit_after;
  Direction direction = Direction::both;
  /// Where received bytes go; empty: standard output.
  std::string output;
  /// Add to `output` instead of truncating it.
  bool append = false;
  ProgressMode progress = ProgressMode::never;

  /// Test ports instead of moving bytes: the targets, in the order given.
  bool probe = false;
  std::vector<ProbeTarget> targets;
  /// Probes at once; at least 1.
  std::uint32_t jobs = 64;
  /// One open port is enough for success.
  bool any = false;
  /// Results as JSON Lines.
  bool json = false;
};

/// The table of the command: its options, refused letters and examples, for the pre-pass, CLI11,
/// help, man pages and completions alike.
const CommandSpec& connect_command() noexcept;

/// Turns what the pre-pass read into a plan. Throws UsageError.
ConnectOptions parse_connect(const Arguments& arguments);

}  // namespace ioa::cli
