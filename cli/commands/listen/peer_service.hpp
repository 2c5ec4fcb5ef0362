#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/exit_status.hpp"
#include "cli/near_child.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/listener.hpp"

namespace ioa::cli {

/// A peer that has come, and has been let in.
struct ListenPeer {
  /// Its socket, and its place among the connections: the slot is to be kept until it has gone.
  AcceptedConnection connection;
  /// What events call it: 1 for the first.
  std::int64_t number = 0;
  /// "tcp", "unix" or "unix-seqpacket".
  std::string_view protocol;
};

/// What messages call a peer where there are several: its address, or, if it has none, its number.
std::string peer_label(const ListenPeer& peer);

/// How the connection of a peer has ended.
struct PeerEnd {
  std::uint64_t sent = 0;      ///< Bytes that the peer was sent.
  std::uint64_t received = 0;  ///< Bytes that it has sent.
  /// What the program ends with where it was the only one.
  ExitStatus status = ExitStatus::done;
};

/// Bytes of the connections that are open.
struct BytesMoved {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

/// What a PeerService has of the server that it works for.
class ServiceHost {
 public:
  /// A peer's connection is closed, its slot given back, and its `closed` event written: to be
  /// called once for each peer that was served. The service must not be touched after it by code
  /// that the peer's own object is not.
  virtual void peer_ended(const PeerEnd& end) = 0;
  /// Ends the run for a reason that concerns all peers: standard output's reader has left, its file
  /// is full.
  virtual void stop_serving(ExitStatus status) = 0;

 protected:
  ~ServiceHost() = default;
};

/// What is done with the peers of `ioa listen`: one object for all of them. It is asked for nothing
/// but the bytes: accepting, refusing, counting, limits of the run and signals are the server's.
///
/// ORDER: prepare() once, before anything is bound; then serve() for each peer; at the end, if
/// peers are left, interrupt() or cut_off() once. Each peer that was served is reported by
/// ServiceHost::peer_ended(), perhaps before serve() has returned, at the latest some time after
/// interrupt() or cut_off().
///
/// OWNERSHIP: destroyed with peers in it, it closes their connections and says nothing.
class PeerService {
 public:
  PeerService() = default;
  PeerService(const PeerService&) = delete;
  PeerService& operator=(const PeerService&) = delete;
  virtual ~PeerService() = default;

  /// What can go wrong early: files are opened, a command is looked for. Fails with an Error whose
  /// operation() is "open" or "exec".
  virtual Future<> prepare() { return Future<>::resolved(); }
  /// Takes a peer. What fails is the peer's end, never an exception.
  virtual void serve(ListenPeer peer) = 0;
  /// No more peers will come, and those that are there may go on to their end (--drain).
  virtual void no_more_peers() {}
  /// Ends all connections because of a signal: what was received is delivered first.
  virtual void interrupt(int signal) = 0;
  /// Ends all connections at once, as --timeout is over.
  virtual void cut_off(Duration limit) = 0;
  /// Kills what it has started, and waits for nothing: the program is about to end.
  virtual void abort() noexcept {}
  /// The bytes of the connections that are open; for SIGUSR1 and --progress.
  virtual BytesMoved moved() const = 0;
};

}  // namespace ioa::cli
