#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/state.hpp"

namespace ioa {

template <class T>
class Promise;
namespace detail {
template <class T>
class CoroutineState;
template <class T, class F>
class ThenState;
template <class Rule>
class Combination;
template <class T>
class TimeLimit;
}  // namespace detail

/// The result of an operation that happens once and has already begun.
///
/// Await it in a coroutine (`T x = co_await std::move(future);`), chain a callback with then(), or
/// ask ready() and get(). It is consumed once, as an rvalue.
///
///     Future<int> twice(Future<int> number) { co_return 2 * co_await std::move(number); }
///
/// CANCELLING: dropping a Future withdraws its operation: when the destructor returns, no handler
/// will run and borrowed memory is no longer touched. OWNERSHIP: a coroutine's frame, its
/// parameters included, lives until its Future is dropped or its result taken. ERRORS: a failed
/// operation throws its Error from get() and co_await.
template <class T = void>
class [[nodiscard]] Future {
 public:
  using Value = T;
  using promise_type = detail::CoroutineState<T>;

  /// A Future of nothing: valid() is false.
  Future() = default;
  Future(Future&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Future& operator=(Future&& other) noexcept {
    if (this != &other) {
      cancel();
      state_ = std::exchange(other.state_, nullptr);
    }
    return *this;
  }
  ~Future() { cancel(); }

  /// A Future that has its result already.
  template <class... Args>
  static Future resolved(Args&&... args) {
    auto* state = new detail::ResolvedState<T>;
    state->set_value(std::forward<Args>(args)...);
    return Future(*state);
  }
  static Future failed(std::exception_ptr error) {
    auto* state = new detail::ResolvedState<T>;
    state->set_error(std::move(error));
    return Future(*state);
  }
  static Future failed(Error error) { return failed(std::make_exception_ptr(std::move(error))); }

  /// True while it stands for an operation: until it is moved from, awaited, taken or cancelled.
  bool valid() const noexcept { return state_ != nullptr; }
  /// True once the result, or the failure, is there.
  bool ready() const noexcept { return state_ != nullptr && state_->is_ready(); }
  bool has_failed() const noexcept { return state_ != nullptr && state_->has_failed(); }
  /// The failure, or null if there is none (yet).
  std::exception_ptr error() const { return state_ != nullptr ? state_->error() : nullptr; }

  /// Takes the result of a ready Future, or throws its failure. The Future is no longer valid.
  T get() {
    Future taken = std::move(*this);
    IOA_ASSERT(taken.valid(), "a Future without an operation was asked for its result");
    return taken.state_->take();
  }

  /// Drops the operation now; see CANCELLING.
  void cancel() noexcept {
    if (auto* state = std::exchange(state_, nullptr)) state->drop();
  }

  /// A Future of what `callback` makes of the value: its result, or the result of the Future that
  /// it returns. A failure skips the callback; an exception from it is a failure. The callback runs
  /// from the ReadyQueue, never inside this call. For callback users: coroutines await instead.
  template <class F>
  auto then(F&& callback) &&;

  /// Only an rvalue can be awaited: nobody else can then cancel it under the awaiting coroutine.
  auto operator co_await() && {
    IOA_ASSERT(valid(), "a Future without an operation was awaited");
    return Awaiter(std::move(*this));
  }

  /// Has `run(argument)` called from the ReadyQueue when the result is there, unless the Future is
  /// dropped first. For building other primitives; one reaction a Future.
  void react(void (*run)(void*), void* argument) { state_->react(run, argument); }

 private:
  friend class Promise<T>;
  friend class detail::CoroutineState<T>;
  template <class, class>
  friend class detail::ThenState;
  template <class>
  friend class detail::Combination;
  template <class>
  friend class detail::TimeLimit;

  class Awaiter {  // lives in the awaiting frame, so destroying that frame cancels what it awaits
   public:
    explicit Awaiter(Future&& future) noexcept : future_(std::move(future)) {}
    bool await_ready() const noexcept { return future_.state_->is_ready(); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> frame) {
      if (frame.promise().suspended(future_.state_))
        future_.state_->react(&P::resume, &frame.promise());
    }
    T await_resume() { return future_.state_->take(); }

   private:
    Future future_;
  };

  explicit Future(detail::State<T>& state) noexcept : state_(&state) {}

  detail::State<T>* state_ = nullptr;
};

}  // namespace ioa

// A Future is usable as a coroutine's return type wherever it is known.
#include "ioa/future/coroutine.hpp"
#include "ioa/future/then.hpp"
