#include "ioa/process/run_process.hpp"

#include <fcntl.h>

#include <memory>
#include <utility>

#include "ioa/base/event_slot.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/process/process.hpp"

namespace ioa {
namespace {

/// What one output has brought.
struct Captured {
  std::string text;
  bool is_truncated = false;

  void take(std::string_view bytes, std::size_t limit) {
    const std::size_t room = limit - text.size();
    text.append(bytes.substr(0, room));
    is_truncated = is_truncated || bytes.size() > room;
  }
};

/// One run: what its Process and its coroutine share.
struct Run {
  Run(Loop& in, RunOptions of) : loop(in), options(std::move(of)) {
    on_output = std::move(options.on_output);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  /// Dropped before its end, the Process stops its child.
  ~Run() {
    if (Process* left = process.get()) left->remove();
  }

  Loop& loop;
  RunOptions options;
  Event<void(int, std::string_view)> on_output;
  WeakRef<Process> process;
  Captured out;
  Captured err;
  bool timed_out = false;
  TimePoint started{};
  TimePoint ended{};
};

void capture(Run& run, Process& process, int fd, Captured& into) {
  process.pipe_read(fd).on_read([&run, &into, fd](Stream&, ByteBuffer& in, bool) {
    into.take(in.view(), run.options.limit);
    if (!run.on_output || in.empty()) return in.clear();
    const std::string bytes(in.view());
    in.clear();
    run.on_output(fd, bytes);  // which may drop the run
  });
}

void set_up_output(Run& run, Process& process, int fd, Capture how, Captured& into) {
  switch (how) {
    case Capture::inherit:
      return;
    case Capture::keep:
      return capture(run, process, fd, into);
    case Capture::merge:
      return process.merge(fd, 1);
    case Capture::discard:
      return process.request().descriptors.push_back(FdAction::open("/dev/null", O_WRONLY, fd));
  }
}

std::unique_ptr<Process> make_process(Run& run) {
  auto process = std::make_unique<Process>(std::move(run.options.request));
  if (run.options.input) {
    Stream& in = process->pipe_write(0);
    in.write(*run.options.input);
    in.shutdown_write();
    run.options.input.reset();
  }
  set_up_output(run, *process, 1, run.options.out, run.out);
  set_up_output(run, *process, 2, run.options.err, run.err);
  process->set_drain(run.options.drain);
  process->set_stop_policy(run.options.stop);
  process->set_leaves_when_done(false);
  process->on_child_end([&run](Process&) {
    run.loop.refresh_now();
    run.ended = run.loop.now();
  });
  return process;
}

RunResult result_of(Run& run, Process& process, const ExitReport& report) {
  RunResult result;
  result.pid = report.pid;
  result.status = report.status;
  result.usage = report.usage;
  result.wall = run.ended - run.started;
  result.timed_out = run.timed_out;
  result.out = std::move(run.out.text);
  result.err = std::move(run.err.text);
  result.is_out_truncated = run.out.is_truncated;
  result.is_err_truncated = run.err.is_truncated;
  result.is_drained = process.is_drained();
  return result;
}

Future<RunResult> follow(std::unique_ptr<Run> run, std::string program) {
  Process& process = *run->process.get();
  std::optional<TimeWatch> limit;
  if (run->options.timeout) {
    limit.emplace(run->loop.timers(), [&run, &process] {
      run->timed_out = process.is_running();
      process.terminate(run->options.stop);
    });
    limit->arm(saturating_add(run->started, *run->options.timeout));
  }
  ExitReport report = co_await process.exited();
  RunResult result = result_of(*run, process, report);
  if (run->options.fail_on_nonzero && (!result.status.is_success() || result.timed_out))
    throw ProcessFailed(std::move(program), std::move(result));
  co_return result;
}

std::string detail_of(const RunResult& result) {
  return (result.timed_out ? "timed out, " : "") + result.status.text();
}

}  // namespace

ProcessFailed::ProcessFailed(std::string program, RunResult result)
    : Error(result.timed_out ? ErrorKind::timeout : ErrorKind::failed, {}, "run",
            std::move(program), detail_of(result)),
      result_(std::move(result)) {}

Future<RunResult> run_process(Loop& loop, RunOptions options) {
  std::string program =
      options.request.arguments.empty() ? std::string() : options.request.arguments.front();
  auto run = std::make_unique<Run>(loop, std::move(options));
  loop.refresh_now();
  run->started = loop.now();
  Process& process = loop.add(make_process(*run));
  if (process.failure()) {
    Error failure = *process.failure();
    process.remove();
    return Future<RunResult>::failed(std::move(failure));
  }
  run->process = WeakRef<Process>(process);
  return follow(std::move(run), std::move(program));
}

}  // namespace ioa
