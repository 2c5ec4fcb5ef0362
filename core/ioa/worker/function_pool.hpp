#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/bytes.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/free_list.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/worker/frame.hpp"
#include "ioa/worker/worker_error.hpp"
#include "ioa/worker/worker_start.hpp"

namespace ioa {
namespace detail {

/// A call of a Function on its way: in line, or given to a worker.
class PendingCall : public FreeListed {
 public:
  PendingCall() = default;
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;
  virtual ~PendingCall() = default;

  /// Settles the Future, with the result as a worker has sent it, or with a failure.
  virtual void done(std::string_view result) noexcept = 0;
  virtual void fail(std::exception_ptr error) noexcept = 0;
  /// Nobody waits any more.
  virtual void drop_promise() noexcept = 0;

  PendingCall* prev = nullptr;
  PendingCall* next = nullptr;
  Bytes arguments;
  int priority = 0;
  std::uint64_t number = 0;  ///< Among those that its worker was given; 0: in line.
  bool is_wanted = true;
};

class FunctionWorker;

/// What a worker does with a call: from its arguments to its result, both as bytes.
using WorkerCode = UniqueFunction<void(std::string_view arguments, Bytes& result)>;

}  // namespace detail

/// How a Function has its code called.
struct FunctionOptions {
  WorkerModel model = WorkerModel::process;
  /// Workers that are started at once, and that stay.
  std::size_t min_workers = 1;
  /// A worker is added when there is a call and none is idle, up to so many.
  std::size_t max_workers = 8;
  /// If none was needed for so long, one of the workers over min_workers is ended; then the next.
  std::optional<Duration> idle_timeout;
  /// A worker is replaced after so many calls; 0: never.
  std::uint64_t max_worker_calls = 0;
  /// A worker ends, and is replaced, when the code throws.
  bool exit_on_die = false;
  /// Whether another worker takes the place of one that has died. If not, all calls that it had not
  /// answered and all later ones fail with kind `disconnected`, until restart().
  bool replaces_dead = true;
  /// The most calls that a worker is given before it has answered the first of them. They save
  /// system calls, and are given only to a worker that has just answered within a millisecond.
  std::size_t max_in_flight = 64;
  /// The longest message of arguments, or of a result, in bytes.
  std::size_t max_message = detail::kMaxMessage;
  /// As ps(1) shows the threads.
  std::string name = "ioa-function";
};

/// The part of every Function that does not depend on its types.
class FunctionPool : public Notifier {
 public:
  ~FunctionPool() override;

  const FunctionOptions& options() const noexcept { return options_; }
  /// These count from now on, for workers that run too.
  void set_idle_timeout(std::optional<Duration> timeout);
  void set_max_worker_calls(std::uint64_t calls);
  void set_worker_limits(std::size_t min_workers, std::size_t max_workers);
  void set_exit_on_die(bool exits);

  /// Workers that take calls, and how many of them have one, or none.
  std::size_t workers() const noexcept;
  std::size_t workers_busy() const noexcept;
  std::size_t workers_idle() const noexcept { return workers() - workers_busy(); }
  /// Calls in line.
  std::size_t queued() const noexcept { return queued_; }
  /// The processes of the workers; none for threads.
  std::vector<::pid_t> worker_pids() const;

  /// Starts min_workers, if there are fewer. Done on entering a loop.
  void start();
  /// Calls that a worker has go on, those in line fail with kind `abandoned`, and the workers end.
  /// Ready when they have; dropping that changes nothing. A later call starts workers again.
  Future<> stop();
  /// Workers that run finish what they have, and are replaced: those that come then, processes,
  /// see this process as it is by then.
  void restart();

 protected:
  using Maker = std::function<detail::WorkerCode()>;

  FunctionPool(Maker maker, FunctionOptions options);

  void submit(std::unique_ptr<detail::PendingCall> call);
  void cancel(detail::PendingCall& call) noexcept;

  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  using Call = detail::PendingCall;
  using Worker = detail::FunctionWorker;
  friend Worker;
  struct Running;

  std::unique_ptr<Call> take_next() noexcept;
  void answered(Worker& worker);
  void dispatch();
  Worker* worker_for_next();
  Worker* start_worker();
  std::exception_ptr fail_queue(std::exception_ptr error) noexcept;
  void worker_gone(Worker& worker, const std::string& how);
  void return_calls(Worker& worker, const std::string& how);
  void retire_all();
  void replace() noexcept;
  void watch_idleness();
  void idle_too_long();
  void tell_stopped();

  Maker maker_;
  FunctionOptions options_;
  /// The line, by priority; that of 0 stays when it is empty.
  std::map<int, detail::NodeList<Call>, std::greater<>> queue_;
  std::size_t queued_ = 0;
  std::list<std::unique_ptr<Worker>> workers_;  // the oldest first
  std::vector<std::unique_ptr<Worker>> gone_;   // until nothing of them is on the stack
  std::exception_ptr death_;   // what calls fail with, where the dead are not replaced
  std::size_t stillborn_ = 0;  // workers in a row that died before they had begun anything
  std::vector<Promise<>> stopped_;
  std::unique_ptr<Running> running_;  // while it is in a loop
};

}  // namespace ioa
