#pragma once

#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/unique_function.hpp"

namespace ioa {

template <class Signature>
class Event;

/// A slot for the callback of an event that may happen many times.
///
/// The callback may replace or clear itself while it runs, or destroy the object that holds the
/// slot: the running one is pinned for the call. An empty slot costs one pointer.
template <class Result, class... Args>
class Event<Result(Args...)> {
 public:
  using Callback = UniqueFunction<Result(Args...)>;

  Event() = default;
  Event(const Event&) = delete;
  ~Event() { reset(); }
  Event& operator=(Callback callback) {
    reset();
    if (callback) shared_ = new Shared{std::move(callback)};
    return *this;
  }
  Event& operator=(const Event&) = delete;

  explicit operator bool() const noexcept { return shared_ != nullptr; }

  /// Calls the callback, if there is one; a slot with a result must not be empty.
  Result operator()(Args... args) const {
    if constexpr (std::is_void_v<Result>) {
      if (shared_ == nullptr) return;
    } else {
      IOA_ASSERT(shared_ != nullptr, "an event without a callback was asked for a result");
    }
    const Pin pin(shared_);
    return pin.shared->callback(std::forward<Args>(args)...);
  }

 private:
  struct Shared {
    Callback callback;
    unsigned users = 1;
    void release() {
      if (--users == 0) delete this;
    }
  };
  struct Pin {
    explicit Pin(Shared* pinned) : shared(pinned) { ++shared->users; }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    ~Pin() { shared->release(); }
    Shared* shared;
  };

  void reset() noexcept {
    if (Shared* shared = std::exchange(shared_, nullptr)) shared->release();
  }

  Shared* shared_ = nullptr;
};

/// The callback of a watch, held in place: as Event, without an allocation.
template <class... Args>
class CallbackSlot {
 public:
  using Callback = UniqueFunction<void(Args...)>;

  CallbackSlot() = default;
  CallbackSlot(const CallbackSlot&) = delete;
  CallbackSlot& operator=(const CallbackSlot&) = delete;
  ~CallbackSlot() {
    for (Call* call = innermost_; call != nullptr; call = call->outer) call->gone = true;
  }

  void set(Callback callback) {
    for (Call* call = innermost_; call != nullptr; call = call->outer) call->is_replaced = true;
    callback_ = std::move(callback);
  }

  /// Calls the callback. It may replace itself, destroy this slot, and (by a nested turn) come here
  /// again: then it is entered anew. Returns false if the slot is gone.
  bool operator()(Args... args) {
    if (!callback_) return call_again(std::forward<Args>(args)...);
    Call call(*this);
    call.callback(std::forward<Args>(args)...);
    return !call.gone;
  }

 private:
  /// A call of the callback, which it moves out of the slot, so that it outlives the slot.
  struct Call {
    explicit Call(CallbackSlot& owner) noexcept
        : slot(owner), outer(owner.innermost_), callback(std::move(owner.callback_)) {
      slot.innermost_ = this;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() {
      if (gone) return;
      slot.innermost_ = outer;
      if (!is_replaced) slot.callback_ = std::move(callback);
    }
    CallbackSlot& slot;
    Call* outer;
    Callback callback;
    bool gone = false;
    bool is_replaced = false;
  };

  bool call_again(Args&&... args) {
    Call* call = innermost_;
    if (call == nullptr || call->is_replaced) return true;
    call->callback(std::forward<Args>(args)...);
    return !call->gone;  // that call is below on the stack
  }

  Callback callback_;
  Call* innermost_ = nullptr;
};

}  // namespace ioa
