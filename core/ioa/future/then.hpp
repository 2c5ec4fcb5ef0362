#pragma once

#include <type_traits>
#include <utility>

#include "ioa/future/future.hpp"

namespace ioa::detail {

template <class T>
struct FutureValue {
  using Type = T;
  static constexpr bool is_future = false;
};
template <class T>
struct FutureValue<Future<T>> {
  using Type = T;
  static constexpr bool is_future = true;
};

template <class T, class F>
struct ThenResult {
  using Type = std::invoke_result_t<F&, T>;
};
template <class F>
struct ThenResult<void, F> {
  using Type = std::invoke_result_t<F&>;
};

/// The state behind then(): it consumes one Future and produces the next.
template <class T, class F>
class ThenState final : public State<typename FutureValue<typename ThenResult<T, F>::Type>::Type>,
                        public FreeListed {
 public:
  using Returned = typename ThenResult<T, F>::Type;
  using Result = typename FutureValue<Returned>::Type;

  static Future<Result> make(Future<T> source, F callback) {
    auto* self = new ThenState(std::move(source), std::move(callback));
    self->waits_for_ = self->source_.state_;
    self->source_.react(&ThenState::source_ready, self);
    return Future<Result>(*self);
  }

 private:
  ThenState(Future<T> source, F callback)
      : State<Result>(&ThenState::dropped),
        callback_(std::move(callback)),
        source_(std::move(source)) {}

  static void dropped(StateBase& base) noexcept {
    auto& self = static_cast<ThenState&>(base);
    self.forget_reaction();
    if (self.is_running_)
      self.is_dropped_ = true;
    else if (self.is_on_stack())
      StateBase::doom<ThenState, &ThenState::destroy>(self);
    else
      delete &self;
  }
  static void destroy(ThenState& self) { delete &self; }

  static void source_ready(void* self) { static_cast<ThenState*>(self)->advance(); }
  static void inner_ready(void* self) {
    auto& then = *static_cast<ThenState*>(self);
    then.waits_for_ = nullptr;
    then.finish([&]() -> Result { return then.inner_.get(); });
  }

  void advance() {
    this->waits_for_ = nullptr;
    if (source_.has_failed()) {
      std::exception_ptr error = source_.error();
      source_.cancel();
      this->set_error(std::move(error));
      return;
    }
    if constexpr (FutureValue<Returned>::is_future) {
      start_inner();
    } else {
      finish([this]() -> Result { return call(); });
    }
  }

  void start_inner() {
    this->is_running_ = true;
    Returned inner;
    std::exception_ptr error;
    try {
      inner = call();
    } catch (...) {
      error = std::current_exception();
    }
    this->is_running_ = false;
    if (is_dropped_) {
      inner.cancel();
      delete this;
    } else if (error) {
      this->set_error(std::move(error));
    } else {
      IOA_ASSERT(inner.valid(), "then() was given a Future without an operation");
      inner_ = std::move(inner);
      this->waits_for_ = inner_.state_;
      inner_.react(&ThenState::inner_ready, this);
    }
  }

  /// Settles with what `produce` returns or throws. It may drop the Future of this very state.
  template <class Produce>
  void finish(Produce produce) {
    this->is_running_ = true;
    try {
      if constexpr (std::is_void_v<Result>) {
        produce();
        this->set_value();
      } else {
        this->set_value(produce());
      }
    } catch (...) {
      this->set_error(std::current_exception());
    }
    this->is_running_ = false;
    if (is_dropped_) delete this;
  }

  Returned call() {
    if constexpr (std::is_void_v<T>) {
      source_.get();
      return callback_();
    } else {
      return callback_(source_.get());
    }
  }

  using Inner = std::conditional_t<FutureValue<Returned>::is_future, Future<Result>, Unit>;

  F callback_;  // outlives the Futures: it may own what their operations borrow
  Future<T> source_;
  [[no_unique_address]] Inner inner_;
  bool is_dropped_ = false;
};

}  // namespace ioa::detail

namespace ioa {

template <class T>
template <class F>
auto Future<T>::then(F&& callback) && {
  IOA_ASSERT(valid(), "then() on a Future without an operation");
  return detail::ThenState<T, std::remove_cvref_t<F>>::make(std::move(*this),
                                                            std::forward<F>(callback));
}

}  // namespace ioa
