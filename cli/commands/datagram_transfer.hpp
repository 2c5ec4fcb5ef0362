#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/byte_taps.hpp"
#include "cli/commands/connect_options.hpp"
#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "cli/near_side.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/net/datagram_pump.hpp"

namespace ioa::cli {

/// The datagrams of one conversation, as a Transfer has the bytes of a connection: joins a near
/// side to a socket of datagrams, shows how far it is, and says how it ended.
///
/// OWNERSHIP: context and options outlive it.
class DatagramTransfer {
 public:
  /// `connection` is what its events call it; 0: it has no `closed` event.
  DatagramTransfer(Context& context, const ConnectOptions& options, std::int64_t connection);
  DatagramTransfer(const DatagramTransfer&) = delete;
  DatagramTransfer& operator=(const DatagramTransfer&) = delete;
  /// Ends what runs, and removes the path that a Unix datagram socket was bound to.
  ~DatagramTransfer();

  /// As Transfer's.
  Future<> prepare() { return taps_.prepare(); }
  Future<ExitStatus> run(NearSide near, UniqueFd peer);
  /// With a peer that shares its socket with others; `name` is what errors call it.
  Future<ExitStatus> run(NearSide near, std::unique_ptr<DatagramSide> peer, std::string name);
  /// Silence is how it ends in order, and nothing to be said: --idle-timeout with -k.
  void set_ends_by_silence(bool ends) { ends_by_silence_ = ends; }
  void set_label(std::string label) { label_ = std::move(label); }
  bool is_running() const noexcept { return pump_ != nullptr; }
  bool is_complete() const noexcept { return is_complete_; }
  bool has_near_ended() const noexcept { return has_near_ended_; }
  void end_near();
  void interrupt(int signal);
  /// Ends in order, without a word: what was received is written first.
  void finish();
  void cut_off(Duration limit);
  std::string moved() const;
  std::pair<std::uint64_t, std::uint64_t> bytes() const;

 private:
  DatagramPumpOptions pump_options(const NearSide& near) const;
  template <class Peer>
  std::unique_ptr<DatagramPump> make_pump(NearSide near, Peer peer, DatagramPumpOptions options);
  Future<ExitStatus> move_all(std::unique_ptr<DatagramPump> pump);
  void side_ended(DatagramPump::Side side);
  ProgressReading progress() const;
  void report_closed(const DatagramPumpResult& result);
  void report_losses(const DatagramPumpResult& result);
  std::uint64_t not_taken(const DatagramPumpResult& result) const noexcept;
  bool has_lost(const DatagramPumpResult& result) const noexcept;
  ExitStatus status_of(const DatagramPumpResult& result);

  Context& context_;
  const ConnectOptions& options_;
  std::int64_t connection_;
  std::string label_;
  ByteTaps taps_;
  DatagramPump* pump_ = nullptr;  // while it is in the loop
  std::string event_name_;
  std::string near_name_;
  bool may_leave_ = false;                   // the near side, with what it is sent unread
  std::optional<std::uint64_t> input_size_;  // where it is known
  DatagramPumpResult result_;                // once it is there
  std::optional<ProgressMeter> meter_;
  bool is_bound_ = false;
  bool ends_by_silence_ = false;
  TimePoint began_{};
  int signal_ = 0;
  Duration limit_{};
  bool is_complete_ = false;
  bool has_near_ended_ = false;
};

}  // namespace ioa::cli
