#include "ioa/io/hangup_watcher.hpp"

#include <sys/epoll.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {

HangupWatcher::HangupWatcher(Loop& loop) : set_(::epoll_create1(EPOLL_CLOEXEC)), watch_(loop) {
  if (!set_) throw Error::from_errno(errno, "epoll_create");
  watch_.set_callback([this](IoEvent) { look(); });
  watch_.start(set_.get(), IoEvent::read);
}

bool HangupWatcher::add(int fd, HangupTarget& target) noexcept {
  epoll_event event{};
  // Once: it stays hung up, and would be told again and again.
  event.events = EPOLLONESHOT;
  event.data.ptr = &target;
  return ::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void HangupWatcher::remove(int fd) noexcept {
  static_cast<void>(::epoll_ctl(set_.get(), EPOLL_CTL_DEL, fd, nullptr));
}

/// One a turn: who is told may take others out, or destroy this.
void HangupWatcher::look() {
  epoll_event event{};
  const int count = retry_on_eintr([&] { return ::epoll_wait(set_.get(), &event, 1, 0); });
  if (count == 1) static_cast<HangupTarget*>(event.data.ptr)->hung_up();
}

}  // namespace ioa
