#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "ioa/base/free_list.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/state.hpp"

namespace ioa::detail {

/// The part of a coroutine's promise that does not depend on its result.
///
/// A coroutine is just another producer. Its state lies in its frame, one block from the free
/// lists; cancelling it destroys the frame: at once, or, if its own code or that of a coroutine
/// which it awaits is on the stack, as soon as that has suspended. Resuming always goes through the
/// ReadyQueue: g++ 12 makes no tail call of symmetric transfer without optimisation or under a
/// sanitizer.
template <class T, class Derived>
class CoroutineBase : public State<T> {
 public:
  // Not FreeListed: with its operators for wide alignments clang++ 14 compiles no frame.
  static void* operator new(std::size_t size) { return free_list_allocate(size); }
  static void operator delete(void* frame, std::size_t size) noexcept {
    free_list_release(frame, size);
  }

  std::suspend_never initial_suspend() noexcept { return {}; }

  auto final_suspend() noexcept {
    struct Last {
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<Derived> frame) noexcept {
        frame.promise().suspended(nullptr);
      }
      void await_resume() const noexcept {}
    };
    return Last{};
  }

  void unhandled_exception() { this->set_error(std::current_exception()); }

  /// Its code has left the stack, to wait for `source`. False if it was cancelled meanwhile: then
  /// it will be destroyed, and nothing may resume it.
  bool suspended(const StateBase* source) noexcept {
    this->is_running_ = false;
    this->waits_for_ = source;
    if (is_doomed_) doom_now();
    return !is_doomed_;
  }

  static void resume(void* promise) {
    auto& self = *static_cast<Derived*>(promise);
    static_cast<CoroutineBase&>(self).is_running_ = true;
    self.frame().resume();
  }

  std::coroutine_handle<Derived> frame() noexcept {
    return std::coroutine_handle<Derived>::from_promise(*static_cast<Derived*>(this));
  }
  void destroy() noexcept { frame().destroy(); }

 protected:
  CoroutineBase() noexcept : State<T>(&CoroutineBase::dropped) {
    this->is_running_ = true;  // a coroutine starts at once
  }
  ~CoroutineBase() = default;

 private:
  static void dropped(StateBase& base) noexcept {
    auto& self = static_cast<CoroutineBase&>(base);
    self.forget_reaction();
    if (!self.is_on_stack()) return self.destroy();
    self.is_doomed_ = true;
    if (!self.is_running_) self.doom_now();  // else at its next suspension
  }

  static void destroy_frame(Derived& self) { self.destroy(); }
  void doom_now() noexcept {
    this->forget_reaction();
    StateBase::doom<Derived, &CoroutineBase::destroy_frame>(*static_cast<Derived*>(this));
  }

  bool is_doomed_ = false;
};

template <class T>
class CoroutineState final : public CoroutineBase<T, CoroutineState<T>> {
 public:
  Future<T> get_return_object() noexcept { return Future<T>(*this); }
  template <class U = T>  // T: for braces
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
