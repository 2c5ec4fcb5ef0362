#include <sys/socket.h>

#include <algorithm>
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
  if (may_send()) bytes.remove_prefix(sent_at_once(send(bytes), bytes.size()));
  if (!bytes.empty())
    enqueue(bytes);
  else if (settings_ && settings_->on_outgoing_empty)
    defer(Task::announce_sent);
}

void Stream::write_gathered(std::span<const std::string_view> parts) {
  std::size_t total = 0;
  for (const std::string_view part : parts) total += part.size();
  if (total == 0 || !takes_writes()) return;
  if (!may_send() || (settings_ && settings_->transport)) {
    for (const std::string_view part : parts) write(part);
    return;
  }
  bool is_socket = !writes_no_socket_;
  const IoResult result = detail::write_descriptor(write_fd(), parts, is_socket);
  detail::count_write(*this, result, parts);
  writes_no_socket_ = !is_socket;
  std::size_t sent = sent_at_once(result, total);
  if (sent == total && settings_ && settings_->on_outgoing_empty) defer(Task::announce_sent);
  for (std::string_view part : parts) {
    const std::size_t gone = std::min(sent, part.size());
    sent -= gone;
    if (gone < part.size()) enqueue(part.substr(gone));
  }
}

/// How many of `size` bytes an attempt inside write() has sent; its failure is told later.
std::size_t Stream::sent_at_once(const IoResult& result, std::size_t size) {
  if (settings_ && result.status != IoResult::Status::failed && result.size < size) note_blocked();
  if (result.status == IoResult::Status::done) return result.size;
  if (result.status == IoResult::Status::failed) {
    find_failure(result.error);
    defer(Task::fail_write);
  }
  return 0;
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
  if (!has_queue()) return Future<>::resolved();
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

std::size_t Stream::pending_bytes() const noexcept { return out_ ? out_->size() : 0; }
bool Stream::has_queue() const noexcept { return out_ && !out_->empty(); }

detail::Outgoing& Stream::outgoing() {
  if (!out_) out_ = std::make_unique<detail::Outgoing>();
  return *out_;
}

bool Stream::takes_writes() const noexcept {
  if (is_closing_ || is_shutting_down_ || (settings_ && settings_->failure)) return false;
  return write_fd() >= 0 || is_unopened();
}

bool Stream::may_send() const noexcept { return is_writing() && !has_queue(); }

void Stream::enqueue(std::string_view bytes) {
  outgoing().append(bytes);
  mark_full();
  await_write();
}

void Stream::mark_full() noexcept {
  if (pending_bytes() >= (settings_ ? settings_->write_high : kWriteHigh)) is_full_ = true;
}

/// The queue has grown, or goes on.
void Stream::await_write() {
  if (!is_writing()) return;
  if (settings_ && (settings_->found_failure || settings_->write_waits_for_read)) return;
  if (out_->bytes.empty())
    await_piece();
  else
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
  if (settings_ && settings_->blocked != Settings::Blocked::no) {
    announce_unblocked();
    if (!is_writing()) return;
  }
  if (settings_ && std::exchange(settings_->read_waits_for_write, false)) {
    if (wants_to_read()) read_step();
    if (loop() == nullptr || !is_open()) return;
  }
  if (settings_ && settings_->found_failure) return static_cast<void>(want_write_ready(false));
  const bool waits = settings_ && settings_->write_waits_for_read;
  if (!waits && (has_queue() || is_closing_ || (is_shutting_down_ && !is_shut_down_)))
    write_step();
  else if (!settings_ || !settings_->read_waits_for_write)
    want_write_ready(false);
}

void Stream::write_step() {
  if (!has_queue()) return finish_writing();
  if (out_->has_pieces() && !load_pieces()) return;
  if (!out_->bytes.empty()) {
    const std::size_t size = out_->bytes.size();
    const IoResult result = send(out_->bytes.view());
    if (result.status == IoResult::Status::failed) {
      find_failure(result.error);
      return fail_write();
    }
    if (settings_ && result.size < size) note_blocked();
    // A turn inside a generator may have given the interest up.
    if (result.status == IoResult::Status::blocked && !(settings_ && settings_->transport))
      want_write_ready(true);
    if (result.status != IoResult::Status::done) return;
    out_->sent(result.size);
  }
  if (has_queue()) await_write();  // it may have waited for something else
  if (is_full_) update_full();
  if (has_queue() || !is_writing()) return;
  out_.reset();
  announce_sent();
  if (is_writing()) finish_writing();
}

/// Some of the queue was sent: it may have fallen below the low mark.
void Stream::update_full() {
  const std::size_t low = settings_ ? settings_->write_low : kWriteLow;
  is_full_ = pending_bytes() > 0 && pending_bytes() >= low;
  if (is_full_) return;
  out_->has_become_writable();
  if (out_->empty()) out_.reset();
  if (!settings_) return;
  try {
    settings_->on_writable(*this);
  } catch (...) {
    defer(Task::announce_sent);  // the rest of write_step() comes with the next readiness
    throw;
  }
}

bool Stream::is_writing() const noexcept { return loop() != nullptr && write_fd() >= 0; }

void Stream::announce_sent() {
  if (!has_queue() && is_writing() && settings_) settings_->on_outgoing_empty(*this);
}

/// The queue is empty: what was to follow it follows.
void Stream::finish_writing() {
  if (has_queue()) return;
  if (is_closing_)
    close();
  else if (is_shutting_down_ && !is_shut_down_)
    shut_down_now();
}

void Stream::shutdown_write() {
  if (!takes_writes()) return;
  is_shutting_down_ = true;
  if (!has_queue() && write_fd() >= 0) shut_down_now();
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

void Stream::find_failure(std::error_code code) {
  Settings& settings = this->settings();
  settings.found_failure = std::make_exception_ptr(make_error(code, "write"));
  settings.is_found_eof = code == std::error_code(EPIPE, std::system_category());
}

/// What on_write_error is told where a Future or a generator failed.
Error Stream::as_error(const std::exception_ptr& failure) const {
  std::string text = "an exception of unknown type";
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error;
  } catch (const std::exception& error) {
    text = error.what();
  } catch (...) {
  }
  return {ErrorKind::failed, {}, "write", std::string(name()), std::move(text)};
}

/// Tells the failure of writing that was found. The queue is gone before anyone is called, so that
/// it is not tried again. A handler that throws skips nothing: what follows it is deferred.
void Stream::fail_write() {
  if (!is_writing() || !settings_->found_failure) return;
  const std::exception_ptr failure = std::exchange(settings_->found_failure, nullptr);
  const bool is_eof = std::exchange(settings_->is_found_eof, false);
  settings_->failure = failure;
  want_write_ready(false);
  is_write_eof_ = is_eof;
  is_full_ = false;
  const auto out = std::move(out_);
  std::exception_ptr thrown;
  try {
    if (is_eof) settings_->on_write_eof(*this);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (out && out->fail_all(failure)) settings_->is_found_thrown = false;  // they are told of it
  if (!thrown) return tell_failure();
  defer(Task::tell_failure);
  std::rethrow_exception(thrown);
}

void Stream::tell_failure() {
  if (!is_writing() || !settings_->failure) return;
  const std::exception_ptr failure = settings_->failure;
  const bool is_untold = std::exchange(settings_->is_found_thrown, false);
  const bool is_handled = static_cast<bool>(settings_->on_write_error);
  const auto must_close = [&] { return is_closing_ || !is_handled; };
  try {
    if (is_handled)
      settings_->on_write_error(*this, as_error(failure));
    else if (is_untold)
      invoke_error(failure);  // an exception of the program's is never lost
  } catch (...) {
    if (must_close()) defer(Task::close_failed);
    throw;
  }
  if (must_close()) close_failed();
}

void Stream::close_failed() {
  if (is_writing() && settings_->failure) close_now();
}

}  // namespace ioa
