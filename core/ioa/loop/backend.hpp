#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/base/clock.hpp"

namespace ioa {

/// What a descriptor can be watched for. Errors and the peer's end count as both.
enum class IoEvent : std::uint8_t { read = 1, write = 2 };

/// A set of IoEvent.
class IoEvents {
 public:
  constexpr IoEvents() = default;
  constexpr IoEvents(IoEvent event) : bits_(static_cast<std::uint8_t>(event)) {}

  constexpr bool has(IoEvent event) const {
    return (bits_ & static_cast<std::uint8_t>(event)) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr IoEvents with(IoEvents other) const { return make(bits_ | other.bits_); }
  constexpr IoEvents without(IoEvents other) const { return make(bits_ & ~other.bits_); }
  constexpr IoEvents common(IoEvents other) const { return make(bits_ & other.bits_); }
  constexpr bool operator==(const IoEvents&) const = default;

 private:
  static constexpr IoEvents make(int bits) {
    IoEvents events;
    events.bits_ = static_cast<std::uint8_t>(bits);
    return events;
  }
  std::uint8_t bits_ = 0;
};

/// Told by a Backend, inside wait() only, that a descriptor is ready.
class IoTarget {
 public:
  virtual void io_ready(IoEvents events) noexcept = 0;

 protected:
  ~IoTarget() = default;
};

/// Told by a Backend, inside wait() only, that a signal has arrived (once or more).
class SignalTarget {
 public:
  virtual void signal_arrived() noexcept = 0;

 protected:
  ~SignalTarget() = default;
};

/// Told by a Backend, inside wait() only, that the wall clock has been set: that it goes on from
/// another time, forward or back.
class WallClockTarget {
 public:
  virtual void wall_clock_set() noexcept = 0;

 protected:
  ~WallClockTarget() = default;
};

/// What a Backend watches: for people, and for counting.
struct Watched {
  std::vector<std::pair<int, IoEvents>> descriptors;  ///< In the order of the numbers.
  std::vector<int> signals;                           ///< In the order of the numbers.
};

/// What a Loop stands on: readiness, signals, the clock and the wait. It only collects: every
/// callback is called by the Loop, after wait() has returned, so that callbacks may destroy
/// anything and turns may nest. LibeventBackend is the real one; tests have one whose time and
/// readiness they move.
///
/// OWNERSHIP: registrations are dropped before the backend; targets outlive their registration.
class Backend {
 public:
  /// A descriptor's or a signal's place in the backend; dropping it ends it.
  class IoRegistration {
   public:
    virtual ~IoRegistration() = default;
    /// Replaces what is watched for. Throws Error if the system refuses the descriptor.
    virtual void want(IoEvents events) = 0;
    virtual int fd() const noexcept = 0;
  };
  /// A signal that is watched for as long as this exists.
  class SignalRegistration {
   public:
    virtual ~SignalRegistration() = default;
  };
  /// The steps of the wall clock are watched for as long as this exists.
  class WallClockRegistration {
   public:
    virtual ~WallClockRegistration() = default;
  };

  virtual ~Backend() = default;

  /// "epoll", "poll", "select", ...
  virtual std::string_view name() const = 0;
  virtual TimePoint now() const = 0;
  virtual WallTime wall_now() const = 0;

  /// `fd` is borrowed and stays open until the registration is dropped. Level-triggered; a
  /// descriptor that cannot be polled (a regular file) is always ready.
  virtual std::unique_ptr<IoRegistration> register_io(int fd, IoTarget& target) = 0;
  /// Signals belong to one backend of the process.
  virtual std::unique_ptr<SignalRegistration> register_signal(int signal, SignalTarget& target) = 0;
  /// Null if this system does not tell: who needs to know compares the clocks now and then.
  virtual std::unique_ptr<WallClockRegistration> register_wall_clock(WallClockTarget& target) = 0;

  /// Waits until something is ready, wake() was called, or `deadline` has come (nullopt: never),
  /// and tells the targets. Never returns before `deadline` without one of these.
  virtual void wait(std::optional<TimePoint> deadline) = 0;

  /// Makes the current or the next wait() return. From any thread, and from signal handlers.
  virtual void wake() noexcept = 0;

  /// In a child process that goes on with the parent's Loop: makes anew what fork(2) leaves shared
  /// with the parent. All registrations stay. Throws Error if the system refuses.
  virtual void after_fork() = 0;

  /// What is watched at present.
  virtual Watched watched() const = 0;
};

}  // namespace ioa
