#include "cli/commands/listen/hub.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"
#include "ioa/io/scratch_buffer.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

// What is given at once: a thousand peers that are behind hold it together.
constexpr std::size_t kReadSize = std::size_t{64} << 10;
constexpr int kMostTurnsWaited = 32;

}  // namespace

Hub::Hub(HubPlan plan, Ends ends) : plan_(std::move(plan)), ends_(std::move(ends)) {}

void Hub::add_filter(Side towards, ByteFilter& filter) {
  (towards == Side::far ? source_filters_ : sink_filters_).push_back(&filter);
}

void Hub::added_to_loop(Loop& loop) {
  work_.emplace(loop, [this] { work(); });
  if (ends_.sink) {
    sink_.emplace(loop, *std::exchange(ends_.sink, std::nullopt), ends_.sink_name,
                  [this] { sink_changed(); });
    for (ByteFilter* filter : sink_filters_) sink_->add_filter(*filter);
  }
  if (!has_source()) return;
  source_watch_.emplace(loop);
  source_watch_->set_callback([this](IoEvent) {
    is_source_ready_ = true;
    work_->schedule();
  });
  if (plan_.rate > 0) {
    throttle_.emplace(loop, plan_.rate, [this] {
      waits_for_rate_ = false;
      update_source();
    });
  }
}

void Hub::removing_from_loop(Loop&) {
  is_ending_ = true;
  for (const auto& peer : peers_) peer->abandon();
  work_->call_off();
  source_watch_.reset();
  throttle_.reset();
  sink_.reset();
  hangups_.reset();
}

bool Hub::has_source() const noexcept {
  return plan_.kind == HubKind::stdio && plan_.direction != Direction::receive_only;
}

void Hub::add_peer(UniqueFd fd, HubPeerNames names) {
  HubPeer& peer =
      *peers_.emplace_back(std::make_unique<HubPeer>(*this, std::move(fd), std::move(names)));
  has_new_peers_ = true;
  peer.start();
  if (has_source_ended_) peer.end_of_source();
  if (is_ending_) peer.interrupt();
}

void Hub::interrupt() {
  is_ending_ = true;
  for (std::size_t i = 0; i < peers_.size(); ++i) peers_[i]->interrupt();
  needs_update_ = true;
  work_->schedule();
}

void Hub::cut_off() {
  is_ending_ = is_cut_off_ = true;
  for (std::size_t i = 0; i < peers_.size(); ++i) peers_[i]->finish(HubEnd::cut_off);
}

std::optional<Error> Hub::close_sink() {
  if (!sink_) return std::nullopt;
  sink_->close();
  return sink_->error();
}

std::uint64_t Hub::sent() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& peer : peers_) sum += peer->sent();
  return sum;
}

std::uint64_t Hub::received() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& peer : peers_) sum += peer->received();
  return sum;
}

/// Whether somebody may be spoken to: with SlowPeer::pause nobody may have too much to read,
/// otherwise not all of them.
bool Hub::may_be_heard(int listeners, int over) const noexcept {
  if (listeners == 0) return false;
  return plan_.slow_peer == SlowPeer::pause ? over == 0 : over < listeners;
}

/// A slow sink holds everybody. A slow peer holds those that speak to it, which it does not itself.
bool Hub::may_speak(const HubPeer& peer) const noexcept {
  if (is_ending_ || (sink_ && sink_->is_behind())) return false;
  if (plan_.kind == HubKind::stdio) return true;
  const int others_over = over_ - (peer.is_over() ? 1 : 0);
  const int listeners = takers_ - (peer.takes() ? 1 : 0);
  return may_be_heard(listeners, others_over);
}

/// Whether a listener, other than `but`, has little to read.
bool Hub::has_room(const HubPeer* but) const noexcept {
  const int without = but != nullptr && but->takes() && !but->is_over() ? 1 : 0;
  return takers_ - over_ > without;
}

/// What is read later this turn finds those listening who have come in the same one.
void Hub::read_later(HubPeer& peer) {
  if (peer.is_queued()) return;
  peer.set_queued(true);
  ready_.push_back(&peer);
  work_->schedule();
}

void Hub::takers_changed(int by) {
  takers_ += by;
  needs_update_ = true;
  work_->schedule();
}

void Hub::over_changed(int by) {
  over_ += by;
  needs_update_ = true;
  work_->schedule();
}

void Hub::peer_over() {
  has_ended_peers_ = true;
  work_->schedule();
}

/// False if it cannot be: out of descriptors, say. Then writing to it tells.
bool Hub::watch_for_hangup(int fd, HangupTarget& peer) noexcept {
  try {
    if (!hangups_) hangups_.emplace(*loop());
    return hangups_->add(fd, peer);
  } catch (const Error&) {
    return false;
  }
}

void Hub::work() {
  if (is_waiting_for_more_peers()) {
    work_->schedule();
  } else {
    read_peers();
    if (loop() != nullptr && std::exchange(is_source_ready_, false)) read_source();
  }
  if (loop() == nullptr || !bury()) return;
  if (std::exchange(needs_update_, false)) update_all();
}

/// A Listener takes only so many connections a turn: those that are in its queue hear as well what
/// is said after they have connected. Not for ever, as more may always come.
bool Hub::is_waiting_for_more_peers() noexcept {
  if (!std::exchange(has_new_peers_, false) || turns_waited_ == kMostTurnsWaited) {
    turns_waited_ = 0;
    return false;
  }
  ++turns_waited_;
  return true;
}

void Hub::read_peers() {
  for (HubPeer* peer : std::exchange(ready_, {})) {
    peer->set_queued(false);
    if (loop() != nullptr) peer->read();
  }
}

void Hub::said(HubPeer& peer, std::string_view bytes) {
  if (plan_.direction == Direction::send_only) return;
  std::string lines;
  const bool by_lines = peer.lines() != nullptr;
  if (by_lines) peer.lines()->add(bytes, lines);
  const bool is_chat = plan_.kind == HubKind::chat;
  if (sink_ && by_lines) sink_->take_lines(lines);
  if (sink_ && !by_lines) sink_->take(bytes);
  if (plan_.kind == HubKind::stdio) return;
  bytes = is_chat ? std::string_view(lines) : bytes;
  give_all(peer.crlf() != nullptr ? peer.crlf()->transform(bytes) : bytes, &peer);
}

/// The last line of a chat gets the end that it lacks; in the sink the next one provides it.
void Hub::says_no_more(HubPeer& peer) {
  if (peer.has_said_all()) return;
  peer.set_said_all();
  std::string lines;
  if (plan_.direction == Direction::send_only) return;
  if (peer.lines() == nullptr || !peer.lines()->finish(lines)) return;
  if (plan_.kind == HubKind::chat) lines += '\n';
  if (sink_) sink_->take_lines(lines);
  if (plan_.kind != HubKind::chat) return;
  give_all(peer.crlf() != nullptr ? peer.crlf()->transform(lines) : std::string_view(lines), &peer);
}

void Hub::give_all(std::string_view bytes, const HubPeer* but) {
  if (bytes.empty() || takers_ == 0) return;
  const SharedBytes shared(bytes);
  const bool may_be_lost = plan_.slow_peer != SlowPeer::pause && has_room(but);
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (peers_[i].get() != but) peers_[i]->give(shared, may_be_lost);
}

bool Hub::wants_source() const noexcept {
  return source_watch_ && !has_source_ended_ && !has_failed_ && !is_ending_ && !waits_for_rate_ &&
         may_be_heard(takers_, over_);
}

void Hub::update_source() {
  if (!source_watch_) return;
  if (source_watch_->is_started())
    return source_watch_->want(wants_source() ? IoEvents(IoEvent::read) : IoEvents());
  if (!wants_source()) return;
  // Read before it is watched: one that is not open says so by failing.
  if (!std::exchange(has_tried_source_, true)) {
    is_source_ready_ = true;
    return work_->schedule();
  }
  source_watch_->start(ends_.source.fd(), IoEvent::read);
}

void Hub::update_all() {
  update_source();
  for (const auto& peer : peers_) peer->update();
}

void Hub::read_source() {
  if (!wants_source()) return update_source();
  std::size_t most = kReadSize;
  if (throttle_) {
    most = static_cast<std::size_t>(
        std::min<std::uint64_t>(most, throttle_->bucket.available(loop()->now())));
    if (most == 0) {
      waits_for_rate_ = true;
      throttle_->timer.arm(throttle_->bucket.next());
      return update_source();
    }
  }
  const std::span<char> space = scratch_buffer().first(most);
  const ssize_t got = ends_.source.read(space);
  if (got < 0 && !would_block(errno))
    return fail(Error::from_errno(errno, "read", ends_.source_name), false);
  if (got == 0) return source_ended();
  if (got > 0) {
    std::string_view bytes(space.data(), static_cast<std::size_t>(got));
    if (throttle_) throttle_->bucket.take(bytes.size(), loop()->now());
    for (ByteFilter* filter : source_filters_) bytes = filter->transform(bytes);
    read_from_source_ += bytes.size();
    give_all(bytes, nullptr);
    for (ByteFilter* filter : source_filters_) filter->delivered(bytes);
  }
  update_source();
  let_leave();
}

void Hub::source_ended() {
  has_source_ended_ = true;
  source_watch_->stop();
  ends_.source.close();
  for (std::size_t i = 0; i < peers_.size(); ++i) peers_[i]->end_of_source();
  on_source_eof_();
}

bool Hub::has_more_for_leaving() noexcept {
  const bool has_more = source_watch_ && !has_source_ended_ && !is_ending_ && !has_failed_ &&
                        ends_.source.is_readable();
  has_leaving_ |= has_more;
  return has_more;
}

void Hub::let_leave() {
  if (!has_leaving_ || ends_.source.is_readable()) return;
  has_leaving_ = false;
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (peers_[i]->is_leaving()) peers_[i]->leave();
}

void Hub::sink_changed() {
  if (sink_->error()) return fail(*sink_->error(), true);
  needs_update_ = true;
  work();
}

void Hub::fail(const Error& error, bool of_sink) {
  if (std::exchange(has_failed_, true)) return;
  if (!of_sink) source_watch_->stop();
  on_failure_(error, of_sink);
}

void Hub::hear_out_ended() {
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (peers_[i]->has_ended()) says_no_more(*peers_[i]);
}

/// Tells of the peers that have ended, once all they have said is written. False if it was removed
/// meanwhile.
bool Hub::bury() {
  if (!has_ended_peers_) return true;
  hear_out_ended();
  if (sink_ && sink_->is_behind() && !is_cut_off_) return true;
  has_ended_peers_ = false;
  for (std::size_t i = 0; i < peers_.size();) {
    if (!peers_[i]->has_ended()) {
      ++i;
      continue;
    }
    const std::unique_ptr<HubPeer> peer = std::move(peers_[i]);
    peers_[i] = std::move(peers_.back());
    peers_.pop_back();
    ready_.erase(std::remove(ready_.begin(), ready_.end(), peer.get()), ready_.end());
    on_peer_end_(peer->result());
    if (loop() == nullptr) return false;
  }
  return true;
}

}  // namespace ioa::cli
