#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "ioa/worker/codec.hpp"
#include "ioa/worker/function_pool.hpp"

namespace ioa {
namespace detail {

template <class Result>
class TypedCall final : public PendingCall {
 public:
  using Value = std::conditional_t<std::is_void_v<Result>, std::monostate, Result>;

  Promise<Result> promise;

  void done(std::string_view result) noexcept override {
    try {
      auto value = decode<Value>(result);
      if constexpr (std::is_void_v<Result>)
        promise.done();
      else
        promise.done(std::move(value));
    } catch (...) {
      promise.fail(std::current_exception());
    }
  }
  void fail(std::exception_ptr error) noexcept override { promise.fail(std::move(error)); }
  void drop_promise() noexcept override { const Promise<Result> dropped = std::move(promise); }
};

template <class Result, class... Args, class Code>
WorkerCode worker_code(Code code) {
  return [code = std::move(code)](std::string_view bytes, Bytes& result) mutable {
    auto arguments = decode<std::tuple<std::decay_t<Args>...>>(bytes);
    if constexpr (std::is_void_v<Result>)
      std::apply(code, std::move(arguments));
    else
      Codec<Result>::encode(result, std::apply(code, std::move(arguments)));
  };
}

}  // namespace detail

template <class Signature>
class Function;

/// Code that runs in workers, processes or threads, as if it were an asynchronous function.
///
///     auto& digest = loop.add(std::make_unique<Function<std::string(std::string)>>(
///         [](std::string path) { return sha256_of_file(path); }));
///     std::string sum = co_await digest.call("/etc/passwd");
///
/// Arguments and results need a Codec. Arguments become bytes inside call(), so what the caller
/// does with them later does not matter; in a thread too the code gets copies.
///
/// WORKERS: min_workers are there from the start, more come with the calls, up to max_workers. An
/// idle one gets the next call; if there is none the calls wait in line, higher priorities in
/// front. Each worker has its own copy of the code, and may keep something in it from call to call;
/// made_by() has the code made in the worker, where a connection to a database belongs.
///
/// ERRORS: what the code throws fails the Future as a WorkerError. If a worker dies (a signal,
/// _exit), the call that it was at fails with kind `disconnected`, or those whose results had not
/// been sent yet; those that were given to it and not begun, and those in line, go to others, and
/// a worker in its place is started. If none can be started and none is left, calls fail with the
/// Error of fork or pthread_create, kind `overloaded` or `failed`.
///
/// CANCELLING: dropping the Future takes the call out of the line. One that a worker has goes on,
/// and its result is dropped.
///
/// LIFETIME: leaving the loop fails all calls with kind `abandoned` and ends processes at once
/// (SIGKILL); threads end when they are through with the call they have. stop() waits for both.
template <class Result, class... Args>
class Function<Result(Args...)> final : public FunctionPool {
 public:
  /// `code` is callable with Args, and copied for every worker.
  template <class Code>
  explicit Function(Code code, FunctionOptions options = {})
      : FunctionPool(
            [code = std::move(code)] { return detail::worker_code<Result, Args...>(Code(code)); },
            std::move(options)) {}

  /// `make` is called once in every worker and returns the code. If it throws, that is what every
  /// call of that worker fails with.
  template <class Make>
  static std::unique_ptr<Function> made_by(Make make, FunctionOptions options = {}) {
    return std::unique_ptr<Function>(
        new Function(FromMaker(), std::move(make), std::move(options)));
  }

  /// Calls the code in a worker. Throws std::logic_error outside of a loop, and what the codecs
  /// throw; arguments over max_message are an Error (EMSGSIZE).
  Future<Result> call(std::type_identity_t<Args>... arguments) {
    return call_with_priority(0, std::move(arguments)...);
  }
  /// The same with a place in line: before all of a lower priority, behind those of the same.
  Future<Result> call_with_priority(int priority, std::type_identity_t<Args>... arguments) {
    auto call = std::make_unique<detail::TypedCall<Result>>();
    call->priority = priority;
    (Codec<std::decay_t<Args>>::encode(call->arguments, arguments), ...);
    Future<Result> future = call->promise.future();
    call->promise.on_cancel([this, raw = call.get()] { cancel(*raw); });
    submit(std::move(call));
    return future;
  }

 private:
  struct FromMaker {};
  template <class Make>
  Function(FromMaker, Make make, FunctionOptions options)
      : FunctionPool(
            [make = std::move(make)] { return detail::worker_code<Result, Args...>(Make(make)()); },
            std::move(options)) {}
};

}  // namespace ioa
