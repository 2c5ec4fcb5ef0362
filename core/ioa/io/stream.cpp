#include "ioa/io/stream.hpp"

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/io/stream_queues.hpp"
#include "ioa/io/stream_settings.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {

Stream::Stream() : Handle(SelfDriven()) {}
Stream::Stream(UniqueFd fd) : Handle(SelfDriven()) { set_handle(std::move(fd)); }
Stream::Stream(UniqueFd read_fd, UniqueFd write_fd) : Handle(SelfDriven()) {
  set_handles(std::move(read_fd), std::move(write_fd));
}
Stream::~Stream() = default;

Stream::Settings& Stream::settings() {
  if (!settings_) settings_ = std::make_unique<Settings>();
  return *settings_;
}

void Stream::on_read_eof(StreamCallback callback) { settings().on_read_eof = std::move(callback); }
void Stream::on_read_error(ErrorCallback callback) {
  settings().on_read_error = std::move(callback);
}
void Stream::on_read_high(StreamCallback callback) {
  settings().on_read_high = std::move(callback);
}
void Stream::on_read_low(StreamCallback callback) { settings().on_read_low = std::move(callback); }
void Stream::on_write_eof(StreamCallback callback) {
  settings().on_write_eof = std::move(callback);
}
void Stream::on_write_error(ErrorCallback callback) {
  settings().on_write_error = std::move(callback);
}
void Stream::on_outgoing_empty(StreamCallback callback) {
  settings().on_outgoing_empty = std::move(callback);
}
void Stream::on_write_blocked(StreamCallback callback) {
  settings().on_write_blocked = std::move(callback);
}
void Stream::on_write_unblocked(StreamCallback callback) {
  settings().on_write_unblocked = std::move(callback);
}
void Stream::on_writable(StreamCallback callback) { settings().on_writable = std::move(callback); }

void Stream::set_transport(std::unique_ptr<Transport> transport) {
  Settings& settings = this->settings();
  settings.transport = std::move(transport);
  settings.read_waits_for_write = settings.write_waits_for_read = false;
  start_io();
}

// --- In and out of a loop -------------------------------------------------------------------

void Stream::handles_set() {
  is_read_eof_ = is_read_failed_ = is_eof_announced_ = false;
  is_write_eof_ = is_closing_ = is_shutting_down_ = is_shut_down_ = is_closed_ = false;
  reads_no_socket_ = writes_no_socket_ = false;
  if (settings_) {
    settings_->transport.reset();
    settings_->read_waits_for_write = settings_->write_waits_for_read = false;
    settings_->found_failure = settings_->failure = nullptr;
    settings_->is_found_eof = settings_->is_found_thrown = false;
    settings_->blocked = Settings::Blocked::no;
    settings_->is_mark_told = false;
  }
  start_io();
}

void Stream::added_to_loop(Loop& loop) {
  Handle::added_to_loop(loop);
  start_io();
  if (settings_ &&
      (settings_->tasks_now | settings_->tasks_soon | settings_->tasks_after_reactions) != 0)
    defer(Task{});
}

void Stream::removing_from_loop(Loop& loop) {
  if (settings_) settings_->deferred.reset();
  Handle::removing_from_loop(loop);
}

/// Has the Loop do whatever can be done with the descriptors that there are.
void Stream::start_io() {
  if (loop() == nullptr) return;
  if (write_fd() >= 0 && (has_queue() || (is_shutting_down_ && !is_shut_down_)))
    wait_to_write(IoEvent::write);
  offer_unread();
  update_read_interest();
}

// --- Later ----------------------------------------------------------------------------------

void Stream::defer(Task task, When when) {
  Settings& settings = this->settings();
  (when == When::soon ? settings.tasks_soon : settings.tasks_after_reactions) |=
      static_cast<unsigned>(task);
  if (loop() == nullptr || settings.deferred) return;
  settings.deferred.emplace(*loop(), [this] { run_deferred(); });
  settings.deferred->schedule();
}

/// Runs what was deferred. What waits for reactions lets this call pass and takes the next one:
/// between two generations of deferred calls the ReadyQueue is drained.
void Stream::run_deferred() {
  Settings& settings = *settings_;
  settings.deferred.reset();  // so that a turn inside a callback can defer anew
  settings.tasks_now |= std::exchange(settings.tasks_soon, settings.tasks_after_reactions);
  settings.tasks_after_reactions = 0;
  if (settings.tasks_soon != 0) defer(Task{});
  try {
    while (settings.tasks_now != 0 && loop() != nullptr) {
      const unsigned first = settings.tasks_now & ~(settings.tasks_now - 1);
      settings.tasks_now &= ~first;
      run(static_cast<Task>(first));
    }
  } catch (...) {
    if (settings.tasks_now != 0) defer(Task{});
    throw;
  }
}

void Stream::run(Task task) {
  switch (task) {
    case Task::fail_write:
      return fail_write();
    case Task::tell_failure:
      return tell_failure();
    case Task::close_failed:
      return close_failed();
    case Task::announce_blocked:
      return announce_blocked();
    case Task::announce_sent:
      return announce_sent();
    case Task::read_more:
      if (wants_to_read()) read_step();
      return;
    case Task::call_readers:
      return call_readers();
    case Task::present_unread:
      return present_unread();
    case Task::announce_mark:
      return announce_mark();
    case Task::announce_eof:
      return announce_eof();
  }
}

// --- Ending ---------------------------------------------------------------------------------

void Stream::close() {
  if (loop() == nullptr || write_fd() < 0 || !has_queue()) {
    if (settings_ && settings_->transport && write_fd() >= 0)
      static_cast<void>(
          settings_->transport->shutdown(write_fd()));  // what does not fit is no loss
    return close_now();
  }
  is_closing_ = true;
  drop_read_interest();
  if (in_) in_->fail_all(closed_error("read"));
}

void Stream::close_now() {
  if (is_open())
    close_handles();
  else
    sides_closed(IoEvents(IoEvent::read).with(IoEvent::write));
}

void Stream::sides_closed(IoEvents sides) {
  if (sides.has(IoEvent::read)) {
    want_read_ready(false);
    drops_presented_ = is_presenting_;
    if (const auto in = std::move(in_)) in->fail_all(closed_error("read"));
    is_over_mark_ = false;
  }
  if (sides.has(IoEvent::write)) {
    want_write_ready(false);
    if (const auto out = std::move(out_)) out->fail_all(closed_error("write"));
    is_full_ = false;
  }
  if (settings_ && settings_->transport) settings_->transport->closed(sides);
  if (is_open()) return;
  is_closed_ = true;
  if (settings_) {
    settings_->deferred.reset();
    settings_->tasks_now = settings_->tasks_soon = settings_->tasks_after_reactions = 0;
  }
}

Error Stream::make_error(std::error_code code, const char* operation) const {
  std::string subject(name());
  if (code.category() == std::system_category())
    return Error::from_errno(code.value(), operation, std::move(subject));
  return {ErrorKind::failed, code, operation, std::move(subject)};
}

std::exception_ptr Stream::closed_error(const char* operation) const {
  return std::make_exception_ptr(
      Error(ErrorKind::disconnected, {}, operation, std::string(name()), "the stream is closed"));
}

}  // namespace ioa
