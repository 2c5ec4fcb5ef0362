#include "cli/commands/listen/hub_peer.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "cli/commands/listen/hub.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/io/delivery.hpp"
#include "ioa/io/scratch_buffer.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

// What one peer may say in a turn, so that others are heard in between.
constexpr std::size_t kPeerReadSize = std::size_t{64} << 10;
constexpr std::size_t kPiecesPerCall = 64;
// As a Pump looks for acknowledgements: first soon, then less often.
constexpr Duration kFirstLook = std::chrono::milliseconds(1);
constexpr Duration kLastLook = std::chrono::milliseconds(50);

bool keeps_records(int fd) noexcept {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

}  // namespace

HubThrottle::HubThrottle(Loop& loop, std::uint64_t rate, UniqueFunction<void()> on_time)
    : bucket(rate, loop.now()), timer(loop.timers(), std::move(on_time)) {}

HubPeer::HubPeer(Hub& hub, UniqueFd fd, HubPeerNames names)
    : hub_(hub),
      names_(std::move(names)),
      fd_(std::move(fd)),
      watch_(*hub.loop()),
      keeps_records_(keeps_records(fd_.get())) {
  const HubPlan& plan = hub_.plan();
  Loop& loop = *hub_.loop();
  watch_.set_callback([this](IoEvent event) { this->event(event); });
  if (plan.kind == HubKind::chat || plan.tags)
    lines_ = std::make_unique<LineGatherer>(names_.prefix);
  if (plan.crlf && plan.kind != HubKind::stdio) crlf_ = std::make_unique<CrlfFilter>();
  if (plan.rate > 0) {
    throttle_ = std::make_unique<HubThrottle>(loop, plan.rate, [this] {
      waits_for_rate_ = false;
      update();
    });
  }
  if (plan.idle_timeout > Duration::zero())
    idle_timer_ =
        std::make_unique<TimeWatch>(loop.timers(), [this] { finish(HubEnd::idle_timeout); });
}

void HubPeer::start() {
  result_.number = names_.number;
  moved();
  set_takes(hub_.plan().direction != Direction::receive_only);
  update_watch();
}

void HubPeer::set_takes(bool takes) {
  if (takes_ == takes) return;
  takes_ = takes;
  hub_.takers_changed(takes ? 1 : -1);
  // Who is given nothing more holds nobody, whatever it has still to read.
  if (!takes) set_over(false);
}

void HubPeer::set_over(bool over) {
  if (is_over_ == over) return;
  is_over_ = over;
  hub_.over_changed(over ? 1 : -1);
}

void HubPeer::event(IoEvent event) {
  if (has_ended_) return;
  if (event == IoEvent::read)
    hub_.read_later(*this);
  else
    write();
}

std::size_t HubPeer::size_to_read() {
  if (!throttle_) return kPeerReadSize;
  const std::uint64_t most = throttle_->bucket.available(hub_.loop()->now());
  if (most == 0) {
    waits_for_rate_ = true;
    throttle_->timer.arm(throttle_->bucket.next());
  }
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, kPeerReadSize));
}

void HubPeer::read() {
  if (has_ended_ || !speaks_) return update_watch();
  if (!hub_.may_speak(*this)) return look();
  const std::size_t most = keeps_records_ ? kScratchSize : size_to_read();
  if (most == 0) return update_watch();
  const std::span<char> space = scratch_buffer().first(most);
  const int flags = MSG_DONTWAIT | (keeps_records_ ? MSG_TRUNC : 0);
  const ssize_t got =
      retry_on_eintr([&] { return ::recv(fd_.get(), space.data(), space.size(), flags); });
  if (got < 0 && would_block(errno)) return update_watch();
  if (got < 0) return finish(HubEnd::failed, Error::from_errno(errno, "recv"));
  if (got == 0) return received_end();
  const auto size = static_cast<std::size_t>(got);
  if (size > space.size()) return finish(HubEnd::failed, Error::from_errno(EMSGSIZE, "recv"));
  received_ += size;
  has_unread_ = false;
  if (throttle_) throttle_->bucket.take(size, hub_.loop()->now());
  moved();
  hub_.said(*this, {space.data(), size});
  if (has_source_ended_ && hub_.plan().on_source_eof == OnStdinEof::after_reply)
    wants_half_close_ = true;
  advance();
}

/// It may not speak now: whether it has gone is seen all the same, if it has said nothing before.
void HubPeer::look() {
  char first = 0;
  const ssize_t got =
      retry_on_eintr([&] { return ::recv(fd_.get(), &first, 1, MSG_DONTWAIT | MSG_PEEK); });
  if (got == 0) return received_end();
  if (got < 0 && !would_block(errno))
    return finish(HubEnd::failed, Error::from_errno(errno, "recv"));
  has_unread_ = got > 0;
  update_watch();
}

void HubPeer::received_end() {
  speaks_ = false;
  hub_.says_no_more(*this);
  hub_.peer_eof(*this);
  if (has_ended_) return;  // as the callback has had it
  if (write_error_) return finish(HubEnd::failed, std::move(write_error_));
  const bool stays = hub_.plan().finishes && takes_;
  if (stays) awaits_hangup_ = hub_.watch_for_hangup(fd_.get(), *this);
  if (!stays && takes_ && hub_.has_more_for_leaving()) {
    is_leaving_ = true;
  } else if (!stays) {
    set_takes(false);
    is_closing_ = true;
  }
  advance();
}

/// It has ended its side before, which a peer that has gone does too. That it is gone is known of a
/// Unix socket at once, and over TCP when it is sent something: there is no need to send it more.
void HubPeer::hung_up() {
  if (has_ended_ || is_shut_) return;  // with both sides ended it is no news
  int error = 0;
  socklen_t size = sizeof error;
  static_cast<void>(::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size));
  const bool has_all = queue_.is_empty() && unacknowledged_bytes(fd_.get(), false) == 0;
  if (error == 0 && has_all) return finish(orderly_end_);
  finish(HubEnd::failed, Error::from_errno(error != 0 ? error : EPIPE, "send"));
}

void HubPeer::leave() {
  is_leaving_ = false;
  set_takes(false);
  is_closing_ = true;
  advance();
}

void HubPeer::give(const SharedBytes& bytes, bool may_be_lost) {
  if (!takes_ || has_ended_) return;
  const std::string_view view = bytes.view();
  if (!queue_.is_empty()) {
    if (!is_over_ || !may_be_lost) return wait(bytes, 0);
    if (hub_.plan().slow_peer == SlowPeer::disconnect) {
      lost_ += view.size();
      return finish(HubEnd::slow);
    }
    dropped_ += view.size();
    return;
  }
  const ssize_t put = retry_on_eintr(
      [&] { return ::send(fd_.get(), view.data(), view.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (put < 0 && !would_block(errno)) {
    const int error = errno;
    lost_ += view.size();
    return write_failed(error);
  }
  const auto size = static_cast<std::size_t>(std::max<ssize_t>(put, 0));
  sent_ += size;
  if (size > 0) moved();
  if (size < view.size()) wait(bytes, size);
}

void HubPeer::wait(const SharedBytes& bytes, std::size_t sent) {
  queue_.push(bytes, sent);
  if (queue_.cost() > hub_.plan().buffer) set_over(true);
  update_watch();
}

void HubPeer::write() {
  while (!queue_.is_empty()) {
    std::array<iovec, kPiecesPerCall> space;  // NOLINT(*-member-init): filled
    const std::span<iovec> pieces =
        queue_.fill(std::span(space).first(keeps_records_ ? 1 : space.size()));
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t put =
        retry_on_eintr([&] { return ::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (put < 0 && would_block(errno)) break;
    if (put < 0) return write_failed(errno);
    sent_ += static_cast<std::size_t>(put);
    moved();
    queue_.consume(static_cast<std::size_t>(put));
  }
  // Half of it: so that speakers are not woken for each byte that it reads.
  if (queue_.cost() <= hub_.plan().buffer / 2) set_over(false);
  advance();
}

/// What it has said before it broke is heard first: reading tells when that is through.
void HubPeer::write_failed(int error) {
  write_error_ = Error::from_errno(error, "send");
  lost_ += queue_.bytes();
  queue_.clear();
  set_over(false);
  set_takes(false);
  if (!speaks_) return finish(HubEnd::failed, std::move(write_error_));
  update_watch();
}

void HubPeer::end_of_source() {
  if (has_ended_) return;
  has_source_ended_ = true;
  const HubPlan& plan = hub_.plan();
  set_takes(false);
  is_leaving_ = false;
  switch (plan.on_source_eof) {
    case OnStdinEof::half_close:
      wants_half_close_ = true;
      break;
    case OnStdinEof::after_reply:
      wants_half_close_ = received_ > 0;
      break;
    case OnStdinEof::close:
      is_closing_ = true;
      break;
    case OnStdinEof::keep:
      break;
  }
  if (plan.direction == Direction::send_only || !speaks_) is_closing_ = true;
  advance();
}

void HubPeer::interrupt() {
  if (has_ended_) return;
  if (speaks_) {
    speaks_ = false;
    hub_.says_no_more(*this);
  }
  orderly_end_ = HubEnd::interrupted;
  set_takes(false);
  is_closing_ = true;
  if (queue_.is_empty()) return advance();
  write();
  // A peer that does not read is not waited for.
  if (!has_ended_ && !queue_.is_empty()) finish(orderly_end_);
}

/// What follows from its state, whatever has changed it.
void HubPeer::advance() {
  if (has_ended_) return;
  if (queue_.is_empty()) {
    if (wants_half_close_ || is_closing_) half_close();
    if (is_closing_) return linger();
    if (has_source_ended_ && hub_.plan().quit_after && !end_timer_) return arm_quit_timer();
  }
  update_watch();
}

void HubPeer::half_close() {
  if (std::exchange(is_shut_, true)) return;
  // A failure means that the connection is gone: reading tells how.
  has_sent_end_ = ::shutdown(fd_.get(), SHUT_WR) == 0;
}

void HubPeer::arm_quit_timer() {
  Loop& loop = *hub_.loop();
  end_timer_ = std::make_unique<TimeWatch>(loop.timers(), [this] {
    is_closing_ = true;
    advance();
  });
  end_timer_->arm(saturating_add(loop.now(), *hub_.plan().quit_after));
  update_watch();
}

/// All is sent; it is over once the peer's kernel has it.
void HubPeer::linger() {
  if (sent_ == 0 || unacknowledged_bytes(fd_.get(), has_sent_end_) == 0)
    return finish(orderly_end_);
  if (const std::optional<int> error = lost_connection(fd_.get()))
    return finish(HubEnd::failed, Error::from_errno(*error, "send"));
  if (orderly_end_ == HubEnd::interrupted && unsent_bytes(fd_.get(), has_sent_end_) > 0)
    return finish(orderly_end_);
  Loop& loop = *hub_.loop();
  if (!is_lingering_) {
    is_lingering_ = true;
    acknowledgement_delay_ = kFirstLook;
    end_timer_ = std::make_unique<TimeWatch>(loop.timers(), [this] { linger(); });
  }
  end_timer_->arm(saturating_add(loop.now(), acknowledgement_delay_));
  acknowledgement_delay_ = std::min(acknowledgement_delay_ * 2, kLastLook);
  update_watch();
}

void HubPeer::finish(HubEnd end, std::optional<Error> error) {
  if (has_ended_) return;
  speaks_ = false;
  has_ended_ = true;
  set_over(false);
  set_takes(false);
  result_.end = end;
  result_.error = std::move(error);
  const std::uint64_t unacknowledged =
      std::min(sent_, sent_ == 0 ? 0 : unacknowledged_bytes(fd_.get(), has_sent_end_));
  result_.sent = sent_ - unacknowledged;
  result_.received = received_;
  result_.undelivered = queue_.bytes() + lost_ + unacknowledged;
  result_.dropped = dropped_;
  queue_.clear();
  stop_watching();
  hub_.peer_over();
}

void HubPeer::stop_watching() noexcept {
  watch_.stop();
  if (std::exchange(awaits_hangup_, false)) hub_.forget_hangup(fd_.get());
  if (idle_timer_) idle_timer_->disarm();
  if (end_timer_) end_timer_->disarm();
  if (throttle_) throttle_->timer.disarm();
  fd_.reset();
}

void HubPeer::abandon() noexcept {
  has_ended_ = true;
  stop_watching();
}

void HubPeer::moved() {
  if (!idle_timer_) return;
  Loop& loop = *hub_.loop();
  idle_timer_->arm(saturating_add(loop.now(), hub_.plan().idle_timeout));
}

void HubPeer::update() {
  if (!has_ended_) update_watch();
}

void HubPeer::update_watch() {
  if (has_ended_) return;
  IoEvents wanted;
  if (speaks_ && !is_closing_ && !waits_for_rate_ && (!has_unread_ || hub_.may_speak(*this)))
    wanted = wanted.with(IoEvent::read);
  if (!queue_.is_empty()) wanted = wanted.with(IoEvent::write);
  if (watch_.is_started())
    watch_.want(wanted);
  else if (!wanted.empty())
    watch_.start(fd_.get(), wanted);
}

}  // namespace ioa::cli
