#include "ioa/libevent/guest_backend.hpp"

#include <event2/event.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/libevent/persistent_event.hpp"

namespace ioa::detail {

/// A descriptor, whose readiness gets a turn.
class GuestBackend::Io final : public IoRegistration, private IoTarget {
 public:
  Io(GuestBackend& backend, int fd, IoTarget& target)
      : backend_(backend), target_(target), fd_(fd) {
    if (backend_.can_poll(fd))
      polled_ = backend_.LibeventBackend::register_io(fd, *this);
    else
      backend_.files_.push_back(this);
  }
  ~Io() override { std::erase(backend_.files_, this); }

  void want(IoEvents events) override {
    if (polled_) return polled_->want(events);
    wanted_ = events;
    // In a turn the end of it sees to that, elsewhere nobody would.
    if (!events.empty() && !backend_.is_turning_ && !backend_.is_waiting_) backend_.pulse_soon();
  }
  int fd() const noexcept override { return fd_; }

  /// Of what is always ready.
  IoEvents wanted() const noexcept { return wanted_; }
  void tell() noexcept { target_.io_ready(wanted_); }

 private:
  void io_ready(IoEvents events) noexcept override {
    target_.io_ready(events);
    backend_.woken(Wake::event);
  }

  GuestBackend& backend_;
  IoTarget& target_;
  const int fd_;
  IoEvents wanted_;
  std::unique_ptr<IoRegistration> polled_;
};

/// What is recorded meanwhile needs no pulse, since a turn is there to look at it. When `leaves` is
/// set, the base gets one at the end of it, for what that turn leaves to do.
class GuestBackend::Waiting {
 public:
  Waiting(GuestBackend& backend, bool leaves) : backend_(backend), leaves_(leaves) {
    backend_.is_waiting_ = true;
    backend_.has_news_ = false;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    backend_.is_waiting_ = false;
    if (leaves_) backend_.pulse_soon();
  }

 private:
  GuestBackend& backend_;
  const bool leaves_;
};

GuestBackend::GuestBackend(event_base* base, Turn turn)
    : LibeventBackend(base, false), turn_(std::move(turn)) {
  arm_alarm(TimePoint::max());  // made here, where a failure can be told
  evtimer_assign(&pulse_, base, &GuestBackend::pulsed, this);
  pulse_soon();
}

GuestBackend::~GuestBackend() { event_del(&pulse_); }

void GuestBackend::pulse_soon() noexcept {
  // Not event_active(): the base runs what is activated in a callback before it polls again, so a
  // turn that leaves work each time would starve everything else.
  const timeval none{};
  event_add(&pulse_, &none);
}

void GuestBackend::woken(Wake reason) noexcept {
  if (!is_waiting_)
    event_active(&pulse_, EV_TIMEOUT, 0);
  else if (reason == Wake::event)
    has_news_ = true;
}

void GuestBackend::pulsed(int, short, void* self) {
  auto& backend = *static_cast<GuestBackend*>(self);
  if (backend.is_waiting_ || backend.is_turning_) return;
  backend.is_turning_ = backend.may_gather_ = true;
  const std::optional<TimePoint> next = backend.turn_();
  backend.is_turning_ = false;
  backend.attend(next);
}

void GuestBackend::attend(std::optional<TimePoint> next) {
  if (has_always_ready() || has_ready_files() || (next && *next <= now()))
    pulse_soon();
  else if (next)
    arm_alarm(*next);
}

void GuestBackend::break_base() noexcept { event_base_loopbreak(base()); }

void GuestBackend::wait(std::optional<TimePoint> deadline) {
  if (is_turning_) {
    if (!std::exchange(may_gather_, false))
      throw std::logic_error("a guest Loop cannot wait inside its own callbacks");
    const Waiting waiting(*this, false);
    look_for_closed_descriptors();
    tell_always_ready();
    tell_files();
    return;
  }
  const Waiting waiting(*this, true);
  run_base(deadline);
  tell_always_ready();
  tell_files();
}

void GuestBackend::run_base(std::optional<TimePoint> deadline) {
  event_del(&pulse_);
  const bool must_not_wait =
      has_always_ready() || has_ready_files() || (deadline && *deadline <= now());
  if (must_not_wait) return run_pass(EVLOOP_ONCE | EVLOOP_NONBLOCK);
  do {
    if (deadline) arm_alarm(*deadline);
    run_pass(EVLOOP_ONCE);
    // What was not for the Loop is no reason to end the wait, but who owns the base may end it.
  } while (!has_news_ && !(deadline && *deadline <= now()) && !event_base_got_break(base()) &&
           !event_base_got_exit(base()));
}

void GuestBackend::run_pass(int flags) {
  errno = 0;
  try {
    run_events(flags);
  } catch (const Error&) {
    if (errno != 0) throw;  // else libevent has refused, since its loop is on the stack
    throw std::logic_error("a guest Loop cannot wait inside a callback of its event_base");
  }
}

std::unique_ptr<Backend::IoRegistration> GuestBackend::register_io(int fd, IoTarget& target) {
  return std::make_unique<Io>(*this, fd, target);
}

bool GuestBackend::can_poll(int fd) const {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    throw Error::from_errno(errno, "watch", "descriptor " + std::to_string(fd));
  if (name() != "epoll" || S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode)) return true;
  const UniqueFd trial = opened(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event nothing{};
  return ::epoll_ctl(trial.get(), EPOLL_CTL_ADD, fd, &nothing) == 0 || errno != EPERM;
}

bool GuestBackend::has_ready_files() const noexcept {
  return std::any_of(files_.begin(), files_.end(),
                     [](const Io* file) { return !file->wanted().empty(); });
}

void GuestBackend::tell_files() noexcept {
  for (Io* file : files_) file->tell();
}

void GuestBackend::after_fork() {
  LibeventBackend::after_fork();
  arm_alarm(TimePoint::max());
  pulse_soon();
}

Watched GuestBackend::watched() const {
  Watched all = LibeventBackend::watched();
  for (const Io* file : files_)
    if (!file->wanted().empty()) all.descriptors.emplace_back(file->fd(), file->wanted());
  std::sort(all.descriptors.begin(), all.descriptors.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return all;
}

}  // namespace ioa::detail
