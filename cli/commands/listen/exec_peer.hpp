#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "cli/commands/listen/peer_service.hpp"
#include "cli/exit_status.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/hangup_watcher.hpp"
#include "ioa/io/pump.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/tcp_progress.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/process/spawn_request.hpp"
#include "ioa/process/wait_status.hpp"

namespace ioa::cli {

class ExecService;

/// One peer of an ExecService, and the command that has its socket.
///
/// We keep a copy of the socket. So we see it reset though the command looks elsewhere, know what
/// the kernel has counted, and end the connection with the command, whoever else holds the socket
/// by then. The command's output is waited for until the peer's system has acknowledged it.
///
/// OWNERSHIP: its own: deletes itself when the connection is closed and the command's process group
/// is gone, and then tells the host. The service deletes those that are left.
class ExecPeer final : private HangupTarget {
 public:
  ExecPeer(ExecService& service, ListenPeer peer);
  ExecPeer(const ExecPeer&) = delete;
  ExecPeer& operator=(const ExecPeer&) = delete;
  /// Kills the command if it still runs.
  ~ExecPeer();

  /// Starts the command; if that fails, the peer's end follows soon.
  void start();
  /// Tells the command to end.
  void interrupt(int signal);
  /// The same, and closes the connection.
  void cut_off(Duration limit);
  /// Kills the command's group, and waits for nothing.
  void kill() const noexcept;
  BytesMoved moved() const noexcept;

 private:
  friend class ExecService;

  SpawnRequest request() const;
  Future<> start_elsewhere();
  void started(SpawnedChild child);
  void start_failed(const Error& error);
  void hung_up() override;
  void child_ended(const ExitReport& report);
  void end(PumpEnd reason);
  void tell_group();
  Future<> end_group();
  void deliver();
  void close(const TcpProgress& now);
  void report_closed(std::string_view reason) const;
  void conclude_if_over();
  ExitStatus status() const noexcept;
  bool is_running() const noexcept { return watch_ && watch_->is_waiting(); }
  TcpProgress progress() const noexcept;

  ExecService& service_;
  ExecPeer* previous_ = nullptr;
  ExecPeer* next_ = nullptr;
  ListenPeer peer_;
  TimePoint began_ = Clock::now();
  ::pid_t group_ = 0;
  std::optional<PidWatch> watch_;
  std::optional<TimeWatch> timer_;  // of what is waited for: the end of a group, acknowledgements
  std::optional<DeferredCall> failed_;
  Duration delay_{};
  Future<> starting_;                  // of the command, on another thread
  Future<> ending_;                    // of the group
  std::optional<WaitStatus> own_end_;  // of the command; nothing if it was told to
  PumpEnd end_ = PumpEnd::complete;
  std::optional<Error> error_;
  int signal_ = 0;
  Duration limit_{};
  PeerEnd result_;
  bool is_starting_ = false;  // on another thread
  bool is_ending_ = false;    // the group is being ended
  bool was_told_ = false;
  bool is_shut_down_ = false;
  bool is_closed_ = false;
};

}  // namespace ioa::cli
