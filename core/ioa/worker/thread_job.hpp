#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "ioa/base/free_list.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/future/job_list.hpp"
#include "ioa/future/promise.hpp"

/// What a ThreadPool's work is made of; not part of the interface.
namespace ioa {
class ThreadPool;
}
namespace ioa::detail {

/// One call on its way through a ThreadPool. Whose it is follows from its stage: in line and ended
/// it is the pool's, running the thread's that runs it, and then the pool's again unless it was
/// given up meanwhile.
///
/// As a Job it stands in the line, or among those that have ended.
class ThreadJob : public Job, public FreeListed {
 public:
  ThreadJob() = default;
  virtual ~ThreadJob() = default;

  /// On a thread: makes the call and keeps its outcome.
  virtual void run() noexcept = 0;
  /// On the loop's thread: settles the Future, with the outcome of run() or with `error`.
  virtual void deliver() noexcept = 0;
  virtual void fail(std::exception_ptr error) noexcept = 0;
  /// On the loop's thread: drops the Promise, which must not end on another one.
  virtual void drop_promise() noexcept = 0;

  // On the loop's thread: among those that somebody waits for.
  ThreadJob* prev = nullptr;
  ThreadJob* next = nullptr;

 private:
  friend class ioa::ThreadPool;
  enum class Stage : std::uint8_t { queued, running, ended };

  bool is_awaited_ = true;       // the loop's thread only
  Stage stage_ = Stage::queued;  // under the pool's lock, as is the next one
  bool is_abandoned_ = false;
};

template <class Result>
class FunctionJob final : public ThreadJob {
 public:
  template <class F>
  explicit FunctionJob(F&& function) : function_(std::forward<F>(function)) {}

  void set_promise(Promise<Result> promise) { promise_.emplace(std::move(promise)); }

  void run() noexcept override {
    try {
      if constexpr (std::is_void_v<Result>) {
        function_();
        outcome_.template emplace<1>();
      } else {
        outcome_.template emplace<1>(function_());
      }
    } catch (...) {
      outcome_.template emplace<2>(std::current_exception());
    }
    function_ = nullptr;
  }

  void deliver() noexcept override {
    if (auto* error = std::get_if<2>(&outcome_)) return fail(std::move(*error));
    if constexpr (std::is_void_v<Result>)
      promise_->done();
    else
      promise_->done(std::move(std::get<1>(outcome_)));
    promise_.reset();
  }
  void fail(std::exception_ptr error) noexcept override {
    promise_->fail(std::move(error));
    promise_.reset();
  }
  void drop_promise() noexcept override { promise_.reset(); }

 private:
  UniqueFunction<Result()> function_;
  std::variant<std::monostate, Stored<Result>, std::exception_ptr> outcome_;
  std::optional<Promise<Result>> promise_;
};

}  // namespace ioa::detail
