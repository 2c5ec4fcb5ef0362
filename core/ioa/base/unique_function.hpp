#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "ioa/base/assert.hpp"

namespace ioa {

template <class Signature>
class UniqueFunction;

/// A callable that is moved, never copied, so it may own what it captures (std::function copies;
/// C++20 has no std::move_only_function). Up to three pointers of capture need no allocation.
template <class Result, class... Args>
class UniqueFunction<Result(Args...)> {
 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}

  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
           std::is_invocable_r_v<Result, std::decay_t<F>&, Args...>) UniqueFunction(F&& callable) {
    using Callable = std::decay_t<F>;
    if constexpr (fits<Callable>()) {
      ::new (storage_) Callable(std::forward<F>(callable));
      ops_ = &kInline<Callable>;
    } else {
      ::new (storage_) Callable*(new Callable(std::forward<F>(callable)));
      ops_ = &kHeap<Callable>;
    }
  }

  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  UniqueFunction& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }
  ~UniqueFunction() { reset(); }

  explicit operator bool() const noexcept { return ops_ != nullptr; }

  Result operator()(Args... args) {
    IOA_ASSERT(ops_ != nullptr, "an empty function was called");
    return ops_->call(storage_, std::forward<Args>(args)...);
  }

 private:
  static constexpr std::size_t kCapacity = 3 * sizeof(void*);

  struct Ops {
    Result (*call)(void*, Args&&...);
    void (*move)(void* from, void* to) noexcept;  // leaves nothing in `from`; null: copy the bytes
    void (*destroy)(void*) noexcept;              // null: there is nothing to do
  };

  template <class F>
  static constexpr bool fits() {
    return sizeof(F) <= kCapacity && alignof(F) <= alignof(void*) &&
           std::is_nothrow_move_constructible_v<F>;
  }

  template <class F>
  static Result invoke(F& callable, Args&&... args) {
    if constexpr (std::is_void_v<Result>)
      static_cast<void>(callable(std::forward<Args>(args)...));  // whatever it returns
    else
      return callable(std::forward<Args>(args)...);
  }

  template <class F>
  static constexpr Ops make_inline() {
    Ops ops{[](void* self, Args&&... args) -> Result {
              return invoke(*static_cast<F*>(self), std::forward<Args>(args)...);
            },
            nullptr, nullptr};
    if constexpr (!std::is_trivially_copyable_v<F>) {
      ops.move = [](void* from, void* to) noexcept {
        ::new (to) F(std::move(*static_cast<F*>(from)));
        static_cast<F*>(from)->~F();
      };
    }
    if constexpr (!std::is_trivially_destructible_v<F>)
      ops.destroy = [](void* self) noexcept { static_cast<F*>(self)->~F(); };
    return ops;
  }

  // Most callables are a few pointers: moving and destroying them calls nothing.
  template <class F>
  static constexpr Ops kInline = make_inline<F>();

  template <class F>
  static constexpr Ops kHeap{[](void* self, Args&&... args) -> Result {
                               return invoke(**static_cast<F**>(self), std::forward<Args>(args)...);
                             },
                             nullptr, [](void* self) noexcept { delete *static_cast<F**>(self); }};

  void take(UniqueFunction& other) noexcept {
    ops_ = std::exchange(other.ops_, nullptr);
    if (ops_ == nullptr) return;
    if (ops_->move != nullptr)
      ops_->move(other.storage_, storage_);
    else
      std::memcpy(storage_, other.storage_, kCapacity);
  }
  // The members are in their final state before the callable's destructor runs: it may reach us.
  void reset() noexcept {
    const Ops* ops = std::exchange(ops_, nullptr);
    if (ops != nullptr && ops->destroy != nullptr) ops->destroy(storage_);
  }

  alignas(void*) std::byte storage_[kCapacity];
  const Ops* ops_ = nullptr;
};

}  // namespace ioa
