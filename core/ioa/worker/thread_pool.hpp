#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/worker/thread_job.hpp"

namespace ioa {

class Loop;

/// Runs functions that block on threads of their own, and gives their results to the Loop.
///
///     ThreadPool pool(loop);
///     std::string text = co_await pool.run(read_slowly);   // a function object without references
///
/// Threads are started when there is work and none of them is idle, at most max_threads; work
/// beyond that waits in line. An idle thread ends after a while. They block all signals but those
/// of their own faults (SIGSEGV and the like).
///
/// CANCELLING: dropping the Future of a job that still waits in line takes it out, unrun. A job
/// that is running cannot be stopped: its result is dropped, and its thread no longer counts, so
/// that another may take its place; at most max_abandoned threads stand outside the count like
/// that. When such a job ends after all, its thread serves again, or ends if it is one too many.
///
/// OWNERSHIP: the Loop must outlive the pool, but the threads need not end before either: they own
/// what they touch, are detached and never joined. A job therefore captures by value what it uses.
/// Destroying the pool drops the jobs in line, and fails all pending Futures with kind `abandoned`.
///
/// FORK: a child made by fork(2) has none of the threads. There run() fails with kind
/// `unsupported`, what was pending stays so, and destroying the pool fails it; the child makes a
/// pool of its own.
///
/// THREADS: the pool belongs to its Loop's thread; only the jobs run elsewhere.
class ThreadPool {
 public:
  /// How many threads there may be.
  struct Options {
    /// Threads that run jobs somebody waits for, at most.
    std::size_t max_threads = 8;
    /// Threads given up with a job that does not end, at most.
    std::size_t max_abandoned = 8;
    /// Bytes of stack. Name service modules (LDAP, mDNS, systemd) are others' code, and none says
    /// how much it needs; only pages that are touched cost memory, so this is generous.
    std::size_t stack_size = std::size_t{1} << 20;
    /// How long a thread without work stays.
    Duration idle_time = std::chrono::seconds(10);
    /// As ps(1) shows the threads; at most 15 bytes count.
    std::string name = "ioa-worker";
  };

  explicit ThreadPool(Loop& loop) : ThreadPool(loop, Options()) {}
  ThreadPool(Loop& loop, const Options& options);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  /// Calls `function()` on a thread. The Future gives what it returns, or fails with what it
  /// throws; if not even one thread can be started, with an Error of kind `overloaded`
  /// (pthread_create), also later, when the last thread was given up with another job. The function
  /// is destroyed on the thread, before the Future is ready.
  template <class F>
  auto run(F&& function) {
    using Result = std::invoke_result_t<std::remove_cvref_t<F>&>;
    auto job = std::make_unique<detail::FunctionJob<Result>>(std::forward<F>(function));
    Promise<Result> promise;
    Future<Result> future = promise.future();
    promise.on_cancel([this, raw = job.get()] { give_up(*raw); });
    job->set_promise(std::move(promise));
    submit(std::move(job));
    return future;
  }

  /// Threads that exist, those given up included.
  std::size_t threads() const noexcept;
  /// Threads whose job nobody waits for.
  std::size_t abandoned() const noexcept;
  /// Jobs in line.
  std::size_t queued() const noexcept;

 private:
  class Shared;
  struct Counts {
    std::size_t threads = 0;
    std::size_t abandoned = 0;
    std::size_t queued = 0;
  };

  bool has_threads_elsewhere() const noexcept;
  Counts counts() const noexcept;
  void submit(std::unique_ptr<detail::ThreadJob> job);
  void fail(std::unique_ptr<detail::ThreadJob> job, int error) noexcept;
  void give_up(detail::ThreadJob& job) noexcept;
  void await_no_more(detail::ThreadJob& job) noexcept;
  void collect() noexcept;

  const unsigned forks_;  // how many there were when it was made
  std::shared_ptr<Shared> shared_;
  detail::NodeList<detail::ThreadJob> awaited_;  // by somebody, whatever their stage
};

}  // namespace ioa
