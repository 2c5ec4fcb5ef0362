#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/byte_options.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {

/// What becomes of a peer that does not read as fast as others speak. Who is slow is a matter of
/// bytes and of the others, never of time: it has more to read than the plan's buffer, while
/// another listener has not. So a listener that is alone is never slow, and what is lost for one
/// has been given to another.
enum class SlowPeer {
  pause,       ///< Nobody speaks to it until it has read; so everybody waits for the slowest.
  drop,        ///< What is said is dropped for it; so everybody waits for the fastest.
  disconnect,  ///< It is closed; everybody waits for the fastest.
};

/// Who speaks to whom in a Hub.
enum class HubKind {
  stdio,   ///< The source to every peer, every peer to the sink.
  broker,  ///< Each peer to every other.
  chat,    ///< The same by lines, each with its speaker in front.
};

/// What a Hub does: plain data.
struct HubPlan {
  HubKind kind = HubKind::stdio;
  SlowPeer slow_peer = SlowPeer::pause;
  /// A peer that more than this waits for is slow; see SharedQueue::cost().
  std::size_t buffer = std::size_t{256} << 10;
  OnStdinEof on_source_eof = OnStdinEof::half_close;
  /// Whether a peer that has ended its side goes on being spoken to.
  bool finishes = true;
  /// Which way bytes go, as a peer sees it: send_only throws away what peers say, receive_only
  /// reads no source.
  Direction direction = Direction::both;
  /// So long after the source has ended, and a peer has got everything, the peer is closed.
  std::optional<Duration> quit_after;
  /// A peer is closed after so long without a byte either way; zero: never.
  Duration idle_timeout{0};
  /// Bytes a second that the source, and each peer, may say; 0: any number.
  std::uint64_t rate = 0;
  /// Lines that go to the sink begin with the peer.
  bool tags = false;
  /// What peers are sent has CR LF in place of each lone LF.
  bool crlf = false;
};

/// A peer as the Hub knows it.
struct HubPeerNames {
  std::int64_t number = 0;
  /// What stands in front of its lines, in a chat and with HubPlan::tags.
  std::string prefix;
};

/// Why a peer has ended.
enum class HubEnd {
  complete,      ///< Both sides ended in order, or the Hub did; it has got every byte.
  failed,        ///< The connection broke.
  slow,          ///< SlowPeer::disconnect.
  idle_timeout,  ///< HubPlan::idle_timeout.
  interrupted,   ///< Hub::interrupt(); it has got every byte that it took then.
  cut_off,       ///< Hub::cut_off().
};

/// How a peer has ended.
struct HubPeerEnd {
  std::int64_t number = 0;
  HubEnd end = HubEnd::complete;
  std::optional<Error> error;     ///< With HubEnd::failed.
  std::uint64_t sent = 0;         ///< Bytes that its kernel has, as far as can be known.
  std::uint64_t received = 0;     ///< Bytes that it has said.
  std::uint64_t undelivered = 0;  ///< Bytes for it that it does not have.
  std::uint64_t dropped = 0;      ///< Bytes that were dropped for it.
};

}  // namespace ioa::cli
