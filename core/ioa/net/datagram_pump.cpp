#include "ioa/net/datagram_pump.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/socket_side.hpp"

namespace ioa {
namespace {

// Reads within one callback, so that a busy source does not keep the others of its loop waiting.
constexpr int kReadsPerCallback = 16;
constexpr std::size_t kReadSize = std::size_t{64} << 10;
// So much is gathered for the near sink before it is written within the turn.
constexpr std::size_t kWriteSize = std::size_t{64} << 10;

}  // namespace

DatagramPump::DatagramPump(ByteEnd near_source, ByteEnd near_sink,
                           std::unique_ptr<DatagramSide> far, DatagramPumpOptions options)
    : near_source_(std::move(near_source)),
      near_sink_(options.receives ? std::move(near_sink) : ByteEnd::discard()),
      options_(std::move(options)),
      far_(std::move(far)),
      cutter_(options_.framing, options_.chunk_size, options_.longest) {}

DatagramPump::DatagramPump(ByteEnd near_source, ByteEnd near_sink, UniqueFd far,
                           DatagramPumpOptions options)
    : DatagramPump(std::move(near_source), std::move(near_sink), nullptr, std::move(options)) {
  far_ = std::make_unique<SocketSide>(*this, std::move(far), options_.to, options_.longest);
}

void DatagramPump::added_to_loop(Loop& loop) {
  source_watch_.emplace(loop).set_callback([this](IoEvent) { send_some(); });
  sink_watch_.emplace(loop).set_callback([this](IoEvent) { flush(); });
  send_later_.emplace(loop, [this] { send_some(); });
  flush_later_.emplace(loop, [this] { flush(); });
  quit_timer_.emplace(loop.timers(), [this] { settle(PumpEnd::quit); });
  idle_timer_.emplace(loop.timers(), [this] { finish(PumpEnd::idle_timeout); });
  send_pace_.emplace(loop.timers(), [this] { send_some(); });
  receive_pace_.emplace(loop.timers(), [this] { flush(); });
  if (options_.rate > 0) {
    send_bucket_.emplace(options_.rate, loop.now());
    receive_bucket_.emplace(options_.rate, loop.now());
  }
  is_packet_stream_ = far_->has_end();
  far_->start(*this);
  restart_idle_timer();
  if (options_.sends) send_later_->schedule();
}

void DatagramPump::add_filter(Side towards, ByteFilter& filter) {
  (towards == Side::far ? send_filters_ : receive_filters_).push_back(&filter);
}

void DatagramPump::removing_from_loop(Loop&) {
  is_over_ = true;
  source_watch_->stop();  // not destroyed: its callback may have brought us here
  sink_watch_->stop();
  send_later_->call_off();
  flush_later_->call_off();
  quit_timer_->disarm();
  idle_timer_->disarm();
  send_pace_->disarm();
  receive_pace_->disarm();
}

// --- Sending --------------------------------------------------------------------------------

void DatagramPump::send_some() {
  if (is_ending() || !options_.sends || has_sent_all_) return;
  if (has_source_ended_) return source_has_ended();
  for (int i = 0; i < kReadsPerCallback; ++i) {
    if (!cut_and_send(DatagramCutter::Input::more)) return source_watch_->stop();
    std::array<char, kReadSize> space;
    const ssize_t size = near_source_.read(space);
    const int error = size < 0 ? errno : 0;
    if (size > 0) {
      add_input({space.data(), static_cast<std::size_t>(size)});
    } else if (size == 0) {
      has_source_ended_ = true;
      return source_has_ended();
    } else if (!would_block(error)) {
      return end_with(PumpEnd::near_failed,
                      Error::from_errno(error, "read", options_.near_source_name));
    } else {
      if (!cut_and_send(DatagramCutter::Input::waiting)) return source_watch_->stop();
      if (!is_draining_) return source_watch_->start(near_source_.fd(), IoEvent::read);
      has_source_ended_ = true;  // as far as it counts
      return source_has_ended();
    }
  }
  send_later_->schedule();
}

void DatagramPump::add_input(std::string_view bytes) {
  for (ByteFilter* filter : send_filters_) bytes = filter->transform(bytes);
  cutter_.add(bytes);
  read_ += bytes.size();
}

/// What the far side has kept was received, too.
void DatagramPump::interrupt() {
  while (!is_ending()) {
    const std::optional<ReceivedDatagram> datagram = far_->take_kept();
    if (!datagram) break;
    received(datagram->view());
  }
  end_with(PumpEnd::interrupted);
}

void DatagramPump::end_near() {
  if (is_ending() || has_sent_all_) return settle(PumpEnd::complete);
  is_draining_ = true;
  send_later_->schedule();
}

void DatagramPump::source_has_ended() {
  source_watch_->stop();
  if (cut_and_send(DatagramCutter::Input::ended)) all_sent();
}

/// Whether the rate allows another datagram now; if not, it is gone on with when it does.
bool DatagramPump::may_send() {
  if (!send_bucket_ || send_bucket_->available(loop()->now()) > 0) return true;
  send_pace_->arm(send_bucket_->next());
  return false;
}

/// Sends every datagram there is. Returns false if it has ended, the rate is reached or the socket
/// is full: it says when it no longer is.
bool DatagramPump::cut_and_send(DatagramCutter::Input input) {
  try {
    while (!is_ending() && far_->is_writable() && may_send()) {
      const std::size_t before = cutter_.pending();
      const std::optional<std::string_view> datagram = cutter_.next(input);
      if (!datagram) return true;
      framing_ += before - cutter_.pending() - datagram->size();
      send(*datagram);
    }
  } catch (const Error& error) {
    end_with(PumpEnd::near_failed, Error(error.kind(), error.code(), error.operation(),
                                         options_.near_source_name, error.detail()));
  }
  return false;
}

void DatagramPump::send(std::string_view datagram) {
  settle_queue(0);
  far_->send(datagram);
  given_ += datagram.size();
  ++given_count_;
  if (far_->pending_datagrams() > queued_.size()) queued_.push_back(datagram.size());
  if (send_bucket_) send_bucket_->take(datagram.size(), loop()->now());
  restart_idle_timer();
  for (ByteFilter* filter : send_filters_) filter->delivered(datagram);
}

/// Forgets what the socket has sent; the first `failed` of the rest could not be.
void DatagramPump::settle_queue(std::size_t failed) noexcept {
  const std::size_t left = far_->pending_datagrams() + failed;
  while (queued_.size() > left) queued_.pop_front();
}

void DatagramPump::receiving_failed(const Error& error) {
  end_with(PumpEnd::far_failed,
           Error::from_errno(error.code().value(), "receive", options_.far_name));
}

void DatagramPump::sending_failed(const Error& error) {
  settle_queue(1);
  if (!queued_.empty()) {
    lost_ += queued_.front();
    ++lost_count_;
    queued_.pop_front();
  }
  end_with(PumpEnd::far_failed, Error::from_errno(error.code().value(), "send", options_.far_name));
}

/// The near source has ended, and its last datagram may have gone now.
void DatagramPump::all_sent() {
  if (is_ending() || has_sent_all_ || !has_source_ended_) return;
  if (cutter_.pending() > 0 || far_->pending_datagrams() > 0) return;
  has_sent_all_ = true;
  if (is_draining_) return settle(PumpEnd::complete);
  on_eof_(Side::near);
  if (is_ending()) return;
  if (has_peer_ended_ || options_.near_eof == NearEof::close) return settle(PumpEnd::complete);
  if (is_packet_stream_ && !options_.receives) return settle(PumpEnd::complete);
  if (!waits_for_reply()) half_close();
  if (is_packet_stream_ || !waits_for_reply()) restart_quit_timer();
}

bool DatagramPump::waits_for_reply() const noexcept {
  return options_.near_eof == NearEof::after_reply && received_count_ == 0;
}

/// "No more of ours": a packet connection can say that, with datagrams it is a matter of time.
void DatagramPump::half_close() {
  if (is_packet_stream_ && options_.near_eof != NearEof::keep) far_->end_sending();
}

// --- Receiving ------------------------------------------------------------------------------

void DatagramPump::received(const Datagram& datagram) {
  if (is_ending()) return;
  ++received_count_;
  received_ += datagram.bytes.size();
  if (datagram.is_truncated) ++truncated_;
  restart_idle_timer();
  pace_receiving(datagram.bytes.size());
  if (options_.receives) {
    std::string_view bytes = datagram.bytes;
    for (ByteFilter* filter : receive_filters_) bytes = filter->transform(bytes);
    for (ByteFilter* filter : receive_filters_) filter->delivered(bytes);
    join_datagram(options_.framing, bytes, out_);
    if (out_.size() >= kWriteSize)
      flush();
    else
      flush_later_->schedule();
  }
  if (is_ending() || !has_sent_all_) return;
  if (options_.near_eof == NearEof::after_reply && received_count_ == 1) half_close();
  if (!is_packet_stream_ && !far_->is_receiving_paused()) restart_quit_timer();
}

void DatagramPump::pace_receiving(std::size_t size) {
  if (!receive_bucket_) return;
  receive_bucket_->take(size, loop()->now());
  if (receive_bucket_->available(loop()->now()) > 0) return;
  pause_receiving();
  receive_pace_->arm(receive_bucket_->next());
}

/// Datagrams that wait in the kernel are no silence.
void DatagramPump::pause_receiving() {
  if (!is_packet_stream_) quit_timer_->disarm();
  far_->pause_receiving();
}

void DatagramPump::peer_has_ended() {
  if (is_ending()) return;
  has_peer_ended_ = true;
  on_eof_(Side::far);
  if (is_ending()) return;
  flush();
  if (is_ending()) return;
  if (has_sent_all_ || !options_.sends) return settle(PumpEnd::complete);
  if (options_.far_eof == FarEof::finish) return;
  is_draining_ = true;
  send_later_->schedule();
}

/// Closes the near sink at once when the peer has ended, so that a pipeline sees the end. A network
/// file system may report a failed write here.
void DatagramPump::close_sink() {
  is_sink_told_ = true;
  const int error = options_.near_half_closes ? near_sink_.end_writing() : near_sink_.close();
  if (error == 0 || options_.near_half_closes) return;
  finish(PumpEnd::near_failed, Error::from_errno(error, "close", options_.near_sink_name));
}

void DatagramPump::flush() {
  if (is_over_) return;
  while (!out_.empty()) {
    const ssize_t size = near_sink_.write(out_.view());
    if (size >= 0) {
      out_.consume(static_cast<std::size_t>(size));
      continue;
    }
    const int error = errno;
    if (forget_reader(error)) continue;
    if (would_block(error)) {
      pause_receiving();
      return sink_watch_->start(near_sink_.fd(), IoEvent::write);
    }
    return finish(
        error == EPIPE && options_.near_leaves_quietly ? PumpEnd::near_left : PumpEnd::near_failed,
        Error::from_errno(error, "write", options_.near_sink_name));
  }
  sink_watch_->stop();
  if (ending_) return finish(ending_->end, std::move(ending_->error));
  if (has_peer_ended_ && !is_sink_told_) return close_sink();
  if (!far_->is_receiving_paused()) return;
  if (receive_bucket_ && receive_bucket_->available(loop()->now()) == 0)
    return receive_pace_->arm(receive_bucket_->next());
  if (has_sent_all_ && !is_packet_stream_ && !waits_for_reply()) restart_quit_timer();
  far_->resume_receiving();
}

/// True if who read the near sink has gone and may: the rest of what comes is for nobody.
bool DatagramPump::forget_reader(int error) {
  if (error != EPIPE || !options_.near_reader_may_leave) return false;
  near_sink_ = ByteEnd::discard();
  unwanted_ += out_.size();
  out_.clear();
  return true;
}

// --- Time -----------------------------------------------------------------------------------

void DatagramPump::restart_idle_timer() {
  if (options_.idle_timeout <= Duration::zero() || loop() == nullptr) return;
  idle_timer_->arm(saturating_add(loop()->now(), options_.idle_timeout));
}

void DatagramPump::restart_quit_timer() {
  if (options_.quit_after) quit_timer_->arm(saturating_add(loop()->now(), *options_.quit_after));
}

// --- Ending ---------------------------------------------------------------------------------

/// Nothing more is to come. An ICMP error that has arrived and not been told counts.
void DatagramPump::settle(PumpEnd end) {
  if (is_ending()) return;
  if (const int error = far_->take_error())
    return end_with(PumpEnd::far_failed, Error::from_errno(error, "receive", options_.far_name));
  end_with(end);
}

/// Ends once the near sink has what was received.
void DatagramPump::end_with(PumpEnd end, std::optional<Error> error) {
  if (is_ending()) return;
  ending_.emplace(Ending{end, std::move(error)});
  source_watch_->stop();
  quit_timer_->disarm();
  far_->pause_receiving();
  // Not from here: this may run inside a callback of the socket.
  flush_later_->schedule();
}

std::uint64_t DatagramPump::bytes_sent() const noexcept {
  return given_ - lost_ - far_->pending_bytes();
}
std::uint64_t DatagramPump::datagrams_sent() const noexcept {
  return given_count_ - lost_count_ - far_->pending_datagrams();
}
std::uint64_t DatagramPump::bytes_received() const noexcept {
  return received_ - std::min<std::uint64_t>(out_.size(), received_);
}

void DatagramPump::finish(PumpEnd end, std::optional<Error> error) {
  if (std::exchange(is_over_, true)) return;
  if (end == PumpEnd::complete || end == PumpEnd::quit) {
    if (const int closing = near_sink_.close()) {
      end = PumpEnd::near_failed;
      error = Error::from_errno(closing, "close", options_.near_sink_name);
    }
  }
  DatagramPumpResult result;
  result.end = end;
  result.error = std::move(error);
  result.sent = bytes_sent();
  result.received = bytes_received();
  result.undelivered = read_ - framing_ - result.sent;
  result.datagrams_sent = datagrams_sent();
  result.datagrams_received = received_count_;
  result.truncated = truncated_;
  result.unwanted = unwanted_;
  result.dropped = far_->dropped();
  result.thrown_away = far_->thrown_away();
  result.kept = far_->kept();
  result.unwritten = received_ - bytes_received();
  remove();
  promise_.done(std::move(result));
}

}  // namespace ioa
