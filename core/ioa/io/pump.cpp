#include "ioa/io/pump.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "ioa/loop/loop.hpp"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace ioa {
namespace {

// The kernel has no event for "all acknowledged": it is asked, first soon, then less often.
constexpr Duration kFirstLook = std::chrono::milliseconds(1);
constexpr Duration kLastLook = std::chrono::milliseconds(50);

bool is_tcp(int fd) noexcept {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
         (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

Error far_error(const Flow& flow) {
  return Error::from_errno(flow.error(), std::string(flow.failed_call()));
}

}  // namespace

Pump::Pump(ByteEnd near_source, ByteEnd near_sink, UniqueFd far, PumpOptions options)
    : near_source_(std::move(near_source)),
      near_sink_(options.receives ? std::move(near_sink) : ByteEnd::discard()),
      far_(ByteEnd::own(std::move(far))),
      far_reader_(ByteEnd::borrow(far_.fd())),
      options_(options) {}

void Pump::added_to_loop(Loop& loop) {
  up_.emplace(loop, near_source_, far_, pipes_);
  down_.emplace(loop, far_reader_, near_sink_, pipes_);
  if (options_.idle_timeout > Duration::zero()) {
    idle_timer_.emplace(loop.timers(), [this] { finish(PumpEnd::idle_timeout); });
    idle_timer_->arm(saturating_add(loop.now(), options_.idle_timeout));
  }
  if (options_.sends) up_->start([this] { changed(); });
  down_->start([this] { changed(); });
}

void Pump::removing_from_loop(Loop&) {
  is_over_ = true;
  idle_timer_.reset();
  quit_timer_.reset();
  acknowledgement_timer_.reset();
  // Not destroyed: a flow's callback may have brought us here.
  up_->abort();
  down_->abort();
}

void Pump::interrupt() {
  is_interrupted_ = true;
  if (!down_ || is_over_) return;
  if (down_->is_over()) return finish(PumpEnd::interrupted);
  down_->stop();
}

void Pump::changed() {
  if (is_over_) return;
  restart_idle_timer();
  if (check_failures()) return;
  if (is_interrupted_ && down_->is_over()) return finish(PumpEnd::interrupted);
  if (is_settling_) return await_end();
  if (!near_eof_handled_ && up_->state() == Flow::State::ended) near_ended();
  if (is_over_ || is_settling_) return;
  if (options_.near_eof == NearEof::after_reply && near_eof_handled_ && received() > 0)
    half_close();
  if (!far_eof_handled_ && down_->state() == Flow::State::ended) far_ended();
  if (is_over_ || is_settling_) return;
  // Drained: standard input was open and empty.
  if (up_->state() == Flow::State::stopped) return settle();
  if (near_eof_handled_ && far_eof_handled_) settle();
}

void Pump::restart_idle_timer() {
  const std::uint64_t moved = sent() + received();
  if (!idle_timer_ || moved == std::exchange(moved_, moved)) return;
  idle_timer_->arm(saturating_add(loop()->now(), options_.idle_timeout));
}

/// Ends the pump if a direction has failed. What was received before a failure is delivered first.
bool Pump::check_failures() {
  if (down_->state() == Flow::State::sink_failed) {
    const int error = down_->error();
    finish(error == EPIPE ? PumpEnd::near_left : PumpEnd::near_failed,
           Error::from_errno(error, "write", options_.near_sink_name));
  } else if (up_->state() == Flow::State::source_failed) {
    finish(PumpEnd::near_failed,
           Error::from_errno(up_->error(), "read", options_.near_source_name));
  } else if (down_->state() == Flow::State::source_failed) {
    finish(PumpEnd::far_failed, far_write_error_ ? *far_write_error_ : far_error(*down_));
  } else if (up_->state() == Flow::State::sink_failed) {
    // The answer that explains the refusal may lie in our receive buffer.
    if (!far_write_error_) far_write_error_ = far_error(*up_);
    if (!down_->is_over()) return false;
    finish(PumpEnd::far_failed, far_write_error_);
  } else {
    return false;
  }
  return true;
}

void Pump::near_ended() {
  near_eof_handled_ = true;
  on_eof_(Side::near);
  if (is_over_) return;
  if (options_.near_eof == NearEof::half_close) half_close();
  if (options_.near_eof == NearEof::close || !options_.receives) {
    half_close();
    return settle();
  }
  if (!options_.quit_after) return;
  quit_timer_.emplace(loop()->timers(), [this] {
    orderly_end_ = PumpEnd::quit;
    settle();
  });
  quit_timer_->arm(saturating_add(loop()->now(), *options_.quit_after));
}

void Pump::half_close() {
  if (std::exchange(is_shut_down_, true)) return;
  // A failure means that the connection is gone: reading tells how.
  has_sent_end_ = far_.end_writing() == 0;
}

void Pump::far_ended() {
  far_eof_handled_ = true;
  on_eof_(Side::far);
  if (is_over_) return;
  // At once, so that a pipeline sees the end. A network file system may report a failed write here.
  if (const int error = near_sink_.close())
    return finish(PumpEnd::near_failed, Error::from_errno(error, "close", options_.near_sink_name));
  if (!options_.sends) return settle();
  if (options_.far_eof == FarEof::exit) up_->drain();
}

/// Nothing more is to be sent or received: ends once what was is where it belongs.
void Pump::settle() {
  is_settling_ = true;
  if (quit_timer_) quit_timer_->disarm();
  half_close();
  if (!down_->is_over()) down_->stop();
  acknowledgement_delay_ = kFirstLook;
  await_end();
}

void Pump::await_end() {
  if (!down_->is_over()) return;
  const std::uint64_t unacknowledged = this->unacknowledged();
  if (unacknowledged == 0) {
    if (const int error = near_sink_.close())
      return finish(PumpEnd::near_failed,
                    Error::from_errno(error, "close", options_.near_sink_name));
    return finish(orderly_end_);
  }
  if (const std::optional<int> error = lost_connection())
    return finish(PumpEnd::far_failed, Error::from_errno(*error, "send"));
  if (idle_timer_ && unacknowledged < std::exchange(unacknowledged_, unacknowledged))
    idle_timer_->arm(saturating_add(loop()->now(), options_.idle_timeout));
  if (!acknowledgement_timer_)
    acknowledgement_timer_.emplace(loop()->timers(), [this] { await_end(); });
  acknowledgement_timer_->arm(saturating_add(loop()->now(), acknowledgement_delay_));
  acknowledgement_delay_ = std::min(acknowledgement_delay_ * 2, kLastLook);
}

/// Why what is not acknowledged will never be; nothing while it may.
std::optional<int> Pump::lost_connection() const noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(far_.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  tcp_info info{};
  size = sizeof info;
  if (::getsockopt(far_.fd(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return errno;
  return info.tcpi_state == TCP_CLOSE ? std::optional(ECONNRESET) : std::nullopt;
}

/// Bytes that were accepted by our kernel and have not been acknowledged by the peer's (tcp(7),
/// SIOCOUTQ). The end-of-stream mark counts there as one more.
std::uint64_t Pump::unacknowledged() const noexcept {
  int queued = 0;
  if (sent() == 0 || !is_tcp(far_.fd()) || ::ioctl(far_.fd(), SIOCOUTQ, &queued) != 0) return 0;
  if (has_sent_end_) --queued;
  return static_cast<std::uint64_t>(std::max(queued, 0));
}

void Pump::finish(PumpEnd end, std::optional<Error> error) {
  if (std::exchange(is_over_, true)) return;
  PumpResult result;
  result.end = end;
  result.error = std::move(error);
  const std::uint64_t lost = unacknowledged();
  result.sent = sent() - std::min(lost, sent());
  result.received = received();
  result.undelivered = up_ ? up_->bytes_read() - result.sent : 0;
  if (up_) result.sent_by = up_->method();
  if (down_) result.received_by = down_->method();
  remove();
  promise_.done(std::move(result));
}

}  // namespace ioa
