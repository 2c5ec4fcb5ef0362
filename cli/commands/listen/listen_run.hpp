#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/listen/listen_options.hpp"
#include "cli/commands/listen/listen_sockets.hpp"
#include "cli/commands/listen/peer_service.hpp"
#include "cli/commands/listen/workers.hpp"
#include "cli/context.hpp"
#include "cli/descriptor_limit.hpp"
#include "cli/exit_status.hpp"
#include "cli/progress_meter.hpp"
#include "cli/run_hooks.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/net/listener.hpp"

namespace ioa::cli {

/// One run of `ioa listen`: binds, tells that it listens, lets peers in and hands them to a
/// PeerService, and ends as the options, a signal or a limit have it.
///
/// OWNERSHIP: the context outlives it.
class ListenRun final : private ServiceHost {
 public:
  /// With a seat it is one of several workers, whose sockets are bound and told of already.
  ListenRun(Context& context, ListenOptions options, std::optional<WorkerSeat> seat = std::nullopt);
  ListenRun(const ListenRun&) = delete;
  ListenRun& operator=(const ListenRun&) = delete;
  ~ListenRun();

  /// Runs it; asked for once, and not after bind().
  Future<ExitStatus> run();
  /// Prepares and binds only, for workers: the sockets, told of as far as that is theirs (events,
  /// --port-file). Says what fails, and gives the status that it means.
  Future<ExitStatus> bind(std::vector<ListenPlace>& places);

  // For RunHooks.
  void on_signal(int number);
  void on_time_limit();
  void print_counters();

 private:
  enum class Stage {
    preparing,
    listening,
    serving,   ///< The one peer of a run without -k.
    draining,  ///< No more peers are let in, and those that are there go on.
    ending,    ///< They are being ended.
  };

  void peer_ended(const PeerEnd& end) override;
  void stop_serving(ExitStatus status) override;

  Future<> work();
  void announce(const std::vector<ListenPlace>& places);
  void listen(std::vector<ListenPlace> places);
  void accept_failed(const Error& error);
  void admit(AcceptedConnection connection);
  void stop_listening();
  void await_peer();
  void drain(int signal);
  void end_drain(int signal);
  void finish(ExitStatus status);
  BytesMoved moved() const;
  std::string summary() const;
  std::string named(std::string_view message) const;

  Context& context_;
  ListenOptions options_;
  std::optional<WorkerSeat> seat_;
  DescriptorLimit descriptors_;
  RunHooks hooks_;
  std::unique_ptr<PeerService> service_;
  Listener* listener_ = nullptr;  // while it is in the loop
  Stage stage_ = Stage::preparing;
  std::int64_t accepted_ = 0;  // peers that have come
  std::int64_t served_ = 0;    // of them, those that were let in
  std::int64_t open_ = 0;      // of them, those that are still there
  BytesMoved gone_;            // by those that are not
  std::optional<ProgressMeter> meter_;
  std::optional<TimeWatch> accept_timer_;
  std::optional<TimeWatch> drain_timer_;
  Promise<ExitStatus> outcome_;
  std::optional<ExitStatus> status_;  // what it ends with, once that is settled
  Future<> work_;
};

}  // namespace ioa::cli
