#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cli/commands/listen/access_control.hpp"
#include "cli/commands/listen/datagram_door.hpp"
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

  Future<> prepare();
  Future<> work();
  Future<ExitStatus> prepare_worker();
  void announce(const std::vector<ListenPlace>& places);
  void listen(std::vector<ListenPlace> places);
  void accept_failed(const Error& error);
  void admit(AcceptedConnection connection);
  void admit(std::unique_ptr<ConversationSide> conversation, std::string_view protocol);
  void serve(PeerService& service, ListenPeer peer);
  void listen_for_datagrams(std::vector<ListenPlace>& places);
  std::int64_t settle();
  template <class Function>
  void for_each_service(Function function) const;
  bool lets_in(const SocketAddress& peer);
  void refuse(std::int64_t number, const SocketAddress& peer, std::string_view why);
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
  AccessControl access_;
  /// Of the peers that are there, by their numbers; empty without --max-per-ip.
  std::unordered_map<std::int64_t, AddressCounter::Place> places_;
  std::unique_ptr<PeerService> service_;
  std::unique_ptr<PeerService> datagrams_;  // where they are not served as streams are
  std::unique_ptr<DatagramDoor> door_;      // once there are sockets of datagrams
  Listener* listener_ = nullptr;            // while it is in the loop
  bool has_told_shortage_ = false;          // of descriptors or memory: said once
  Stage stage_ = Stage::preparing;
  std::int64_t accepted_ = 0;            // peers that have come
  std::int64_t served_ = 0;              // of them, those that were let in
  std::int64_t open_ = 0;                // of them, those that are still there
  std::set<std::string> refused_hosts_;  // who was told of, among senders of datagrams
  std::int64_t settling_ = 0;  // of those still there, those that are about to end by themselves
  BytesMoved gone_;            // by those that are not
  std::optional<ProgressMeter> meter_;
  std::optional<TimeWatch> accept_timer_;
  std::optional<TimeWatch> drain_timer_;
  Promise<ExitStatus> outcome_;
  std::optional<ExitStatus> status_;  // what it ends with, once that is settled
  Future<> work_;
};

}  // namespace ioa::cli
