#pragma once

#include <string>
#include <utility>

#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/time_queue.hpp"

namespace ioa {

class Loop;

/// Becomes ready `delay` after the current turn began; a delay that is not positive, in the next
/// turn. Dropping the Future disarms it.
Future<> sleep_for(Loop& loop, Duration delay);
/// Becomes ready in the first turn that begins at `when` or later, never in the current one.
Future<> sleep_until(Loop& loop, TimePoint when);

namespace detail {

/// The limit of an operation that begins now, and the failure for having reached it.
TimeQueue& timers_of(Loop& loop) noexcept;
TimePoint limit_from_now(Loop& loop, Duration limit);
Error timed_out(std::string what, Duration limit);

/// The state behind with_timeout(): it owns the operation and its timer.
template <class T>
class TimeLimit final : public State<T>, public FreeListed {
 public:
  static Future<T> make(Loop& loop, Future<T> source, Duration limit, std::string what) {
    auto* self = new TimeLimit(timers_of(loop), std::move(source), limit, std::move(what));
    self->waits_for_ = self->source_.state_;
    self->source_.react(&TimeLimit::source_ready, self);
    self->timer_.arm(limit_from_now(loop, limit));
    return Future<T>(*self);
  }

 private:
  TimeLimit(TimeQueue& timers, Future<T> source, Duration limit, std::string what)
      : State<T>(&TimeLimit::dropped),
        limit_(limit),
        what_(std::move(what)),
        source_(std::move(source)),
        timer_(timers, [this] { expire(); }) {}

  static void dropped(StateBase& base) noexcept {
    auto& self = static_cast<TimeLimit&>(base);
    self.forget_reaction();
    self.timer_.disarm();
    self.source_.cancel();
    if (self.is_running_)
      self.is_dropped_ = true;
    else
      delete &self;
  }

  static void source_ready(void* argument) {
    auto& self = *static_cast<TimeLimit*>(argument);
    self.is_running_ = true;
    self.waits_for_ = nullptr;
    self.timer_.disarm();
    self.pass_on();
    self.leave();
  }

  void pass_on() {
    if (auto error = source_.error()) return this->set_error(std::move(error));
    try {
      if constexpr (std::is_void_v<T>) {
        source_.get();
        this->set_value();
      } else {
        this->set_value(source_.get());
      }
    } catch (...) {
      this->set_error(std::current_exception());
    }
  }

  void expire() {
    if (source_.ready()) return;  // in this very turn: its reaction is queued, and counts
    // In a nested turn inside the operation, which borrows from whoever waits for the result.
    if (source_.state_->is_on_stack())
      return step_.schedule([](void* self) { static_cast<TimeLimit*>(self)->expire_off_stack(); },
                            this);
    give_up();
  }

  void expire_off_stack() {
    if (source_.ready()) return;
    if (source_.state_->is_on_stack()) return step_.postpone();
    give_up();
  }

  void give_up() {
    this->is_running_ = true;
    this->waits_for_ = nullptr;
    source_.cancel();  // which may drop this one
    if (!is_dropped_) this->set_error(std::make_exception_ptr(timed_out(std::move(what_), limit_)));
    leave();
  }

  void leave() {
    this->is_running_ = false;
    if (is_dropped_) delete this;
  }

  Duration limit_;
  std::string what_;
  Future<T> source_;
  TimeWatch timer_;
  OffStackStep step_;
  bool is_dropped_ = false;
};

}  // namespace detail

/// The result of `operation`, if it is ready within `limit` from now. If not, it is cancelled, and
/// then this fails with an Error of kind `timeout` whose operation() is `what`:
/// "reading the greeting: timed out after 5s". A result that comes in the same turn as the limit
/// counts. A limit that is not positive is reached in the next turn.
template <class T>
Future<T> with_timeout(Loop& loop, Future<T> operation, Duration limit,
                       std::string what = "waiting") {
  IOA_ASSERT(operation.valid(), "a Future without an operation was given a time limit");
  if (operation.ready()) return operation;
  return detail::TimeLimit<T>::make(loop, std::move(operation), limit, std::move(what));
}

}  // namespace ioa
