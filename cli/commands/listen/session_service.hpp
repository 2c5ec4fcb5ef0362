#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "cli/commands/connect_options.hpp"
#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/context.hpp"
#include "cli/near_side.hpp"

namespace ioa::cli {

class PeerSession;

/// Joins each peer to a near side of its own: standard input and output (for one peer only), what
/// --to, --exec and --sh-exec say, or a pipe that leads back (--echo with filters). As `ioa
/// connect` does it, by a NearSideOpener and a Transfer a peer.
///
/// OWNERSHIP: context, options and host outlive it.
class SessionService final : public PeerService {
 public:
  SessionService(Context& context, const ListenOptions& options, ServiceHost& host);
  ~SessionService() override;

  Future<> prepare() override;
  void serve(ListenPeer peer) override;
  void interrupt(int signal) override;
  void cut_off(Duration limit) override;
  void abort() noexcept override;
  BytesMoved moved() const override;

 private:
  friend class PeerSession;
  void add(PeerSession& session) noexcept;
  void take_out(PeerSession& session) noexcept;

  Context& context_;
  const ListenOptions& listen_;
  ServiceHost& host_;
  /// As a transfer takes them; the meter is the server's if it serves several. Shared with the
  /// sessions: one that has left the loop may be buried after this service.
  std::shared_ptr<const ConnectOptions> options_;
  /// The same for peers whose datagrams are a conversation.
  std::shared_ptr<const ConnectOptions> datagram_options_;
  std::optional<SocketAddress> target_;  // of --to, if it is a number
  /// Opened for the first peer, so that what is wrong is known before there is one.
  std::unique_ptr<NearSideOpener> first_;
  PeerSession* sessions_ = nullptr;  // those that are open
};

}  // namespace ioa::cli
