#pragma once

#include <exception>
#include <memory>
#include <optional>

#include "ioa/base/clock.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/loop/loop.hpp"

struct event_base;

namespace ioa {
namespace detail {
class GuestBackend;
}  // namespace detail

/// A Loop inside an event_base that the program owns and runs, beside whatever else lives there:
/// for a program that is built on libevent already.
///
///     event_base* base = event_base_new();
///     {
///       ioa::GuestLoop guest(base);
///       guest.loop().add(std::make_unique<EchoServer>());
///       event_base_dispatch(base);        // runs until event_base_loopbreak() or _loopexit()
///     }                                   // leaves nothing in the base
///     event_base_free(base);
///
/// The base gives the Loop a turn when something of it is ready or due, and none otherwise. The
/// turn is one callback of the base: it comes after the events that the base has found with it,
/// and loopbreak inside of it counts from its end. All of the Loop has the base's default priority
/// at the time of its making: event_base_priority_init() comes before.
///
/// USE OUTSIDE: before the base runs, inside the Loop's own callbacks, and by Loop::post() from
/// anywhere, the Loop is used as any other. Whoever uses it elsewhere, in a callback of their own
/// event, calls attend() afterwards.
///
/// WAITING: the base is what waits, and its loop does not nest. In a callback, of the Loop or of
/// another event of the base, Loop::turn() and run() are a std::logic_error. While nobody runs the
/// base they work, and run it: events of others are called too. Loop::stop() ends a run() only;
/// loopbreak ends the base.
///
/// THE BASE: as long as this lives the base has something to wait for, so event_base_dispatch()
/// does not return for lack of events. Signals may be shared with events of the same base, but not
/// with those of another one. After fork(2) call Loop::after_fork(), which does the base's
/// event_reinit(). A base on select fails as a whole if a descriptor is closed while it is watched.
///
/// OWNERSHIP: the base outlives it; destroying it drops all that is in the Loop. Not to be
/// destroyed inside a callback of its own Loop; inside that of another event it may.
class GuestLoop {
 public:
  using ExceptionHandler = UniqueFunction<void(std::exception_ptr)>;

  /// Borrows `base`, for use by the thread that runs it. Throws Error if the system refuses a
  /// descriptor.
  explicit GuestLoop(event_base* base);
  GuestLoop(const GuestLoop&) = delete;
  GuestLoop& operator=(const GuestLoop&) = delete;
  ~GuestLoop();

  Loop& loop() noexcept { return *loop_; }

  /// The Loop was used outside of its own callbacks: looks for what has to be done now, and when.
  /// Cheap, and never calls anything itself.
  void attend();

  /// Gets what callbacks throw; the base goes on, with what is left of the turn. Without a handler
  /// such an exception ends the base's loop as event_base_loopbreak() does, and is kept.
  void on_exception(ExceptionHandler handler) { on_exception_ = std::move(handler); }
  /// Throws the exception that has ended the base's loop (the first one, if it was run again), if
  /// there is one: for who has called event_base_dispatch().
  void rethrow();

 private:
  std::optional<TimePoint> turn() noexcept;
  void fail(std::exception_ptr error) noexcept;

  detail::GuestBackend* backend_;
  std::unique_ptr<Loop> loop_;
  ExceptionHandler on_exception_;
  std::exception_ptr failure_;
};

}  // namespace ioa
