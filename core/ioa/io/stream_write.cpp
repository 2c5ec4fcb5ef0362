#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/io/plain_io.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/io/stream_queues.hpp"
#include "ioa/io/stream_settings.hpp"
#include "ioa/io/stream_trace.hpp"

namespace ioa {

// --- Taking bytes ---------------------------------------------------------------------------

void Stream::write(std::string_view bytes) {
  if (bytes.empty() || !takes_writes()) return;
  if (may_send()) {
    const IoResult result = send(bytes);
    if (result.status == IoResult::Status::done) bytes.remove_prefix(result.size);
    if (result.status == IoResult::Status::failed) {
      settings().write_error = result.error;
      defer(Task::fail_write);
    }
  }
  if (!bytes.empty())
    enqueue(bytes);
  else if (settings_ && settings_->on_outgoing_empty)
    defer(Task::announce_sent);
}

Future<> Stream::write_done(std::string_view bytes) {
  if (!bytes.empty() && !takes_writes())
    return Future<>::failed(settings_ && settings_->failure ? settings_->failure
                                                            : closed_error("write"));
  write(bytes);
  return flushed();
}

Future<> Stream::flushed() {
  if (settings_ && settings_->failure) return Future<>::failed(settings_->failure);
  if (pending_bytes() == 0) return Future<>::resolved();
  return outgoing().wait_flushed();
}

Future<> Stream::writable() {
  if (settings_ && settings_->failure) return Future<>::failed(settings_->failure);
  if (!takes_writes()) return Future<>::failed(closed_error("write"));
  if (!is_full_) return Future<>::resolved();
  return outgoing().wait_writable();
}

void Stream::set_write_marks(std::size_t low, std::size_t high) {
  IOA_ASSERT(low <= high && high > 0, "a low mark is not above the high one");
  settings().write_low = low;
  settings().write_high = high;
}

std::size_t Stream::pending_bytes() const noexcept { return out_ ? out_->bytes.size() : 0; }

detail::Outgoing& Stream::outgoing() {
  if (!out_) out_ = std::make_unique<detail::Outgoing>();
  return *out_;
}

bool Stream::takes_writes() const noexcept {
  if (is_closing_ || is_shutting_down_ || (settings_ && settings_->failure)) return false;
  return write_fd() >= 0 || is_unopened();
}

bool Stream::may_send() const noexcept {
  return loop() != nullptr && write_fd() >= 0 && pending_bytes() == 0;
}

void Stream::enqueue(std::string_view bytes) {
  outgoing().bytes.append(bytes);
  if (pending_bytes() >= (settings_ ? settings_->write_high : kWriteHigh)) is_full_ = true;
  if (loop() == nullptr || write_fd() < 0) return;
  if (settings_ && (settings_->write_error || settings_->write_waits_for_read)) return;
  want_write_ready(true);
}

// --- Sending --------------------------------------------------------------------------------

IoResult Stream::send(std::string_view bytes) {
  if (settings_ && settings_->transport) {
    const IoResult result = settings_->transport->write(write_fd(), bytes);
    detail::count_write(*this, result, bytes);
    if (result.status == IoResult::Status::blocked) wait_to_write(result.waits_for);
    return result;
  }
  bool is_socket = !writes_no_socket_;
  const IoResult result = detail::write_descriptor(write_fd(), bytes, is_socket);
  detail::count_write(*this, result, bytes);
  writes_no_socket_ = !is_socket;
  return result;
}

void Stream::wait_to_write(IoEvent event) {
  if (settings_) settings_->write_waits_for_read = event == IoEvent::read;
  if (event == IoEvent::read)
    want_read_ready(true);
  else
    want_write_ready(true);
}

void Stream::write_ready() {
  if (settings_ && std::exchange(settings_->read_waits_for_write, false)) {
    if (wants_to_read()) read_step();
    if (loop() == nullptr || !is_open()) return;
  }
  if (settings_ && settings_->write_error) return static_cast<void>(want_write_ready(false));
  const bool waits = settings_ && settings_->write_waits_for_read;
  if (!waits && (pending_bytes() > 0 || (is_shutting_down_ && !is_shut_down_)))
    write_step();
  else if (!settings_ || !settings_->read_waits_for_write)
    want_write_ready(false);
}

void Stream::write_step() {
  if (pending_bytes() == 0) return finish_writing();
  const IoResult result = send(out_->bytes.view());
  if (result.status == IoResult::Status::failed) {
    settings().write_error = result.error;
    return fail_write();
  }
  if (result.status != IoResult::Status::done) return;
  out_->sent(result.size);
  if (pending_bytes() > 0) want_write_ready(true);  // it may have waited for something else
  if (is_full_) {
    const std::size_t low = settings_ ? settings_->write_low : kWriteLow;
    is_full_ = pending_bytes() > 0 && pending_bytes() >= low;
    if (!is_full_) {
      out_->has_become_writable();
      if (pending_bytes() == 0) out_.reset();
      if (settings_) settings_->on_writable(*this);
    }
  }
  if (pending_bytes() > 0) return;
  out_.reset();
  announce_sent();
  if (is_writing()) finish_writing();
}

bool Stream::is_writing() const noexcept { return loop() != nullptr && write_fd() >= 0; }

void Stream::announce_sent() {
  if (pending_bytes() == 0 && is_writing() && settings_) settings_->on_outgoing_empty(*this);
}

/// The queue is empty: what was to follow it follows.
void Stream::finish_writing() {
  if (pending_bytes() > 0) return;
  if (is_closing_)
    close();
  else if (is_shutting_down_ && !is_shut_down_)
    shut_down_now();
}

void Stream::shutdown_write() {
  if (!takes_writes()) return;
  is_shutting_down_ = true;
  if (pending_bytes() == 0 && write_fd() >= 0) shut_down_now();
}

void Stream::shut_down_now() {
  if (settings_ && settings_->transport) {
    const IoResult result = settings_->transport->shutdown(write_fd());
    if (result.status == IoResult::Status::blocked) {
      if (loop() != nullptr) wait_to_write(result.waits_for);
      return;
    }
  }
  is_shut_down_ = true;
  // Also where the write side is a descriptor of its own: another one may be the same socket.
  static_cast<void>(::shutdown(write_fd(), SHUT_WR));
  if (write_fd() != read_fd()) close_write();
}

// --- Failing --------------------------------------------------------------------------------

/// Tells the write error that was found. The queue is gone before anyone is called, so that it is
/// not tried again.
void Stream::fail_write() {
  if (!is_writing() || !settings_->write_error) return;
  const Error error = make_error(settings_->write_error, "write");
  const bool is_eof = settings_->write_error == std::error_code(EPIPE, std::system_category());
  settings_->write_error.clear();
  settings_->failure = std::make_exception_ptr(error);
  want_write_ready(false);
  is_write_eof_ = is_eof;
  is_full_ = false;
  const auto out = std::move(out_);
  if (is_eof) settings_->on_write_eof(*this);
  if (out) out->fail_all(settings_->failure);
  if (!is_writing()) return;
  const bool is_handled = static_cast<bool>(settings_->on_write_error);
  if (is_handled) settings_->on_write_error(*this, error);
  if (is_writing() && (is_closing_ || !is_handled)) close_now();
}

}  // namespace ioa
