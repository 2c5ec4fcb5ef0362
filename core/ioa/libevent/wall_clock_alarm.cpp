#include "ioa/libevent/wall_clock_alarm.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>

namespace ioa::detail {

WallClockAlarm::WallClockAlarm(event_base* base, WakeTarget& target)
    : target_(target),
      fd_(opened(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create")),
      event_(base, fd_.get(), EV_READ, &WallClockAlarm::fired, this) {
  if (!arm()) throw Error::from_errno(errno, "timerfd_settime");
  if (!event_.set_active(true)) throw libevent_error("watch", "timerfd");
}

void WallClockAlarm::remove(WallClockTarget& target) noexcept { std::erase(targets_, &target); }

bool WallClockAlarm::arm() noexcept {
  constexpr int kFlags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  itimerspec spec{};
  // The last second of the kernel's 64-bit nanoseconds: only the cancellation matters.
  spec.it_value.tv_sec =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::nanoseconds::max()).count();
  // Setting it over a cancellation that has not been read reports that, although it is set.
  return ::timerfd_settime(fd_.get(), kFlags, &spec, nullptr) == 0 || errno == ECANCELED;
}

void WallClockAlarm::fired(evutil_socket_t fd, short, void* self) {
  auto& alarm = *static_cast<WallClockAlarm*>(self);
  std::uint64_t expirations = 0;
  if (::read(fd, &expirations, sizeof expirations) < 0 && errno == EAGAIN) return;
  static_cast<void>(alarm.arm());
  for (WallClockTarget* target : alarm.targets_) target->wall_clock_set();
  alarm.target_.woken(Wake::event);
}

}  // namespace ioa::detail
