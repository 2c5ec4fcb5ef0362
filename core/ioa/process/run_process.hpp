#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ioa/base/error.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/future/future.hpp"
#include "ioa/process/spawn_request.hpp"
#include "ioa/process/stop_policy.hpp"
#include "ioa/process/wait_status.hpp"

namespace ioa {

class Loop;

/// What run_process() is to do with one output of the child.
enum class Capture {
  inherit,  ///< This process's, or what the request's descriptors say.
  keep,     ///< Into the result.
  merge,    ///< stderr only: to the same place as stdout, in one order.
  discard,  ///< /dev/null.
};

/// How run_process() runs a program.
struct RunOptions {
  SpawnRequest request;
  /// What the child reads from stdin: this text and then the end of file. nullopt: this process's
  /// stdin, or what the request's descriptors say.
  std::optional<std::string> input = std::string();
  Capture out = Capture::keep;
  Capture err = Capture::inherit;
  /// How many bytes of each output are kept. What is more is read and dropped, and the result says
  /// so.
  std::size_t limit = std::size_t{1} << 20;
  /// Called with each piece of what is captured, `fd` 1 or 2, as it comes; also past the limit.
  UniqueFunction<void(int fd, std::string_view bytes)> on_output;
  /// How long the child may run; then it is stopped as `stop` says.
  std::optional<Duration> timeout;
  /// How the child is ended when its time is up or the Future is dropped.
  StopPolicy stop;
  /// How long outputs may stay open after the child's end; see Process::set_drain().
  std::optional<Duration> drain = std::chrono::seconds(1);
  /// Whether an end other than by exit status 0 is a failure: ProcessFailed.
  bool fail_on_nonzero = false;
};

/// What has become of it.
struct RunResult {
  ::pid_t pid = 0;
  WaitStatus status;
  ResourceUsage usage;
  Duration wall{};  ///< From its start to its end.
  bool timed_out = false;
  std::string out;
  std::string err;
  bool is_out_truncated = false;
  bool is_err_truncated = false;
  /// False if an output was still open when `drain` was up.
  bool is_drained = true;
};

/// The failure of a program that ran and did not succeed. Kind `timeout` if its time was up, else
/// `failed`; operation() is "run", subject() the program, detail() what the status says.
class ProcessFailed : public Error {
 public:
  ProcessFailed(std::string program, RunResult result);
  const RunResult& result() const noexcept { return result_; }

 private:
  RunResult result_;
};

/// Runs a program to its end.
///
///     RunOptions options{SpawnRequest::command({"git", "rev-parse", "HEAD"})};
///     RunResult result = co_await run_process(loop, std::move(options));
///     if (result.status.is_success()) use(result.out);
///
/// Fails with the Error of spawn() if it cannot be started, which is nothing that an exit status
/// can say. Dropping the Future stops the child as options.stop says, and does not wait for that:
/// the Loop goes on with it.
Future<RunResult> run_process(Loop& loop, RunOptions options);

}  // namespace ioa
