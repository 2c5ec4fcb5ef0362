#pragma once

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/listen_sockets.hpp"
#include "cli/exit_status.hpp"
#include "cli/reporter.hpp"
#include "ioa/base/clock.hpp"

namespace ioa::cli {

/// The place of one of several processes that serve the same sockets (--workers).
struct WorkerSeat {
  std::uint32_t index = 0;  ///< From 0.
  std::uint32_t count = 1;
  /// The number of the last peer, of all workers together. In memory that they share.
  std::atomic<std::int64_t>* last_number = nullptr;
  /// What is left of --timeout; 0: there is none.
  Duration time_left{};
  /// Its own descriptors of the sockets that all share; their files stay the supervisor's.
  std::vector<ListenPlace> places;

  /// Its share of a limit that holds for all workers together.
  std::uint32_t share_of(std::uint32_t limit) const noexcept {
    return limit / count + (index < limit % count ? 1 : 0);
  }
};

/// The process that has bound the sockets, and keeps so many workers that serve them.
///
/// Workers share the very sockets: what waits in a socket's queue belongs to all, so that a worker
/// that is killed takes only its own connections with it. A dead one is replaced, after a pause if
/// it did not live long. All that end with the supervisor: should it be killed, so are they.
///
/// SIGNALS: INT and TERM are passed on, and the supervisor ends when its workers have; a second one
/// kills them. USR1 is passed on, and HUP where rules of access may be read again.
///
/// It has no loop and no threads, so that fork(2) is safe at any time.
class WorkerSupervisor {
 public:
  /// Reporter and options outlive it.
  WorkerSupervisor(Reporter& reporter, const ListenOptions& options,
                   std::vector<ListenPlace> places);
  WorkerSupervisor(const WorkerSupervisor&) = delete;
  WorkerSupervisor& operator=(const WorkerSupervisor&) = delete;
  ~WorkerSupervisor();

  /// Comes back once a worker, each time in a new process that is to serve at the seat, and once
  /// in the supervisor, when everything is over, with the status to end with. Throws Error if there
  /// cannot be any worker, or if nobody can be told that it listens.
  std::variant<ExitStatus, WorkerSeat> supervise();

 private:
  struct Worker {
    ::pid_t pid = 0;  ///< 0: there is none at present.
    TimePoint started{};
    TimePoint due{};  ///< When it is to be started again.
    Duration pause{};
  };

  std::optional<WorkerSeat> start_all();
  std::optional<WorkerSeat> start(std::uint32_t index);
  std::optional<WorkerSeat> start_due();
  WorkerSeat take_seat(std::uint32_t index);
  void wait_for_signal();
  void handle(int number, bool is_from_terminal);
  void reap();
  void ended(Worker& worker, int status);
  void signal_all(int number) const noexcept;
  bool is_over() const noexcept;

  Reporter& reporter_;
  const ListenOptions& options_;
  std::vector<ListenPlace> places_;
  std::vector<Worker> workers_;
  std::atomic<std::int64_t>* last_number_ = nullptr;
  ::sigset_t watched_{};
  ::sigset_t before_{};
  int signal_ = 0;  // that ends it
  ExitStatus status_ = ExitStatus::done;
  bool is_stopping_ = false;
};

}  // namespace ioa::cli
