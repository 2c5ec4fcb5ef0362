#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands/listen/hub_output.hpp"
#include "cli/commands/listen/hub_peer.hpp"
#include "cli/commands/listen/hub_plan.hpp"
#include "cli/commands/listen/shared_queue.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/byte_filter.hpp"
#include "ioa/io/hangup_watcher.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

/// Joins one source and one sink to any number of peers, or the peers to each other: standard input
/// goes to every peer and every peer's bytes to standard output, or each peer's to every other.
///
///     Hub& hub = loop.add(std::make_unique<Hub>(plan, HubEnds{std::move(in), std::move(out)}));
///     hub.on_peer_end([](const HubPeerEnd& end) { … });
///     hub.add_peer(std::move(socket), {1, "<user1> "});
///
/// Nothing is read that nobody could be given: the source waits for the first peer, and a peer that
/// is alone in a broker waits for another. While peers come, turn for turn, nothing is read: who
/// has connected before something was said hears it.
///
/// MEMORY: what is said lies in memory once, however many it waits for. Of each peer no more than
/// the plan's buffer and one read wait. No time is involved: where all listeners have so much to
/// read, nothing is read until one of them has read half of it, or has gone.
///
/// EVENTS: the callbacks below, from the loop. Each may do anything, remove the Hub too.
///
/// OWNERSHIP: owns source, sink and peers. Removed with peers in it, it closes their connections
/// and says nothing.
class Hub : public Notifier {
 public:
  /// Where bytes go that pass a filter.
  enum class Side { near, far };
  struct Ends {
    /// Not read if the plan says so, or knows no source.
    ByteEnd source = ByteEnd::discard();
    /// Nothing: what peers say goes to peers only.
    std::optional<ByteEnd> sink;
    std::string source_name = "standard input";
    std::string sink_name = "standard output";
  };

  Hub(HubPlan plan, Ends ends);

  /// Before it joins a loop: what the source says (far), or what the sink takes (near), is shown to
  /// `filter`, which is borrowed and outlives the Hub.
  void add_filter(Side towards, ByteFilter& filter);

  /// One more peer. `fd` is non-blocking. Only inside a loop.
  void add_peer(UniqueFd fd, HubPeerNames names);

  /// Reads nothing more, and closes each peer once it has got what waits for it, or does not take
  /// it.
  void interrupt();
  /// Closes all peers at once.
  void cut_off();
  /// Closes the sink, once there are no peers. The failure if it has not taken everything.
  std::optional<Error> close_sink();

  /// The source has come to its end.
  void on_source_eof(UniqueFunction<void()> callback) { on_source_eof_ = std::move(callback); }
  /// This peer has ended its side.
  void on_peer_eof(UniqueFunction<void(std::int64_t number)> callback) {
    on_peer_eof_ = std::move(callback);
  }
  /// A peer is closed, and all it has said is written.
  void on_peer_end(UniqueFunction<void(const HubPeerEnd&)> callback) {
    on_peer_end_ = std::move(callback);
  }
  /// The source could not be read, or the sink not be written; told once.
  void on_failure(UniqueFunction<void(const Error&, bool of_sink)> callback) {
    on_failure_ = std::move(callback);
  }

  std::size_t peers() const noexcept { return peers_.size(); }
  /// The bytes of the peers that are there.
  std::uint64_t sent() const noexcept;
  std::uint64_t received() const noexcept;
  /// What the source has given, and the sink taken, so far.
  std::uint64_t read_from_source() const noexcept { return read_from_source_; }
  std::uint64_t written_to_sink() const noexcept { return sink_ ? sink_->written() : 0; }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  friend class HubPeer;

  // What peers ask for and tell.
  const HubPlan& plan() const noexcept { return plan_; }
  bool may_speak(const HubPeer& peer) const noexcept;
  bool has_source() const noexcept;
  bool has_more_for_leaving() noexcept;
  void read_later(HubPeer& peer);
  void said(HubPeer& peer, std::string_view bytes);
  void says_no_more(HubPeer& peer);
  void peer_eof(const HubPeer& peer) { on_peer_eof_(peer.number()); }
  void takers_changed(int by);
  void over_changed(int by);
  void peer_over();
  bool watch_for_hangup(int fd, HangupTarget& peer) noexcept;
  void forget_hangup(int fd) noexcept { hangups_->remove(fd); }

  void work();
  bool is_waiting_for_more_peers() noexcept;
  void read_peers();
  bool wants_source() const noexcept;
  bool may_be_heard(int listeners, int over) const noexcept;
  bool has_room(const HubPeer* but) const noexcept;
  void update_source();
  void update_all();
  void read_source();
  void source_ended();
  void give_all(std::string_view bytes, const HubPeer* but);
  void let_leave();
  void hear_out_ended();
  void sink_changed();
  void fail(const Error& error, bool of_sink);
  bool bury();

  HubPlan plan_;
  Ends ends_;
  std::vector<ByteFilter*> source_filters_;
  std::vector<ByteFilter*> sink_filters_;
  std::optional<HubOutput> sink_;
  std::optional<IoWatch> source_watch_;
  std::optional<HubThrottle> throttle_;
  std::optional<DeferredCall> work_;
  std::optional<HangupWatcher> hangups_;  // of peers that have ended their side
  std::vector<std::unique_ptr<HubPeer>> peers_;
  std::vector<HubPeer*> ready_;  // those that have something to say
  Event<void()> on_source_eof_;
  Event<void(std::int64_t)> on_peer_eof_;
  Event<void(const HubPeerEnd&)> on_peer_end_;
  Event<void(const Error&, bool)> on_failure_;
  std::uint64_t read_from_source_ = 0;
  int takers_ = 0;
  int over_ = 0;
  int turns_waited_ = 0;  // for peers that come
  bool has_new_peers_ = false;
  bool has_tried_source_ = false;
  bool is_source_ready_ = false;
  bool waits_for_rate_ = false;  // the source
  bool has_source_ended_ = false;
  bool needs_update_ = false;
  bool has_leaving_ = false;
  bool has_ended_peers_ = false;
  bool is_ending_ = false;
  bool is_cut_off_ = false;
  bool has_failed_ = false;
};

}  // namespace ioa::cli
