#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "cli/byte_filters.hpp"
#include "cli/commands/listen/hub_plan.hpp"
#include "cli/commands/listen/line_gatherer.hpp"
#include "cli/commands/listen/shared_queue.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/io/hangup_watcher.hpp"
#include "ioa/io/token_bucket.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

class Hub;

/// What holds one who speaks to a rate: `on_time` is called when there is something to spend again,
/// for which the timer is to be armed.
struct HubThrottle {
  HubThrottle(Loop& loop, std::uint64_t rate, UniqueFunction<void()> on_time);
  TokenBucket bucket;
  TimeWatch timer;
};

/// One peer of a Hub: what it says goes to the Hub, what it is given waits here until it is sent.
///
/// OWNERSHIP: the Hub's, which outlives it. None of its functions destroys it: once it has ended
/// the Hub does, later.
class HubPeer final : private HangupTarget {
 public:
  /// `fd` is non-blocking.
  HubPeer(Hub& hub, UniqueFd fd, HubPeerNames names);
  HubPeer(const HubPeer&) = delete;
  HubPeer& operator=(const HubPeer&) = delete;

  void start();

  /// These are for it: they are sent, or wait; or, if it has too much to read and `may_be_lost`,
  /// what the plan says of slow peers is done.
  void give(const SharedBytes& bytes, bool may_be_lost);
  /// The source has ended: nothing more will be given.
  void end_of_source();
  /// There is something to read, and time for it.
  void read();
  /// Whether the Hub lets it speak may have changed.
  void update();
  /// The Hub ends: what waits is sent, as far as the peer takes it now, then it is closed.
  void interrupt();
  /// Nothing is ready of the source for one that is leaving: it goes.
  void leave();
  /// The Hub goes: closed without a word.
  void abandon() noexcept;
  /// Ends at once; what was not sent is lost.
  void finish(HubEnd end, std::optional<Error> error = std::nullopt);

  /// Whether it may be given something.
  bool takes() const noexcept { return takes_; }
  /// Whether more waits for it than is good.
  bool is_over() const noexcept { return is_over_; }
  /// Whether it has ended its side, and goes once the source has nothing ready for it.
  bool is_leaving() const noexcept { return is_leaving_; }
  bool has_ended() const noexcept { return has_ended_; }
  /// Whether the Hub knows that nothing more is said.
  bool has_said_all() const noexcept { return has_said_all_; }
  void set_said_all() noexcept { has_said_all_ = true; }
  bool is_queued() const noexcept { return is_queued_; }
  void set_queued(bool queued) noexcept { is_queued_ = queued; }

  std::int64_t number() const noexcept { return names_.number; }
  /// Makes whole lines of what it says; null where nobody wants that.
  LineGatherer* lines() noexcept { return lines_.get(); }
  /// Translates the ends of lines in what it says; null where nobody wants that.
  CrlfFilter* crlf() noexcept { return crlf_.get(); }
  std::uint64_t sent() const noexcept { return sent_; }
  std::uint64_t received() const noexcept { return received_; }
  /// How it has ended, once it has.
  const HubPeerEnd& result() const noexcept { return result_; }

 private:
  void event(IoEvent event);
  std::size_t size_to_read();
  void look();
  void received_end();
  void hung_up() override;
  void write();
  void wait(const SharedBytes& bytes, std::size_t sent);
  void set_takes(bool takes);
  void set_over(bool over);
  void write_failed(int error);
  void advance();
  void half_close();
  void linger();
  void arm_quit_timer();
  void moved();
  void update_watch();
  void stop_watching() noexcept;

  Hub& hub_;
  HubPeerNames names_;
  UniqueFd fd_;
  IoWatch watch_;
  SharedQueue queue_;
  std::unique_ptr<LineGatherer> lines_;
  std::unique_ptr<CrlfFilter> crlf_;
  std::unique_ptr<HubThrottle> throttle_;
  std::unique_ptr<TimeWatch> idle_timer_;
  std::unique_ptr<TimeWatch> end_timer_;  // the wait for an end, or for acknowledgements
  Duration acknowledgement_delay_{0};
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t lost_ = 0;  // of the queue, when sending failed
  std::optional<Error> write_error_;
  HubPeerEnd result_;
  HubEnd orderly_end_ = HubEnd::complete;
  bool keeps_records_;
  bool awaits_hangup_ = false;
  bool takes_ = false;
  bool speaks_ = true;  // it has not ended its side
  bool wants_half_close_ = false;
  bool is_shut_ = false;       // half_close() was called
  bool has_sent_end_ = false;  // and was of use
  bool is_lingering_ = false;
  bool is_closing_ = false;
  bool is_leaving_ = false;
  bool is_over_ = false;
  bool is_queued_ = false;
  bool waits_for_rate_ = false;
  bool has_unread_ = false;  // and may not speak
  bool has_source_ended_ = false;
  bool has_said_all_ = false;
  bool has_ended_ = false;
};

}  // namespace ioa::cli
