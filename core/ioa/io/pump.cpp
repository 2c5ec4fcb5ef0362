#include "ioa/io/pump.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "ioa/io/delivery.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

// The kernel has no event for "all acknowledged": it is asked, first soon, then less often.
constexpr Duration kFirstLook = std::chrono::milliseconds(1);
constexpr Duration kLastLook = std::chrono::milliseconds(50);

Error far_error(const Flow& flow) {
  return Error::from_errno(flow.error(), std::string(flow.failed_call()));
}

}  // namespace

Pump::Pump(ByteEnd near_source, ByteEnd near_sink, UniqueFd far, PumpOptions options)
    : near_source_(std::move(near_source)),
      near_sink_(options.receives ? std::move(near_sink) : ByteEnd::discard()),
      far_(ByteEnd::own_socket(std::move(far))),
      far_reader_(ByteEnd::borrow_socket(far_.fd())),
      options_(options) {}

void Pump::added_to_loop(Loop& loop) {
  up_.emplace(loop, near_source_, far_, pipes_);
  down_.emplace(loop, far_reader_, near_sink_, pipes_);
  if (options_.idle_timeout > Duration::zero()) {
    idle_timer_.emplace(loop.timers(), [this] { finish(PumpEnd::idle_timeout); });
    idle_timer_->arm(saturating_add(loop.now(), options_.idle_timeout));
  }
  for (ByteFilter* filter : up_filters_) up_->add_filter(*filter);
  for (ByteFilter* filter : down_filters_) down_->add_filter(*filter);
  up_->limit_rate(options_.rate);
  down_->limit_rate(options_.rate);
  up_->limit_buffer(options_.buffer);
  down_->limit_buffer(options_.buffer);
  if (options_.near_reader_may_leave) down_->forgive_leaving_reader();
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

void Pump::end_near() {
  has_near_gone_ = true;
  if (!up_ || is_over_ || is_settling_) return;
  if (up_->state() == Flow::State::ended) return settle();
  up_->drain();
}

void Pump::add_filter(Side towards, ByteFilter& filter) {
  (towards == Side::far ? up_filters_ : down_filters_).push_back(&filter);
}

void Pump::changed() {
  if (is_over_) return;
  restart_idle_timer();
  if (check_failures()) return;
  if (is_interrupted_ && (down_->is_over() || is_near_stuck())) return finish(PumpEnd::interrupted);
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
    const bool left = error == EPIPE && options_.near_leaves_quietly;
    finish(left ? PumpEnd::near_left : PumpEnd::near_failed,
           Error::from_errno(error, "write", options_.near_sink_name));
  } else if (up_->state() == Flow::State::source_failed) {
    finish(PumpEnd::near_failed,
           Error::from_errno(up_->error(), "read", options_.near_source_name));
  } else if (down_->state() == Flow::State::source_failed) {
    finish(PumpEnd::far_failed, far_write_error_ ? *far_write_error_ : far_error(*down_));
  } else if (up_->state() == Flow::State::sink_failed) {
    // The answer that explains the refusal may lie in our receive buffer.
    if (!far_write_error_) far_write_error_ = far_error(*up_);
    if (!down_->is_over() && !is_near_stuck()) return false;
    finish(PumpEnd::far_failed, far_write_error_);
  } else {
    return false;
  }
  return true;
}

/// Whether what was received waits for a near side that may be waiting for us.
bool Pump::is_near_stuck() const noexcept {
  return options_.near_is_one && !down_->is_over() && !down_->waits_for_source() &&
         !near_sink_.is_writable();
}

void Pump::near_ended() {
  near_eof_handled_ = true;
  on_eof_(Side::near);
  if (is_over_) return;
  // Where the peer has ended too, closing says it as well, and cannot reset the connection.
  if (options_.near_eof == NearEof::half_close && down_->state() != Flow::State::ended)
    half_close();
  if (options_.near_eof == NearEof::close || !options_.receives || has_near_gone_) {
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
  // At once, so that a pipeline sees the end.
  if (const int error = says_near_end_by_closing() ? 0 : end_near_sink())
    return finish(PumpEnd::near_failed, Error::from_errno(error, "close", options_.near_sink_name));
  if (!options_.sends) return settle();
  if (options_.far_eof == FarEof::exit) up_->drain();
}

/// Nothing more is to be sent or received: ends once what was is where it belongs.
void Pump::settle() {
  is_settling_ = true;
  if (quit_timer_) quit_timer_->disarm();
  if (down_->state() != Flow::State::ended) half_close();
  if (!down_->is_over()) down_->stop();
  acknowledgement_delay_ = kFirstLook;
  await_end();
}

void Pump::await_end() {
  if (!down_->is_over()) return;
  const std::uint64_t by_far = unacknowledged_by_far();
  if (by_far == 0) {
    if (const int error = says_near_end_by_closing() ? 0 : end_near_sink())
      return finish(PumpEnd::near_failed,
                    Error::from_errno(error, "close", options_.near_sink_name));
  }
  const std::uint64_t unacknowledged = by_far + unacknowledged_by_near();
  if (unacknowledged == 0) return finish(orderly_end_);
  if (!check_connections()) return;
  half_close();
  if (says_near_end_by_closing()) end_near_sink();
  if (idle_timer_ && unacknowledged < std::exchange(unacknowledged_, unacknowledged))
    idle_timer_->arm(saturating_add(loop()->now(), options_.idle_timeout));
  if (!acknowledgement_timer_)
    acknowledgement_timer_.emplace(loop()->timers(), [this] { await_end(); });
  acknowledgement_timer_->arm(saturating_add(loop()->now(), acknowledgement_delay_));
  acknowledgement_delay_ = std::min(acknowledgement_delay_ * 2, kLastLook);
}

/// Ends the pump if what is not acknowledged will never be.
bool Pump::check_connections() {
  if (unacknowledged_by_far() > 0) {
    if (const std::optional<int> error = lost_connection(far_.fd())) {
      finish(PumpEnd::far_failed, Error::from_errno(*error, "send"));
      return false;
    }
  }
  if (unacknowledged_by_near() > 0) {
    if (const std::optional<int> error = lost_connection(near_sink_.fd())) {
      finish(PumpEnd::near_failed, Error::from_errno(*error, "write", options_.near_sink_name));
      return false;
    }
  }
  return true;
}

std::uint64_t Pump::unacknowledged_by_far() const noexcept {
  return sent() == 0 ? 0 : unacknowledged_bytes(far_.fd(), has_sent_end_);
}

std::uint64_t Pump::unacknowledged_by_near() const noexcept {
  if (received() == 0) return 0;
  return unacknowledged_bytes(near_sink_.fd(), has_near_end_ && options_.near_half_closes);
}

/// Where the near side has ended too and is a connection, closing it says the same, which follows
/// unless something has to be waited for.
bool Pump::says_near_end_by_closing() const noexcept {
  return options_.near_half_closes && near_sink_.kind() == FdKind::socket && up_ &&
         up_->state() == Flow::State::ended;
}

/// A network file system may report a failed write when it is closed.
int Pump::end_near_sink() {
  if (!options_.near_half_closes) {
    // Once it is closed, nobody can tell whether a TCP peer has got everything.
    return unacknowledged_by_near() > 0 ? 0 : near_sink_.close();
  }
  if (std::exchange(has_near_end_, true)) return 0;
  // A failure means that who was there has gone, which reading and the acknowledgements tell.
  static_cast<void>(near_sink_.end_writing());
  return 0;
}

void Pump::finish(PumpEnd end, std::optional<Error> error) {
  if (std::exchange(is_over_, true)) return;
  PumpResult result;
  result.end = end;
  result.error = std::move(error);
  result.sent = sent();
  result.received = received();
  // An orderly end is one because the kernel has just said that all is acknowledged.
  if (end != PumpEnd::complete && end != PumpEnd::quit) {
    result.sent -= std::min(unacknowledged_by_far(), result.sent);
    result.received -= std::min(unacknowledged_by_near(), result.received);
  }
  if (down_ && down_->is_for_nobody()) result.unwanted = down_->bytes_read() - received();
  result.undelivered = up_ ? up_->bytes_read() - result.sent : 0;
  if (up_) result.sent_by = up_->method();
  if (down_) result.received_by = down_->method();
  remove();
  promise_.done(std::move(result));
}

}  // namespace ioa
