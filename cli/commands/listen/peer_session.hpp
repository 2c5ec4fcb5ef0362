#pragma once

#include <memory>
#include <string>

#include "cli/commands/connect_options.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/context.hpp"
#include "cli/near_side.hpp"
#include "ioa/loop/notifier.hpp"

namespace ioa::cli {

class SessionService;

/// What opens the near side of one peer.
struct PreparedNear {
  /// How the bytes are moved; it has to outlive the opener, which may outlive its service.
  std::shared_ptr<const ConnectOptions> options;
  std::unique_ptr<NearSideOpener> opener;
  /// Whether its prepare() was called already: before there was a peer.
  bool is_prepared = false;
};

/// One peer of a SessionService, joined to its near side. A notifier that leaves the loop when it
/// is through.
///
/// OWNERSHIP: the loop's. Context and options outlive it; the service does, or has called
/// forget_service().
class PeerSession : public Notifier {
 public:
  PeerSession(SessionService& service, Context& context, const ListenOptions& options,
              ListenPeer peer, PreparedNear near);

  /// As those of PeerService; interrupt() and cut_off() may end it before they return.
  virtual void interrupt(int signal) = 0;
  virtual void cut_off(Duration limit) = 0;
  virtual BytesMoved moved() const = 0;
  void abort() noexcept;
  /// The service goes first: nobody is to be told any more.
  void forget_service() noexcept { service_ = nullptr; }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;
  /// Moves the bytes, once the near side is open.
  virtual Future<PeerEnd> transfer(NearSide near) = 0;
  /// Ends it before anything was joined, with `status` and, in the event, `reason`.
  void give_up(ExitStatus status, std::string_view reason);
  bool is_opening() const noexcept { return is_opening_; }

  Context& context_;
  const ListenOptions& options_;
  ListenPeer peer_;
  std::shared_ptr<const ConnectOptions> transfer_options_;
  std::unique_ptr<NearSideOpener> near_;
  /// What stands in front of its messages; empty if it is the only peer.
  std::string label_;

 private:
  friend class SessionService;

  Future<> work();
  Future<NearSide> open_near();
  NearSide echo_side() const;
  void conclude(PeerEnd end);
  ExitStatus status_with_child(ExitStatus status) const;
  ExitStatus status_of(const Error& error) const noexcept;

  bool is_prepared_;
  SessionService* service_;
  TimePoint began_;
  bool is_opening_ = true;
  Future<> work_;
  PeerSession* previous_ = nullptr;
  PeerSession* next_ = nullptr;
};

/// A session of streams, or, for peers that send records (unix-seqpacket), of datagrams.
std::unique_ptr<PeerSession> make_peer_session(SessionService& service, Context& context,
                                               const ListenOptions& options, ListenPeer peer,
                                               PreparedNear near);

}  // namespace ioa::cli
