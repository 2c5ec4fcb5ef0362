#include "ioa/libevent/wake_sources.hpp"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>

namespace ioa::detail {

Alarm::Alarm(event_base* base, WakeTarget& target) : base_(base), target_(target) {
  evtimer_assign(&fallback_, base, &Alarm::fallback_fired, this);
  open();
}

Alarm::~Alarm() { event_del(&fallback_); }

void Alarm::open() {
  fd_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd_) return;
  event_.emplace(base_, fd_.get(), short{EV_READ}, &Alarm::fired, this);
  if (!event_->set_active(true)) throw libevent_error("watch", "timerfd");
}

void Alarm::arm(TimePoint deadline) {
  has_fired_ = false;
  if (deadline >= armed_for_) return;
  if (!fd_) open();
  if (!fd_) return arm_fallback(deadline);
  const auto since_epoch = deadline.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
  itimerspec spec{};
  spec.it_value.tv_sec = seconds.count();
  spec.it_value.tv_nsec = (since_epoch - seconds).count();
  if (::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0)
    throw Error::from_errno(errno, "timerfd_settime");
  armed_for_ = deadline;
}

void Alarm::arm_fallback(TimePoint deadline) {
  const Duration left = std::max(deadline - Clock::now(), Duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const auto rest = std::chrono::ceil<std::chrono::microseconds>(left - seconds);
  const timeval delay{seconds.count(), rest.count()};
  if (event_add(&fallback_, &delay) != 0) throw libevent_error("watch", "timer");
  armed_for_ = deadline;
}

void Alarm::fired(evutil_socket_t fd, short, void* self) {
  std::uint64_t expirations = 0;
  if (::read(fd, &expirations, sizeof expirations) > 0) static_cast<Alarm*>(self)->tell();
}

void Alarm::fallback_fired(evutil_socket_t, short, void* self) {
  static_cast<Alarm*>(self)->tell();
}

void Alarm::tell() {
  armed_for_ = TimePoint::max();
  has_fired_ = true;
  target_.woken(Wake::alarm);
}

Waker::Waker(event_base* base, WakeTarget& target)
    : target_(target),
      fd_(opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      is_edge_((event_base_get_features(base) & EV_FEATURE_ET) != 0),
      event_(base, fd_.get(), is_edge_ ? EV_READ | EV_ET : EV_READ, &Waker::woken, this) {
  if (!event_.set_active(true)) throw libevent_error("watch", "eventfd");
}

void Waker::wake() noexcept {
  const int saved = errno;
  static_cast<void>(::eventfd_write(fd_.get(), 1));  // EAGAIN: it is awake already
  errno = saved;
}

void Waker::woken(evutil_socket_t fd, short, void* self) {
  const auto& waker = *static_cast<Waker*>(self);
  waker.target_.woken(Wake::event);
  // Where every write is an edge nobody has to read: one system call less for each wake-up.
  if (waker.is_edge_) return;
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(fd, &count));
}

}  // namespace ioa::detail
