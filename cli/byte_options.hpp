#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/option_table.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {

class OptionValues;

/// What to do when standard input ends; everything read is sent first in every case.
enum class OnStdinEof {
  half_close,   ///< Shut down the write side, receive until the peer ends.
  after_reply,  ///< The same, but only once the peer has said something.
  close,        ///< Close.
  keep,         ///< Leave the write side open, receive until the peer ends.
};

/// What to do when the peer ends.
enum class OnPeerEof {
  automatic,  ///< finish where the near side's end follows from ours (a file, a child), else exit.
  exit,       ///< Send what was read and what standard input has ready, then end.
  finish,     ///< Go on sending until standard input ends.
};

/// Which way bytes go.
enum class Direction {
  both,
  send_only,
  receive_only,
};

/// How the bytes of a connection are moved, where they come from and go to, and what is done with
/// them on the way. Complete, checked, and free of contradictions.
struct ByteOptions {
  std::chrono::nanoseconds idle_timeout{0};  ///< 0 is none.
  OnStdinEof on_stdin_eof = OnStdinEof::half_close;
  OnPeerEof on_peer_eof = OnPeerEof::automatic;
  /// How long to go on receiving once standard input has ended and all is sent; 0 is not at all.
  std::optional<std::chrono::nanoseconds> quit_after;
  Direction direction = Direction::both;

  /// What the peer is joined to (--to, --exec, --sh-exec); nothing: standard input and output.
  std::optional<Address> near;
  /// How long a child that is told to end (SIGTERM) has until it is killed; 0: for ever.
  std::chrono::nanoseconds kill_after = std::chrono::seconds(2);

  /// Where received bytes go; empty: to the near side.
  std::string output;
  /// Add to the files that are written instead of truncating them.
  bool append = false;
  /// What is sent has CR LF in place of each LF that has no CR before it.
  bool crlf = false;
  /// Where the bytes of both directions are written down; empty: nowhere.
  std::string hex_dump;
  /// Bytes a second each way; 0 is no limit.
  std::uint64_t rate = 0;
  /// Bytes that are read from one side ahead of what the other takes; 0: as many as prove fast.
  std::size_t buffer = 0;
  ProgressMode progress = ProgressMode::never;
  bool stats = false;
  bool sha256 = false;
};

/// Reads the options of kByteOptions and kNearOptions, and those of the ends and directions. Throws
/// UsageError.
ByteOptions read_byte_options(const OptionValues& values);

/// What a command's table holds for what is done with the bytes, ...
inline constexpr std::array kByteOptions{
    OptionSpec{"output", 'o', ValueKind::required, "FILE",
               "store what is received in FILE, not on stdout"},
    OptionSpec{"hex-dump", 'x', ValueKind::required, "FILE",
               "write down both directions in FILE, with times"},
    OptionSpec{"append", 0, ValueKind::none, "", "add to the files written, do not truncate them"},
    OptionSpec{"crlf", 'C', ValueKind::none, "", "send CR LF for each lone LF"},
    OptionSpec{"rate", 0, ValueKind::required, "RATE",
               "no more bytes a second each way, 0: no limit [0]"},
    kProgressOption,
    OptionSpec{"stats", 0, ValueKind::none, "", "say at the end what was moved, and how fast"},
    OptionSpec{"sha256", 0, ValueKind::none, "", "say at the end the SHA-256 of each direction"},
};

/// ... and for what the peer is joined to.
inline constexpr std::array kNearOptions{
    OptionSpec{"exec", 'e', ValueKind::required, "CMD",
               "a command; words are split, nothing is expanded"},
    OptionSpec{"sh-exec", 'c', ValueKind::required, "CMDLINE", "a command line for /bin/sh"},
    OptionSpec{"to", 0, ValueKind::required, "ADDRESS",
               "another address: tcp:, unix:, exec:, shell:, pty:, read:, write:, file:, fd:, "
               "zero:, random:, discard or -"},
    OptionSpec{"kill-after", 0, ValueKind::required, "DUR",
               "SIGKILL so long after a command was told to end, 0: never [2s]"},
};

}  // namespace ioa::cli
