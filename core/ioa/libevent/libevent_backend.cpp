#include "ioa/libevent/libevent_backend.hpp"

#include <event2/event.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <mutex>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/libevent/persistent_event.hpp"
#include "ioa/libevent/wake_sources.hpp"
#include "ioa/libevent/wall_clock_alarm.hpp"

namespace ioa {
using detail::libevent_error;
using detail::PersistentEvent;

namespace {

void ignore_log(int, const char*) {}  // libevent prints to stderr what its results say as well

/// Which event_base of this process has signals. libevent has one table of them a process: a second
/// base takes it over, and the first one never hears of its signals again.
class SignalOwner {
 public:
  void claim(const event_base* base) {
    const std::lock_guard lock(mutex_);
    if (count_ > 0 && pid_ != ::getpid()) count_ = 0;  // the parent's, from before a fork
    IOA_ASSERT(count_ == 0 || base_ == base, "signals belong to one Loop of a process");
    base_ = base;
    pid_ = ::getpid();
    ++count_;
  }
  void release(const event_base* base) {
    const std::lock_guard lock(mutex_);
    if (base_ == base && pid_ == ::getpid()) --count_;
  }
  /// In a child that goes on with `base`, which has `count` signals.
  void inherit(const event_base* base, int count) {
    if (count == 0) return;
    const std::lock_guard lock(mutex_);
    base_ = base;
    pid_ = ::getpid();
    count_ = count;
  }

 private:
  std::mutex mutex_;
  const event_base* base_ = nullptr;
  pid_t pid_ = 0;
  int count_ = 0;
};
constinit SignalOwner signal_owner;

// Set by the "poll" method's callback, inside a wait of this thread.
constinit thread_local bool has_seen_closed_descriptor = false;

bool is_closed(int fd) { return ::fcntl(fd, F_GETFD) < 0 && errno == EBADF; }

}  // namespace

/// One descriptor. Reading and writing are two libevent events, since changing the set of one event
/// means deleting and adding it; the writing one is made when it is first wanted. What libevent
/// keeps is not kept here again: the size of this object counts once a connection.
class LibeventBackend::Io final : public IoRegistration, public FreeListed {
 public:
  Io(LibeventBackend& backend, int fd, IoTarget& target)
      : backend_(backend),
        read_(backend.base_.get(), fd, EV_READ, backend.ready_callback(), &target) {}
  ~Io() override { leave_always_ready(); }

  void want(IoEvents events) override {
    const bool was_always_ready = leave_always_ready();
    if (was_always_ready || !want_polled(events)) {
      // epoll(7) refuses what is always ready, regular files above all, with EPERM.
      if (!was_always_ready && errno != EPERM)
        throw libevent_error("watch", "descriptor " + std::to_string(read_.fd()));
      if (!events.empty()) backend_.always_ready_.push_back({this, events});
    }
  }

  int fd() const noexcept override { return read_.fd(); }
  IoTarget& target() const { return *static_cast<IoTarget*>(read_.argument()); }

  static void ready(evutil_socket_t, short what, void* target) {
    static_cast<IoTarget*>(target)->io_ready(events_of(what));
  }
  /// As ready(), for poll(2), which says of a closed descriptor that it is ready, again and again.
  static void ready_or_closed(evutil_socket_t fd, short what, void* target) {
    if (is_closed(fd)) has_seen_closed_descriptor = true;
    ready(fd, what, target);
  }
  static IoEvents events_of(int what) {
    IoEvents events;
    if ((what & EV_READ) != 0) events = events.with(IoEvent::read);
    if ((what & EV_WRITE) != 0) events = events.with(IoEvent::write);
    return events;
  }

 private:
  bool want_polled(IoEvents events) {
    if (!read_.set_active(events.has(IoEvent::read))) return false;
    if (!write_ && events.has(IoEvent::write))
      write_ = std::make_unique<PersistentEvent>(backend_.base_.get(), read_.fd(), short{EV_WRITE},
                                                 backend_.ready_callback(), &target());
    return !write_ || write_->set_active(events.has(IoEvent::write));
  }
  bool leave_always_ready() noexcept {
    if (backend_.always_ready_.empty()) return false;
    return std::erase_if(backend_.always_ready_,
                         [this](const AlwaysReady& entry) { return entry.io == this; }) > 0;
  }

  LibeventBackend& backend_;
  std::unique_ptr<PersistentEvent> write_;
  PersistentEvent read_;
};

class LibeventBackend::Signal final : public SignalRegistration {
 public:
  Signal(LibeventBackend& backend, int signal, SignalTarget& target)
      : backend_(backend),
        target_(target),
        event_(backend.base(), signal, EV_SIGNAL, &Signal::arrived, this) {
    signal_owner.claim(backend_.base());
    if (event_.set_active(true)) return;
    signal_owner.release(backend_.base());
    throw libevent_error("sigaction", "signal " + std::to_string(signal));
  }
  ~Signal() override { signal_owner.release(backend_.base()); }

  static void arrived(evutil_socket_t, short, void* self) {
    const auto& signal = *static_cast<Signal*>(self);
    signal.target_.signal_arrived();
    signal.backend_.woken(detail::Wake::event);
  }

 private:
  LibeventBackend& backend_;
  SignalTarget& target_;
  PersistentEvent event_;
};

class LibeventBackend::WallClock final : public WallClockRegistration {
 public:
  WallClock(LibeventBackend& backend, WallClockTarget& target)
      : backend_(backend), target_(target) {
    backend_.wall_alarm_->add(target_);
  }
  ~WallClock() override {
    backend_.wall_alarm_->remove(target_);
    if (!backend_.wall_alarm_->has_targets()) backend_.wall_alarm_.reset();
  }

 private:
  LibeventBackend& backend_;
  WallClockTarget& target_;
};

void LibeventBackend::FreeBase::operator()(event_base* base) const noexcept {
  if (owns) event_base_free(base);
}

std::vector<std::string> LibeventBackend::methods() {
  // Once a process: libevent builds its answer in a static array, whatever other threads do.
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const char** name = event_get_supported_methods(); *name != nullptr; ++name)
      found.emplace_back(*name);
    return found;
  }();
  return names;
}

std::unique_ptr<LibeventBackend> LibeventBackend::create(std::string_view method) {
  static const bool is_quiet = (event_set_log_callback(&ignore_log), true);
  static_cast<void>(is_quiet);
  const std::unique_ptr<event_config, void (*)(event_config*)> config(event_config_new(),
                                                                      &event_config_free);
  if (!config) throw Error::from_errno(ENOMEM, "event_config_new");
  // Nobody asks libevent for the time, so it need not read the clock each turn.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
                                          EVENT_BASE_FLAG_NO_CACHE_TIME);
  if (!method.empty())
    for (const std::string& other : methods())
      if (other != method) event_config_avoid_method(config.get(), other.c_str());
  event_base* base = event_base_new_with_config(config.get());
  if (base == nullptr)
    throw Error(ErrorKind::unsupported, {}, "event loop", std::string(method),
                "this system has no such method");
  return std::unique_ptr<LibeventBackend>(new LibeventBackend(base, true));
}

LibeventBackend::LibeventBackend(event_base* base, bool owns)
    : base_(base, FreeBase{owns}), waker_(std::make_unique<detail::Waker>(base, wake_target())) {}

LibeventBackend::~LibeventBackend() = default;

std::string_view LibeventBackend::name() const { return event_base_get_method(base_.get()); }

TimePoint LibeventBackend::now() const { return Clock::now(); }
WallTime LibeventBackend::wall_now() const { return std::chrono::system_clock::now(); }

event_callback_fn LibeventBackend::ready_callback() const {
  return name() == "poll" ? &Io::ready_or_closed : &Io::ready;
}

std::unique_ptr<Backend::IoRegistration> LibeventBackend::register_io(int fd, IoTarget& target) {
  return std::make_unique<Io>(*this, fd, target);
}

std::unique_ptr<Backend::SignalRegistration> LibeventBackend::register_signal(
    int signal, SignalTarget& target) {
  if (signal <= 0 || signal >= NSIG || signal == SIGKILL || signal == SIGSTOP)
    throw Error::from_errno(EINVAL, "sigaction", "signal " + std::to_string(signal));
  return std::make_unique<Signal>(*this, signal, target);
}

std::unique_ptr<Backend::WallClockRegistration> LibeventBackend::register_wall_clock(
    WallClockTarget& target) {
  try {
    if (!wall_alarm_)
      wall_alarm_ = std::make_unique<detail::WallClockAlarm>(base_.get(), wake_target());
  } catch (const Error&) {
    return nullptr;  // a kernel without timerfd, or a sandbox that forbids it
  }
  return std::make_unique<WallClock>(*this, target);
}

void LibeventBackend::wait(std::optional<TimePoint> deadline) {
  const bool must_not_wait =
      !always_ready_.empty() || (deadline && (*deadline == TimePoint::min() || *deadline <= now()));
  const bool has_deadline = deadline && *deadline != TimePoint::max();
  // ONCE with NONBLOCK: NONBLOCK alone spins for as long as a level-triggered event stays active.
  if (must_not_wait || (!alarm_ && !has_deadline))
    run_events(must_not_wait ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
  else
    wait_until(deadline.value_or(TimePoint::max()));
  tell_always_ready();
}

void LibeventBackend::tell_always_ready() noexcept {
  for (const AlwaysReady& entry : always_ready_) entry.io->target().io_ready(entry.wanted);
}

void LibeventBackend::arm_alarm(TimePoint deadline) {
  if (!alarm_) alarm_ = std::make_unique<detail::Alarm>(base_.get(), wake_target());
  alarm_->arm(deadline);
}

void LibeventBackend::wait_until(TimePoint deadline) {
  bool is_too_early = false;
  do {
    arm_alarm(deadline);
    event_base_get_max_events(base_.get(), EVENT_BASE_COUNT_ACTIVE, 1);
    run_events(EVLOOP_ONCE);
    // Nothing but an alarm that was armed for an earlier deadline, of another wait().
    is_too_early = alarm_->has_fired() && now() < deadline &&
                   event_base_get_max_events(base_.get(), EVENT_BASE_COUNT_ACTIVE, 0) == 1;
  } while (is_too_early);
}

void LibeventBackend::run_events(int flags) {
  if (event_base_loop(base_.get(), flags) < 0) {
    // select(2) fails as a whole when one of its descriptors has been closed.
    if (errno != EBADF || !end_closed_descriptors())
      throw libevent_error("wait", std::string(name()));
  }
  look_for_closed_descriptors();
}

void LibeventBackend::look_for_closed_descriptors() {
  if (std::exchange(has_seen_closed_descriptor, false)) end_closed_descriptors();
}

/// Tells the owners of descriptors that were closed while they were watched, by readiness: what
/// they do next fails with EBADF. Then watches them no more, or they would be ready for ever.
/// (epoll forgets them by itself, and says nothing.) False if there is none.
bool LibeventBackend::end_closed_descriptors() {
  std::vector<event*> found;
  event_base_foreach_event(
      base_.get(),
      [](const event_base*, const event* each, void* list) {
        const auto callback = event_get_callback(each);
        if ((callback == &Io::ready || callback == &Io::ready_or_closed) &&
            is_closed(event_get_fd(each)))
          static_cast<std::vector<event*>*>(list)->push_back(const_cast<event*>(each));
        return 0;
      },
      &found);
  for (event* each : found) {
    auto& target = *static_cast<IoTarget*>(event_get_callback_arg(each));
    target.io_ready(Io::events_of(event_get_events(each)));
    event_del(each);
  }
  return !found.empty();
}

void LibeventBackend::wake() noexcept { waker_->wake(); }

void LibeventBackend::after_fork() {
  // First the kernel's set of events, which is the parent's too: only then may events be deleted.
  if (event_reinit(base_.get()) != 0) throw libevent_error("event_reinit", std::string(name()));
  signal_owner.inherit(base_.get(), static_cast<int>(watched().signals.size()));
  alarm_.reset();
  waker_ = std::make_unique<detail::Waker>(base_.get(), wake_target());
  waker_->wake();  // for what was posted before
  if (!wall_alarm_) return;
  auto fresh = std::make_unique<detail::WallClockAlarm>(base_.get(), wake_target());
  for (WallClockTarget* target : wall_alarm_->targets()) fresh->add(*target);
  wall_alarm_ = std::move(fresh);
}

Watched LibeventBackend::watched() const {
  struct Found {
    std::map<int, IoEvents> descriptors;
    std::vector<int> signals;
  } found;
  event_base_foreach_event(
      base_.get(),
      [](const event_base*, const event* each, void* argument) {
        auto& all = *static_cast<Found*>(argument);
        const auto callback = event_get_callback(each);
        if (callback == &Signal::arrived) all.signals.push_back(event_get_signal(each));
        if (callback == &Io::ready || callback == &Io::ready_or_closed) {
          IoEvents& events = all.descriptors[event_get_fd(each)];
          events = events.with(Io::events_of(event_get_events(each)));
        }
        return 0;
      },
      &found);
  for (const AlwaysReady& entry : always_ready_) {
    IoEvents& events = found.descriptors[entry.io->fd()];
    events = events.with(entry.wanted);
  }
  std::sort(found.signals.begin(), found.signals.end());
  return {{found.descriptors.begin(), found.descriptors.end()}, std::move(found.signals)};
}

}  // namespace ioa
