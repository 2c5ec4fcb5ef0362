#include "ioa/libevent/libevent_backend.hpp"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/base/unique_fd.hpp"

namespace ioa {
namespace {

void ignore_log(int, const char*) {}  // libevent prints to stderr what its results say as well

Error libevent_error(const char* operation, std::string subject) {
  return Error::from_errno(errno != 0 ? errno : EINVAL, operation, std::move(subject));
}

/// One persistent libevent event.
class PersistentEvent {
 public:
  PersistentEvent(event_base* base, int fd, short what, event_callback_fn callback,
                  void* argument) {
    event_assign(&event_, base, fd, static_cast<short>(what | EV_PERSIST), callback, argument);
  }
  PersistentEvent(const PersistentEvent&) = delete;
  PersistentEvent& operator=(const PersistentEvent&) = delete;
  ~PersistentEvent() { event_del(&event_); }

  int fd() const { return event_get_fd(&event_); }
  void* argument() const { return event_get_callback_arg(&event_); }

  bool is_active() const {
    return event_pending(&event_, EV_READ | EV_WRITE | EV_SIGNAL, nullptr) != 0;
  }
  /// False, with errno, if libevent or the kernel refuses.
  bool set_active(bool active) {
    if (active == is_active()) return true;
    if (active && fd() >= FD_SETSIZE && is_select()) {
      errno =
          EMFILE;  // libevent would write past the end of the set, and abort where it is checked
      return false;
    }
    errno = 0;
    return (active ? event_add(&event_, nullptr) : event_del(&event_)) == 0;
  }

 private:
  bool is_select() const {
    return std::strcmp(event_base_get_method(event_get_base(&event_)), "select") == 0;
  }

  event event_{};
};

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

 private:
  std::mutex mutex_;
  const event_base* base_ = nullptr;
  pid_t pid_ = 0;
  int count_ = 0;
};
constinit SignalOwner signal_owner;

UniqueFd checked(int fd, const char* operation) {
  if (fd < 0) throw Error::from_errno(errno, operation);
  return UniqueFd(fd);
}

}  // namespace

/// One descriptor. Reading and writing are two libevent events, since changing the set of one event
/// means deleting and adding it; the writing one is made when it is first wanted. What libevent
/// keeps is not kept here again: the size of this object counts once a connection.
class LibeventBackend::Io final : public IoRegistration, public FreeListed {
 public:
  Io(LibeventBackend& backend, int fd, IoTarget& target)
      : backend_(backend), read_(backend.base_.get(), fd, EV_READ, &Io::ready, &target) {}
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

  IoTarget& target() const { return *static_cast<IoTarget*>(read_.argument()); }

 private:
  static void ready(evutil_socket_t, short what, void* target) {
    IoEvents events;
    if ((what & EV_READ) != 0) events = events.with(IoEvent::read);
    if ((what & EV_WRITE) != 0) events = events.with(IoEvent::write);
    static_cast<IoTarget*>(target)->io_ready(events);
  }

  bool want_polled(IoEvents events) {
    if (!read_.set_active(events.has(IoEvent::read))) return false;
    if (!write_ && events.has(IoEvent::write))
      write_ = std::make_unique<PersistentEvent>(backend_.base_.get(), read_.fd(), short{EV_WRITE},
                                                 &Io::ready, &target());
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
  Signal(event_base* base, int signal, SignalTarget& target)
      : base_(base), target_(target), event_(base, signal, EV_SIGNAL, &Signal::arrived, this) {
    signal_owner.claim(base_);
    if (event_.set_active(true)) return;
    signal_owner.release(base_);
    throw libevent_error("sigaction", "signal " + std::to_string(signal));
  }
  ~Signal() override { signal_owner.release(base_); }

 private:
  static void arrived(evutil_socket_t, short, void* self) {
    static_cast<Signal*>(self)->target_.signal_arrived();
  }

  const event_base* base_;
  SignalTarget& target_;
  PersistentEvent event_;
};

/// The one timerfd. It is re-armed only for a deadline earlier than the armed one, or after it has
/// fired: an alarm that comes too early costs a look, setting it each turn would cost a system
/// call.
class LibeventBackend::Alarm {
 public:
  explicit Alarm(event_base* base)
      : fd_(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                    "timerfd_create")),
        event_(base, fd_.get(), EV_READ, &Alarm::fired, this) {
    if (!event_.set_active(true)) throw libevent_error("watch", "timerfd");
  }

  void arm(TimePoint deadline) {
    has_fired_ = false;
    if (deadline >= armed_for_) return;
    const auto since_epoch = deadline.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
    itimerspec spec{};
    spec.it_value.tv_sec = seconds.count();
    spec.it_value.tv_nsec = (since_epoch - seconds).count();
    if (::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) != 0)
      throw Error::from_errno(errno, "timerfd_settime");
    armed_for_ = deadline;
  }
  /// Since arm() was called last.
  bool has_fired() const { return has_fired_; }

 private:
  static void fired(evutil_socket_t fd, short, void* self) {
    auto& alarm = *static_cast<Alarm*>(self);
    std::uint64_t expirations = 0;
    if (::read(fd, &expirations, sizeof expirations) <= 0) return;
    alarm.armed_for_ = TimePoint::max();
    alarm.has_fired_ = true;
  }

  UniqueFd fd_;
  bool has_fired_ = false;
  TimePoint armed_for_ = TimePoint::max();
  PersistentEvent event_;
};

class LibeventBackend::Waker {
 public:
  explicit Waker(event_base* base)
      : fd_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
        is_edge_((event_base_get_features(base) & EV_FEATURE_ET) != 0),
        event_(base, fd_.get(), is_edge_ ? EV_READ | EV_ET : EV_READ, &Waker::woken, this) {
    if (!event_.set_active(true)) throw libevent_error("watch", "eventfd");
  }
  void wake() noexcept {
    const int saved = errno;
    static_cast<void>(::eventfd_write(fd_.get(), 1));  // EAGAIN: it is awake already
    errno = saved;
  }

 private:
  static void woken(evutil_socket_t fd, short, void* self) {
    // Where every write is an edge nobody has to read: one system call less for each wake-up.
    if (static_cast<Waker*>(self)->is_edge_) return;
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(fd, &count));
  }

  UniqueFd fd_;
  const bool is_edge_;
  PersistentEvent event_;
};

void LibeventBackend::FreeBase::operator()(event_base* base) const noexcept {
  event_base_free(base);
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
  return std::unique_ptr<LibeventBackend>(new LibeventBackend(base));
}

LibeventBackend::LibeventBackend(event_base* base)
    : base_(base), waker_(std::make_unique<Waker>(base)) {}

LibeventBackend::~LibeventBackend() = default;

std::string_view LibeventBackend::name() const { return event_base_get_method(base_.get()); }

TimePoint LibeventBackend::now() const { return Clock::now(); }

std::unique_ptr<Backend::IoRegistration> LibeventBackend::register_io(int fd, IoTarget& target) {
  return std::make_unique<Io>(*this, fd, target);
}

std::unique_ptr<Backend::SignalRegistration> LibeventBackend::register_signal(
    int signal, SignalTarget& target) {
  if (signal <= 0 || signal >= NSIG || signal == SIGKILL || signal == SIGSTOP)
    throw Error::from_errno(EINVAL, "sigaction", "signal " + std::to_string(signal));
  return std::make_unique<Signal>(base_.get(), signal, target);
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
  for (const AlwaysReady& entry : always_ready_) entry.io->target().io_ready(entry.wanted);
}

void LibeventBackend::wait_until(TimePoint deadline) {
  if (!alarm_) alarm_ = std::make_unique<Alarm>(base_.get());
  bool is_too_early = false;
  do {
    alarm_->arm(deadline);
    event_base_get_max_events(base_.get(), EVENT_BASE_COUNT_ACTIVE, 1);
    run_events(EVLOOP_ONCE);
    // Nothing but an alarm that was armed for an earlier deadline, of another wait().
    is_too_early = alarm_->has_fired() && now() < deadline &&
                   event_base_get_max_events(base_.get(), EVENT_BASE_COUNT_ACTIVE, 0) == 1;
  } while (is_too_early);
}

void LibeventBackend::run_events(int flags) {
  if (event_base_loop(base_.get(), flags) < 0) throw libevent_error("wait", std::string(name()));
}

void LibeventBackend::wake() noexcept { waker_->wake(); }

}  // namespace ioa
