#include "tests/support/fake_backend.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "ioa/base/error.hpp"

namespace ioa::test {
namespace {

constexpr std::chrono::seconds kPatience{10};  // real time, for threads at work

std::string text_of(IoEvents events) {
  std::string text;
  if (events.has(IoEvent::read)) text += "r";
  if (events.has(IoEvent::write)) text += "w";
  return text.empty() ? "-" : text;
}

}  // namespace

class FakeBackend::Io final : public IoRegistration {
 public:
  Io(FakeBackend& backend, int number, IoTarget& told)
      : target(told), number_(number), backend_(backend) {
    backend_.ios_.push_back(this);
  }
  ~Io() override { std::erase(backend_.ios_, this); }

  void want(IoEvents events) override {
    const auto refused = backend_.refused_.find(number_);
    if (refused != backend_.refused_.end() && !events.empty())
      throw Error::from_errno(refused->second, "watch", "descriptor " + std::to_string(number_));
    wanted = events;
  }

  int fd() const noexcept override { return number_; }

  IoTarget& target;
  IoEvents wanted;

 private:
  const int number_;
  FakeBackend& backend_;
};

class FakeBackend::Signal final : public SignalRegistration {
 public:
  Signal(FakeBackend& backend, int number, SignalTarget& told)
      : signal(number), target(told), backend_(backend) {
    backend_.signals_.push_back(this);
  }
  ~Signal() override { std::erase(backend_.signals_, this); }

  const int signal;
  SignalTarget& target;

 private:
  FakeBackend& backend_;
};

class FakeBackend::WallClock final : public WallClockRegistration {
 public:
  WallClock(FakeBackend& backend, WallClockTarget& told) : target(told), backend_(backend) {
    backend_.wall_clocks_.push_back(this);
  }
  ~WallClock() override { std::erase(backend_.wall_clocks_, this); }

  WallClockTarget& target;

 private:
  FakeBackend& backend_;
};

FakeBackend::FakeBackend() : waker_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!waker_) throw Error::from_errno(errno, "eventfd");
}

FakeBackend::~FakeBackend() = default;

TimePoint FakeBackend::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

void FakeBackend::advance(Duration by) {
  const std::lock_guard lock(mutex_);
  now_ = saturating_add(now_, by);
}

WallTime FakeBackend::wall_now() const {
  const std::lock_guard lock(mutex_);
  return WallTime(now_.time_since_epoch() + wall_offset_);
}

void FakeBackend::set_wall_clock(WallTime time) {
  const std::lock_guard lock(mutex_);
  wall_offset_ = time.time_since_epoch() - now_.time_since_epoch();
  was_wall_clock_set_ = true;
}

void FakeBackend::set_ready(int fd, IoEvents events) {
  {
    const std::lock_guard lock(mutex_);
    ready_[fd] = events;
  }
  static_cast<void>(::eventfd_write(waker_.get(), 1));
}

void FakeBackend::raise(int signal) {
  {
    const std::lock_guard lock(mutex_);
    raised_.insert(signal);
  }
  static_cast<void>(::eventfd_write(waker_.get(), 1));
}

void FakeBackend::refuse(int fd, int errno_value) {
  if (errno_value != 0)
    refused_[fd] = errno_value;
  else
    refused_.erase(fd);
}

IoEvents FakeBackend::watched(int fd) const {
  IoEvents events;
  for (const Io* io : ios_)
    if (io->fd() == fd) events = events.with(io->wanted);
  return events;
}

bool FakeBackend::is_watched(int signal) const {
  return std::any_of(signals_.begin(), signals_.end(),
                     [signal](const Signal* entry) { return entry->signal == signal; });
}

std::unique_ptr<Backend::IoRegistration> FakeBackend::register_io(int fd, IoTarget& target) {
  return std::make_unique<Io>(*this, fd, target);
}

std::unique_ptr<Backend::SignalRegistration> FakeBackend::register_signal(int signal,
                                                                          SignalTarget& target) {
  return std::make_unique<Signal>(*this, signal, target);
}

std::unique_ptr<Backend::WallClockRegistration> FakeBackend::register_wall_clock(
    WallClockTarget& target) {
  if (!tells_wall_clock_) return nullptr;
  return std::make_unique<WallClock>(*this, target);
}

void FakeBackend::wake() noexcept {
  const int saved = errno;
  woken_ = true;
  static_cast<void>(::eventfd_write(waker_.get(), 1));
  errno = saved;
}

void FakeBackend::wait(std::optional<TimePoint> deadline) {
  ++waits_;
  const TimePoint end = deadline.value_or(TimePoint::max());
  const auto patience_ends = Clock::now() + kPatience;
  for (;;) {
    if (collect()) return;
    if (end <= now()) return;
    if (autojump_) {
      if (end == TimePoint::max()) throw std::logic_error(stalled("would wait for ever"));
      const std::lock_guard lock(mutex_);
      now_ = end;
      ++jumps_;
      return;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience_ends - Clock::now());
    if (left.count() <= 0) throw std::logic_error(stalled("waited 10 s for another thread"));
    poll_real(left);
  }
}

bool FakeBackend::collect() {
  // The waker's descriptor is read before what it announces, or a wake-up could be lost.
  bool found = real_descriptors_ && poll_real(std::chrono::milliseconds(0));
  found = woken_.exchange(false) || found;
  found = collect_signals() || found;
  found = collect_wall_clock() || found;
  return collect_io() || found;
}

bool FakeBackend::collect_signals() {
  std::set<int> raised;
  {
    const std::lock_guard lock(mutex_);
    raised = std::exchange(raised_, {});
  }
  bool found = false;
  for (Signal* entry : signals_) {
    if (raised.count(entry->signal) == 0) continue;
    entry->target.signal_arrived();
    found = true;
  }
  return found;
}

bool FakeBackend::collect_wall_clock() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(was_wall_clock_set_, false)) return false;
  }
  for (const WallClock* entry : wall_clocks_) entry->target.wall_clock_set();
  return !wall_clocks_.empty();
}

bool FakeBackend::collect_io() {
  std::map<int, IoEvents> ready;
  {
    const std::lock_guard lock(mutex_);
    ready = ready_;
  }
  bool found = false;
  for (Io* io : ios_) {
    const auto entry = ready.find(io->fd());
    if (entry == ready.end() || io->wanted.common(entry->second).empty()) continue;
    io->target.io_ready(io->wanted.common(entry->second));
    found = true;
  }
  return found;
}

bool FakeBackend::poll_real(std::chrono::milliseconds timeout) {
  std::vector<pollfd> fds{{waker_.get(), POLLIN, 0}};
  std::vector<Io*> polled;
  for (Io* io : ios_) {
    if (!real_descriptors_ || io->wanted.empty()) continue;
    const int events = (io->wanted.has(IoEvent::read) ? POLLIN : 0) |
                       (io->wanted.has(IoEvent::write) ? POLLOUT : 0);
    fds.push_back({io->fd(), static_cast<short>(events), 0});
    polled.push_back(io);
  }
  if (::poll(fds.data(), fds.size(), static_cast<int>(timeout.count())) <= 0) return false;
  eventfd_t count = 0;
  if (fds[0].revents != 0) static_cast<void>(::eventfd_read(waker_.get(), &count));
  bool found = false;
  for (std::size_t i = 0; i < polled.size(); ++i) {
    const int events = fds[i + 1].revents;
    IoEvents ready;
    if ((events & ~POLLOUT) != 0) ready = ready.with(IoEvent::read);
    if ((events & ~POLLIN) != 0) ready = ready.with(IoEvent::write);
    ready = ready.common(polled[i]->wanted);
    if (ready.empty()) continue;
    if ((events & POLLNVAL) != 0) polled[i]->wanted = {};  // told once, as by the real ones
    polled[i]->target.io_ready(ready);
    found = true;
  }
  return found;
}

std::string FakeBackend::describe() const {
  std::string text;
  for (const Io* io : ios_)
    text += " descriptor " + std::to_string(io->fd()) + ":" + text_of(io->wanted);
  for (const Signal* entry : signals_) text += " signal " + std::to_string(entry->signal);
  return text.empty() ? "nothing is watched" : "watched:" + text;
}

Watched FakeBackend::watched() const {
  Watched all;
  std::map<int, IoEvents> descriptors;
  for (const Io* io : ios_)
    if (!io->wanted.empty()) descriptors[io->fd()] = watched(io->fd());
  all.descriptors.assign(descriptors.begin(), descriptors.end());
  for (const Signal* entry : signals_) all.signals.push_back(entry->signal);
  std::sort(all.signals.begin(), all.signals.end());
  return all;
}

std::string FakeBackend::stalled(const char* what) const {
  return std::string("FakeBackend: the loop ") + what + "; " + describe();
}

}  // namespace ioa::test
