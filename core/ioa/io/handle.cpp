#include "ioa/io/handle.hpp"

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/future/waiters.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"

namespace ioa {

/// The watch of the write side where that is a descriptor of its own.
class Handle::WriteSide final : public IoWatchBase {
 public:
  explicit WriteSide(Handle& owner) noexcept : owner_(owner) {}
  virtual ~WriteSide() = default;

 private:
  bool io_event(IoEvent) override {
    note_callback(owner_);
    owner_.write_ready();
    return true;
  }
  Loop& watching_loop() const noexcept override { return *owner_.loop(); }

  Handle& owner_;
};

struct Handle::Extras {
  Event<void(Handle&)> on_write_ready;
  Event<void(Handle&)> on_closed;
  Waiters closed;
  std::unique_ptr<WriteSide> write_side;
};

Handle::Handle() = default;
Handle::Handle(SelfDriven) noexcept : wants_read_(false), is_self_driven_(true) {}
Handle::Handle(UniqueFd fd) { set_handle(std::move(fd)); }
Handle::Handle(UniqueFd read_fd, UniqueFd write_fd) {
  set_handles(std::move(read_fd), std::move(write_fd));
}
Handle::~Handle() = default;

Handle::Extras& Handle::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>();
  return *extras_;
}

void Handle::set_handle(UniqueFd fd) {
  stop_watching();
  is_shared_ = static_cast<bool>(fd);
  read_fd_ = std::move(fd);
  write_fd_.reset();
  handles_set();
  apply_interest();
}

void Handle::set_handles(UniqueFd read_fd, UniqueFd write_fd) {
  if (read_fd.get() == write_fd.get()) {
    static_cast<void>(write_fd.release());
    return set_handle(std::move(read_fd));
  }
  stop_watching();
  is_shared_ = false;
  read_fd_ = std::move(read_fd);
  write_fd_ = std::move(write_fd);
  handles_set();
  apply_interest();
}

void Handle::on_read_ready(Callback callback) {
  on_read_ready_ = std::move(callback);
  apply_interest();
}

void Handle::on_write_ready(Callback callback) {
  extras().on_write_ready = std::move(callback);
  apply_interest();
}

void Handle::on_closed(Callback callback) { extras().on_closed = std::move(callback); }

bool Handle::want_read_ready(bool wanted) {
  IOA_ASSERT(!wanted || read_fd() >= 0, "a Handle without a read side cannot become readable");
  const bool before = wants_read_;
  wants_read_ = wanted;
  if (before != wanted) apply_interest();
  return before;
}

bool Handle::want_write_ready(bool wanted) {
  IOA_ASSERT(!wanted || write_fd() >= 0, "a Handle without a write side cannot become writable");
  const bool before = wants_write_;
  wants_write_ = wanted;
  if (before != wanted) apply_interest();
  return before;
}

Future<> Handle::closed() {
  if (!is_open()) return Future<>::resolved();
  return extras().closed.add();
}

void Handle::close() { close_handles(); }

void Handle::close_handles() {
  if (!is_open()) return;
  stop_watching();
  is_shared_ = false;
  read_fd_.reset();
  write_fd_.reset();
  finish_close();
}

void Handle::close_read() { close_side(IoEvent::read); }
void Handle::close_write() { close_side(IoEvent::write); }

void Handle::close_side(IoEvent side) {
  UniqueFd& fd = side == IoEvent::read ? read_fd_ : write_fd_;
  const bool is_last = is_shared_ || !(side == IoEvent::read ? write_fd_ : read_fd_);
  if (is_last) {
    if (is_shared_ || fd) close_handles();
    return;
  }
  if (!fd) return;
  stop_watching();
  fd.reset();
  sides_closed(side);
  apply_interest();
}

/// The descriptors are closed; the rest of close(). Whoever is called may close again (nothing
/// happens, there is no descriptor), open anew or remove this.
void Handle::finish_close() {
  struct Rest {
    explicit Rest(Handle& closing) : handle(closing) {}
    Rest(const Rest&) = delete;
    Rest& operator=(const Rest&) = delete;
    ~Rest() { handle.leave_after_close(); }
    Handle& handle;
  };
  sides_closed(IoEvents(IoEvent::read).with(IoEvent::write));
  const Rest rest(*this);  // also if the callback throws
  trace_event<Handle>(*this, "on_closed");
  if (extras_) extras_->on_closed(*this);
}

void Handle::leave_after_close() noexcept {
  if (extras_) extras_->closed.done_all();
  if (!is_open() && !stays_when_closed_) remove();
}

void Handle::added_to_loop(Loop&) { apply_interest(); }
void Handle::removing_from_loop(Loop&) { stop_watching(); }

void Handle::read_ready() { call(IoEvent::read, on_read_ready_); }
void Handle::write_ready() {
  if (extras_) call(IoEvent::write, extras_->on_write_ready);
}
void Handle::handles_set() {}
void Handle::sides_closed(IoEvents) {}

std::string Handle::describe() const {
  const std::string read = read_fd() >= 0 ? std::to_string(read_fd()) : "";
  const std::string write = write_fd() >= 0 ? std::to_string(write_fd()) : "";
  if (is_shared_) return "rw=" + read;
  if (read.empty()) return write.empty() ? "" : "w=" + write;
  return "r=" + read + (write.empty() ? "" : ",w=" + write);
}

bool Handle::io_event(IoEvent event) {
  note_callback(*this);
  if (event == IoEvent::read)
    read_ready();
  else
    write_ready();
  return true;
}

/// Calls a callback once at a time: an event that comes in a turn inside it would else recurse for
/// as long as the descriptor stays ready, so watching is suspended there.
void Handle::call(IoEvent event, const Event<void(Handle&)>& callback) {
  if (in_call_.has(event)) {
    suspended_ = suspended_.with(event);
    apply_interest();
    return;
  }
  in_call_ = in_call_.with(event);
  trace_event<Handle>(*this, event == IoEvent::read ? "on_read_ready" : "on_write_ready");
  try {
    callback(*this);
  } catch (...) {
    finish_call(event);
    throw;
  }
  finish_call(event);
}

void Handle::finish_call(IoEvent event) {
  in_call_ = in_call_.without(event);
  if (!suspended_.has(event)) return;
  suspended_ = suspended_.without(event);
  apply_interest();
}

IoEvents Handle::interest() const noexcept {
  IoEvents events;
  if (wants_read_ && read_fd() >= 0 && (is_self_driven_ || on_read_ready_))
    events = events.with(IoEvent::read);
  if (wants_write_ && write_fd() >= 0 && (is_self_driven_ || (extras_ && extras_->on_write_ready)))
    events = events.with(IoEvent::write);
  return events.without(suspended_);
}

void Handle::apply_interest() {
  if (loop() == nullptr) return;
  const IoEvents events = interest();
  if (!read_fd_ || !write_fd_) return watch(*this, read_fd_ ? read_fd() : write_fd(), events);
  watch(*this, read_fd(), events.common(IoEvent::read));
  const IoEvents writing = events.common(IoEvent::write);
  if (!extras().write_side) {
    if (writing.empty()) return;
    extras().write_side = std::make_unique<WriteSide>(*this);
  }
  watch(*extras().write_side, write_fd(), writing);
}

void Handle::watch(IoWatchBase& side, int fd, IoEvents events) {
  if (side.is_started())
    side.want(events);
  else if (!events.empty())
    side.start(*loop(), fd, events);
}

void Handle::stop_watching() noexcept {
  stop();
  if (extras_ && extras_->write_side) extras_->write_side->stop();
}

}  // namespace ioa
