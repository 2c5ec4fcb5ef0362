#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/future/ready_queue.hpp"

/// What Futures, Promises and coroutines are made of; not part of the interface.
namespace ioa::detail {

struct Unit {};
template <class T>
using Stored = std::conditional_t<std::is_void_v<T>, Unit, T>;

enum class Status : std::uint8_t { pending, done, failed };

/// Several states that one other waits for at the same time.
class StateGroup {
 public:
  /// True if one of them is, as StateBase::is_on_stack().
  virtual bool is_on_stack() const noexcept = 0;

 protected:
  ~StateGroup() = default;
};

/// The meeting point of one producer and one consumer (a Future). As a Job it is the consumer's
/// reaction, queued once the result is there.
class StateBase : public Job {
 public:
  bool is_ready() const noexcept { return status_ != Status::pending; }
  bool has_failed() const noexcept { return status_ == Status::failed; }

  /// Has `reaction(argument)` called from the ReadyQueue once the result is there.
  void react(void (*reaction)(void*), void* argument) {
    run_ = reaction;
    argument_ = argument;
    if (is_ready()) ReadyQueue::current().push(*this);
  }

  /// The consumer is gone: withdraws the operation if it is still pending, and frees what can be.
  void drop() noexcept { drop_(*this); }

  /// True while code of the producer, or of one that it waits for, is on the stack: neither may be
  /// destroyed then, since the inner one borrows from the outer one.
  bool is_on_stack() const noexcept {
    for (const StateBase* state = this; state != nullptr; state = state->waits_for_) {
      if (state->is_running_) return true;
      if (state->waits_for_many_) return state->waits_for_group_->is_on_stack();
    }
    return false;
  }

 protected:
  // A function pointer, not a virtual function: the destructors of the derived kinds must be
  // reachable by the compiler's coroutine code, and none of them is ever deleted through this base.
  using Drop = void (*)(StateBase&) noexcept;
  explicit StateBase(Drop how) noexcept : drop_(how) {}
  ~StateBase() = default;

  /// Nobody reacts any more.
  void forget_reaction() noexcept {
    unlink();
    run_ = nullptr;
  }
  void settled(Status status) {
    status_ = status;
    if (run_ != nullptr) ReadyQueue::current().push(*this);
  }

  /// Has `destroy(derived)` called as soon as nothing of it is on the stack any more.
  template <class Derived, void (*destroy)(Derived&)>
  static void doom(Derived& derived) noexcept {
    derived.run_ = [](void* self) {
      auto& doomed = *static_cast<Derived*>(self);
      if (doomed.is_on_stack())
        ReadyQueue::current().postpone(doomed);
      else
        destroy(doomed);
    };
    derived.argument_ = &derived;
    ReadyQueue::current().doom(derived);
  }

  Status status_ = Status::pending;
  bool is_running_ = false;      // the producer's code is on the stack
  bool waits_for_many_ = false;  // which member of the union counts
  union {
    const StateBase* waits_for_ = nullptr;  // while the producer is suspended, what will resume it
    const StateGroup* waits_for_group_;
  };

 private:
  Drop drop_;
};

/// A step of a state that has to wait, in a nested turn, until what it would destroy is off the
/// stack. Destroying it calls it off.
class OffStackStep : public Job {
 public:
  /// Has `step(self)` called after the reaction that is running, and again after later ones for as
  /// long as it asks for that by postpone().
  void schedule(void (*step)(void*), void* self) {
    run_ = step;
    argument_ = self;
    ReadyQueue::current().doom(*this);
  }
  void postpone() { ReadyQueue::current().postpone(*this); }
};

/// A state with room for its result.
template <class T>
class State : public StateBase {
 public:
  template <class... Args>
  void set_value(Args&&... args) {
    ::new (static_cast<void*>(&value_)) Stored<T>(std::forward<Args>(args)...);
    settled(Status::done);
  }
  void set_error(std::exception_ptr error) {
    ::new (static_cast<void*>(&error_)) std::exception_ptr(std::move(error));
    settled(Status::failed);
  }

  std::exception_ptr error() const { return has_failed() ? error_ : nullptr; }

  /// Moves the value out, or throws the error. The state must be ready.
  T take() {
    IOA_ASSERT(is_ready(), "the result of a pending Future was asked for");
    if (has_failed()) std::rethrow_exception(error_);
    if constexpr (!std::is_void_v<T>) return std::move(value_);
  }

 protected:
  using StateBase::Drop;
  explicit State(Drop how) noexcept : StateBase(how) {}
  ~State() {
    if (status_ == Status::done) value_.~Stored<T>();
    if (status_ == Status::failed) error_.~exception_ptr();
  }

 private:
  union {
    Stored<T> value_;
    std::exception_ptr error_;
  };
};

/// The state behind a Promise: freed when both its Promise and its Future are gone.
template <class T>
class PromiseState final : public State<T>, public FreeListed {
 public:
  explicit PromiseState(bool has_producer) noexcept
      : State<T>(&PromiseState::dropped), has_producer_(has_producer) {}

  bool is_wanted() const noexcept { return has_consumer_ && !cancelled_ && !this->is_ready(); }
  void set_cancel_hook(UniqueFunction<void()> hook) { cancel_hook_ = std::move(hook); }

  void drop_producer() noexcept {
    cancel_hook_ = nullptr;
    has_producer_ = false;
    if (!has_consumer_) delete this;
  }

 private:
  static void dropped(StateBase& base) noexcept {
    auto& self = static_cast<PromiseState&>(base);
    self.forget_reaction();
    self.cancelled_ = true;
    // The hook may drop the Promise: has_consumer_ keeps the state alive until the hook is through.
    if (!self.is_ready())
      if (auto hook = std::move(self.cancel_hook_)) hook();
    self.has_consumer_ = false;
    if (!self.has_producer_) delete &self;
  }

  bool has_producer_;
  bool has_consumer_ = true;
  bool cancelled_ = false;
  UniqueFunction<void()> cancel_hook_;
};

/// The state of a Future that has had its result from the beginning.
template <class T>
class ResolvedState final : public State<T>, public FreeListed {
 public:
  ResolvedState() noexcept : State<T>(&ResolvedState::dropped) {}

 private:
  static void dropped(StateBase& base) noexcept { delete static_cast<ResolvedState*>(&base); }
};

}  // namespace ioa::detail
