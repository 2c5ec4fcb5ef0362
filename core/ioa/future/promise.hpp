#pragma once

#include <exception>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/future/future.hpp"

namespace ioa {

/// The producer's end of a Future.
///
///     Promise<int> promise;
///     Future<int> answer = promise.future();
///     promise.on_cancel([&] { withdraw(); });   // the consumer lost interest
///     promise.done(42);
///
/// The first of done() and fail() counts, later ones and those after a cancellation are ignored. A
/// Promise destroyed without a result fails its Future with an Error of kind `abandoned`.
template <class T = void>
class Promise {
 public:
  Promise() : state_(new detail::PromiseState<T>(true)) {}
  Promise(Promise&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), has_given_future_(other.has_given_future_) {}
  Promise& operator=(Promise&& other) noexcept {
    if (this != &other) {
      abandon();
      state_ = std::exchange(other.state_, nullptr);
      has_given_future_ = other.has_given_future_;
    }
    return *this;
  }
  ~Promise() { abandon(); }

  /// The consumer's end; asked for once.
  Future<T> future() {
    IOA_ASSERT(!has_given_future_, "a Promise has one Future");
    has_given_future_ = true;
    return Future<T>(*state_);
  }

  /// False once the result is set or the Future is gone: work towards it is in vain.
  bool wanted() const noexcept { return state_ != nullptr && state_->is_wanted(); }

  /// Called, at most once, inside the dropping of a Future that has no result yet: withdraws the
  /// operation, may destroy this Promise, must not throw.
  void on_cancel(UniqueFunction<void()> hook) { state_->set_cancel_hook(std::move(hook)); }

  template <class... Args>
  void done(Args&&... args) {
    if (!wanted()) return;
    state_->set_value(std::forward<Args>(args)...);
  }
  void fail(std::exception_ptr error) {
    if (!wanted()) return;
    state_->set_error(std::move(error));
  }
  void fail(Error error) {
    if (wanted()) fail(std::make_exception_ptr(std::move(error)));
  }

 private:
  void abandon() noexcept {
    auto* state = std::exchange(state_, nullptr);
    if (state == nullptr) return;
    if (!has_given_future_) {
      state->set_cancel_hook(nullptr);  // nobody cancels what nobody asked for
      state->drop();
    } else if (state->is_wanted()) {
      state->set_error(std::make_exception_ptr(
          Error(ErrorKind::abandoned, {}, {}, {}, "the operation was abandoned")));
    }
    state->drop_producer();
  }

  detail::PromiseState<T>* state_;
  bool has_given_future_ = false;
};

}  // namespace ioa
