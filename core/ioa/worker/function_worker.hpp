#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ioa/base/clock.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/worker/function_pool.hpp"

/// A worker of a FunctionPool, as the Loop sees it, and its other side; not part of the interface.
namespace ioa::detail {

/// What a worker tells without a message: in memory that it shares with the Loop, also as another
/// process, so that it is known however the worker ends.
struct WorkerProgress {
  /// The number of the call that it has begun last.
  std::atomic<std::uint64_t> begun{0};
};

/// One of them, in memory that a process started later shares. Throws Error (mmap).
std::shared_ptr<WorkerProgress> make_progress();

/// How the two sides tell the outcome of a call.
enum class Reply : std::uint8_t { result = 1, error = 2 };

/// The worker's side: takes calls from `fd` and answers them, until there are no more, or the first
/// error if `exit_on_die`. Throws Error if the other side is gone.
void serve_calls(const std::function<WorkerCode()>& maker, int fd, WorkerProgress& progress,
                 std::size_t max_message, bool exit_on_die);

/// The Loop's side.
///
/// It lives until the pool destroys it; a process is killed then, and reaped.
class FunctionWorker {
 public:
  /// Starts it, as the pool's options say. Throws Error.
  FunctionWorker(FunctionPool& pool, const std::function<WorkerCode()>& maker);
  FunctionWorker(const FunctionWorker&) = delete;
  FunctionWorker& operator=(const FunctionWorker&) = delete;
  ~FunctionWorker();

  bool takes_calls() const noexcept { return !is_retiring_ && !has_ended_; }
  bool is_retiring() const noexcept { return is_retiring_; }
  std::size_t load() const noexcept { return load_; }
  /// How many it may have at once.
  std::size_t depth() const noexcept { return depth_; }
  /// How many it was given in all.
  std::uint64_t given() const noexcept { return given_; }
  std::uint64_t begun() const noexcept { return progress_->begun.load(std::memory_order_acquire); }
  ::pid_t pid() const noexcept { return pid_; }

  void give(std::unique_ptr<PendingCall> call);
  /// Gets no more, and ends when it is through with what it has.
  void retire();
  /// The calls that it was given and has not answered, in their order.
  std::unique_ptr<PendingCall> take_first() noexcept;
  std::unique_ptr<PendingCall> take_last() noexcept;

 private:
  void start_process(const std::function<WorkerCode()>& maker, UniqueFd theirs);
  void start_thread(const std::function<WorkerCode()>& maker, UniqueFd theirs);
  void flush();
  void read_answers(ByteBuffer& in, bool eof);
  void take_answer(const Frame& frame);
  void note_pace();
  void break_off();
  void exited(const ExitReport& report);
  void end_if_over();

  FunctionPool& pool_;
  std::shared_ptr<WorkerProgress> progress_;
  Stream* stream_ = nullptr;  // a child of the pool
  ::pid_t pid_ = 0;           // of a process
  std::optional<PidWatch> watch_;
  std::string fate_;
  NodeList<PendingCall> calls_;
  std::size_t load_ = 0;
  std::size_t depth_ = 1;
  std::uint64_t given_ = 0;
  TimePoint last_answer_{};
  Bytes out_;
  DeferredCall flush_;
  bool is_retiring_ = false;
  bool is_at_end_ = false;  // it sends no more
  bool has_ended_ = false;
};

}  // namespace ioa::detail
