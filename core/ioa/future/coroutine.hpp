#pragma once

#include <coroutine>
#include <exception>
#include <utility>

#include "ioa/base/free_list.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/state.hpp"

namespace ioa::detail {

/// The part of a coroutine's promise that does not depend on its result.
///
/// A coroutine is just another producer. Its state lies in its frame, one block from the free lists;
/// cancelling it destroys the frame, at once if it is suspended, at its next suspension if its own
/// code is on the stack. Resuming always goes through the ReadyQueue: g++ 12 makes no tail call of
/// symmetric transfer without optimisation or under a sanitizer.
template <class T, class Derived>
class CoroutineBase : public State<T>, public FreeListed {
 public:
  std::suspend_never initial_suspend() noexcept { return {}; }

  auto final_suspend() noexcept {
    struct Last {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<Derived> frame) noexcept {
        frame.promise().suspended();
      }
      void await_resume() const noexcept {}
    };
    return Last{};
  }

  void unhandled_exception() { this->set_error(std::current_exception()); }

  /// Its code has left the stack. False if it was cancelled meanwhile: then it will be destroyed, and
  /// nothing may resume it.
  bool suspended() noexcept {
    is_running_ = false;
    if (!is_doomed_) return true;
    this->forget_reaction();
    this->run_ = [](void* self) { static_cast<Derived*>(self)->destroy(); };
    this->argument_ = static_cast<Derived*>(this);
    ReadyQueue::current().doom(*this);
    return false;
  }

  static void resume(void* promise) {
    auto& self = *static_cast<Derived*>(promise);
    self.is_running_ = true;
    self.frame().resume();
  }

  std::coroutine_handle<Derived> frame() noexcept {
    return std::coroutine_handle<Derived>::from_promise(*static_cast<Derived*>(this));
  }
  void destroy() noexcept { frame().destroy(); }

 protected:
  CoroutineBase() noexcept : State<T>(&CoroutineBase::dropped) {}
  ~CoroutineBase() = default;

 private:
  static void dropped(StateBase& base) noexcept {
    auto& self = static_cast<CoroutineBase&>(base);
    self.forget_reaction();
    if (self.is_running_)
      self.is_doomed_ = true;
    else
      self.destroy();
  }

  bool is_running_ = true;  // a coroutine starts at once
  bool is_doomed_ = false;
};

template <class T>
class CoroutineState final : public CoroutineBase<T, CoroutineState<T>> {
 public:
  Future<T> get_return_object() noexcept { return Future<T>(*this); }
  template <class U>
  void return_value(U&& value) {
    this->set_value(std::forward<U>(value));
  }
};

template <>
class CoroutineState<void> final : public CoroutineBase<void, CoroutineState<void>> {
 public:
  Future<void> get_return_object() noexcept { return Future<void>(*this); }
  void return_void() { this->set_value(); }
};

}  // namespace ioa::detail
