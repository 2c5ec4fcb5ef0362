#pragma once

#include <cstdint>
#include <memory>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/commands/listen/session_service.hpp"
#include "cli/context.hpp"
#include "ioa/io/hangup_watcher.hpp"
#include "ioa/process/spawn.hpp"
#include "ioa/process/spawn_request.hpp"
#include "ioa/worker/thread_pool.hpp"

namespace ioa::cli {

class ExecPeer;

/// --exec: each peer gets a command of its own, whose standard input and output are the very
/// socket, as those of inetd(8)'s are. No byte passes through this program.
///
/// The command is looked for once, before there is a peer. Peers whose bytes must be counted and
/// are not by the kernel (Unix sockets, where events are wanted), and those that send records, go
/// to a SessionService.
///
/// OWNERSHIP: context, options and host outlive it. Destroyed with peers in it, it kills their
/// commands.
class ExecService final : public PeerService {
 public:
  /// Whether this is how the peers of these options are served: by a command, of whose bytes nobody
  /// has to see any, or to know when one direction ends.
  static bool serves(const ListenOptions& options) noexcept;

  ExecService(Context& context, const ListenOptions& options, ServiceHost& host);
  ~ExecService() override;

  Future<> prepare() override;
  void serve(ListenPeer peer) override;
  void interrupt(int signal) override;
  void cut_off(Duration limit) override;
  void abort() noexcept override;
  BytesMoved moved() const override;

 private:
  friend class ExecPeer;
  bool hands_over(const ListenPeer& peer) const noexcept;
  void take_out(ExecPeer& peer) noexcept;
  /// Starts a command on a thread. The Future is not to be dropped while the service lives.
  Future<SpawnedChild> spawn_elsewhere(SpawnRequest request);
  template <class Function>
  void for_each(Function function);

  Context& context_;
  const ListenOptions& options_;
  ServiceHost& host_;
  /// What all commands have in common, and what stands in the way of running any: an errno value.
  /// Made at once, as a worker, whose sockets are bound already, is not asked to prepare().
  SpawnRequest request_;
  int problem_ = 0;
  HangupWatcher hangups_;
  ThreadPool starters_;
  ExecPeer* peers_ = nullptr;  // those that are open
  std::unique_ptr<SessionService> others_;
};

}  // namespace ioa::cli
