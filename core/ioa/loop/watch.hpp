#pragma once

#include <memory>
#include <utility>

#include "ioa/base/event_slot.hpp"
#include "ioa/future/job_list.hpp"
#include "ioa/loop/backend.hpp"
#include "ioa/loop/function_queue.hpp"

namespace ioa {

class Loop;

/// Interest in one descriptor's readiness, told to the class that derives from it. Each event that
/// is there and still wanted is told once, reading before writing; stopping, or wanting less, takes
/// back events that have not been delivered yet. Several watches of one descriptor do not disturb
/// each other. For notifiers that are their own watch (Handle), since a callback would double its
/// size; everything else has an IoWatch.
///
/// LIFETIME: stays where it was made. The descriptor is borrowed and must stay open until the watch
/// is gone or stopped; the Loop outlives it.
class IoWatchBase : private Job, private IoTarget {
 public:
  /// Begins to watch `fd` for `events`; the fd of before is let go. Throws Error if it cannot be
  /// watched (EBADF).
  void start(Loop& loop, int fd, IoEvents events);
  /// Replaces what is watched for; free if nothing changes. Only after start().
  void want(IoEvents events);
  IoEvents wanted() const noexcept { return wanted_; }
  bool is_started() const noexcept { return registration_ != nullptr; }
  void stop() noexcept;

  /// For the Loop: what a queued job watches; -1 if it is no such watch.
  static int descriptor_of(const Job& job) noexcept;

 protected:
  IoWatchBase() noexcept;
  ~IoWatchBase() = default;

 private:
  /// The event has come. Returns false if this object was destroyed meanwhile.
  virtual bool io_event(IoEvent event) = 0;
  /// The Loop that it was started in, which whoever derives from this knows anyway.
  virtual Loop& watching_loop() const noexcept = 0;

  void io_ready(IoEvents events) noexcept override;
  static void dispatch(void* self);

  std::unique_ptr<Backend::IoRegistration> registration_;
  IoEvents wanted_;
  IoEvents pending_;
};

/// An IoWatchBase that calls back; it may be destroyed inside its own callback.
class IoWatch final : public IoWatchBase {
 public:
  explicit IoWatch(Loop& loop) noexcept : loop_(&loop) {}
  virtual ~IoWatch() = default;

  void set_callback(UniqueFunction<void(IoEvent)> callback) { callback_.set(std::move(callback)); }

  using IoWatchBase::start;
  void start(int fd, IoEvents events) { start(*loop_, fd, events); }

 private:
  bool io_event(IoEvent event) override { return callback_(event); }
  Loop& watching_loop() const noexcept override { return *loop_; }

  Loop* loop_;
  CallbackSlot<IoEvent> callback_;
};

/// Interest in a signal. Any number of watches may share one; all are called, in the order in which
/// they were made, even if one of them goes away meanwhile. The callback runs from the loop, never
/// from the handler; signals that arrive before it runs are one call. When the last watch of a
/// signal is gone, the disposition of before is back.
class SignalWatch : private Job {
 public:
  /// Throws Error for a number that cannot be caught.
  SignalWatch(Loop& loop, int signal, UniqueFunction<void()> callback);
  ~SignalWatch();

  int signal() const noexcept { return signal_; }

  /// For the Loop: what a queued job watches; -1 if it is no such watch.
  static int signal_of(const Job& job) noexcept;

 private:
  friend class SignalRouter;
  static void dispatch(void* self);

  Loop* loop_;
  int signal_;
  SignalWatch* next_of_signal_ = nullptr;
  CallbackSlot<> callback_;
};

/// A call that happens soon, once each time it is scheduled: Loop::later for a callback that must
/// not outlive its owner. Calling it off, or destroying it, before it has run means that it never
/// runs, in the same turn too.
class DeferredCall {
 public:
  DeferredCall(Loop& loop, UniqueFunction<void()> callback);
  DeferredCall(const DeferredCall&) = delete;
  DeferredCall& operator=(const DeferredCall&) = delete;
  ~DeferredCall() { call_off(); }

  bool is_scheduled() const noexcept { return ticket_ != 0; }
  /// Does nothing if it is scheduled already.
  void schedule();
  void call_off() noexcept;

 private:
  class Turn;

  Loop* loop_;
  FunctionQueue::Ticket ticket_ = 0;
  CallbackSlot<> callback_;
};

}  // namespace ioa
