#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "ioa/worker/function.hpp"

namespace ioa {
namespace detail {

template <class Method>
struct MethodTraits;
template <class T, class R, class... A>
struct MethodTraits<R (T::*)(A...)> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
};
template <class T, class R, class... A>
struct MethodTraits<R (T::*)(A...) const> : MethodTraits<R (T::*)(A...)> {};

/// Calls a method in the worker, with arguments and result as bytes.
template <class T>
using MethodCall = void (*)(T&, std::string_view arguments, Bytes& result);

template <class T, auto Method>
void call_method(T& object, std::string_view bytes, Bytes& result) {
  using Traits = MethodTraits<decltype(Method)>;
  auto arguments = decode<typename Traits::Arguments>(bytes);
  auto call = [&object](auto&&... values) -> decltype(auto) {
    return (object.*Method)(std::forward<decltype(values)>(values)...);
  };
  if constexpr (std::is_void_v<typename Traits::Result>)
    std::apply(call, std::move(arguments));
  else
    Codec<std::decay_t<typename Traits::Result>>::encode(result,
                                                         std::apply(call, std::move(arguments)));
}

}  // namespace detail

/// How an Object lives in its worker.
struct ObjectOptions {
  WorkerModel model = WorkerModel::process;
  /// Whether another object is made when the worker has died: its state is that of a new one. If
  /// not, all later calls fail with kind `disconnected`, until restart().
  bool restarts = true;
  /// The longest message of arguments, or of a result, in bytes.
  std::size_t max_message = detail::kMaxMessage;
};

/// An object that lives in a worker, a process or a thread, and whose methods are called from the
/// Loop: what is slow, or keeps much in memory, or may crash.
///
///     auto& index = loop.add(std::make_unique<Object<Index>>([] { return Index("/var/index"); }));
///     int hits = co_await index.call<&Index::count>("word");
///
/// Calls are made one after the other, in their order. Arguments and results need a Codec. What a
/// method throws fails the Future as a WorkerError, and the object stays; what making it throws
/// fails every call. If the worker dies, the call that it was at fails with kind `disconnected`.
///
/// LIFETIME: the object is made when this enters a loop, in the worker, by a copy of `make`. stop()
/// has it destroyed there, after the calls that are under way. Removing this ends a process at once
/// (SIGKILL), its destructor is not run then; a thread's is, when the call it is at has returned.
template <class T>
class Object final : public FunctionPool {
 public:
  template <class Make>
  explicit Object(Make make, const ObjectOptions& options = {})
      : FunctionPool(
            [make = std::move(make)]() -> detail::WorkerCode {
              // By pointer: what is callable must be movable, which a T need not be.
              return [object = std::unique_ptr<T>(new T(Make(make)()))](std::string_view call,
                                                                        Bytes& result) {
                const auto method = Codec<std::uintptr_t>::decode(call);
                reinterpret_cast<detail::MethodCall<T>>(method)(*object, call, result);
              };
            },
            pool_options(options)) {}

  /// Calls a method, as `call<&T::method>(arguments...)`. Throws as Function::call().
  template <auto Method, class... Args>
  auto call(Args&&... arguments) {
    using Traits = detail::MethodTraits<decltype(Method)>;
    using Result = std::conditional_t<std::is_void_v<typename Traits::Result>, void,
                                      std::decay_t<typename Traits::Result>>;
    auto call = std::make_unique<detail::TypedCall<Result>>();
    // The worker is this program too: the same code lies at the same address.
    detail::MethodCall<T> method = &detail::call_method<T, Method>;
    Codec<std::uintptr_t>::encode(call->arguments, reinterpret_cast<std::uintptr_t>(method));
    const typename Traits::Arguments values(std::forward<Args>(arguments)...);
    Codec<typename Traits::Arguments>::encode(call->arguments, values);
    Future<Result> future = call->promise.future();
    call->promise.on_cancel([this, raw = call.get()] { cancel(*raw); });
    submit(std::move(call));
    return future;
  }

 private:
  static FunctionOptions pool_options(const ObjectOptions& options) {
    FunctionOptions pool;
    pool.model = options.model;
    pool.min_workers = pool.max_workers = 1;
    pool.replaces_dead = options.restarts;
    pool.max_message = options.max_message;
    pool.name = "ioa-object";
    return pool;
  }
};

}  // namespace ioa
