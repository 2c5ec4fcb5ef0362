#include "ioa/process/process.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/trace.hpp"
#include "ioa/process/stop_sequence.hpp"

namespace ioa {

Process::Process(SpawnRequest request) : request_(std::move(request)) {}
Process::~Process() = default;

SpawnRequest& Process::request() {
  IOA_ASSERT(!is_started_, "a Process that is started cannot be set up");
  return request_;
}

void Process::on_stopped(UniqueFunction<void(Process&, const WaitStatus&)> callback) {
  on_stopped_ = std::move(callback);
}

std::string Process::describe() const {
  if (pid_ == 0) return "nopid";
  const std::string number = std::to_string(pid_);
  return is_running() ? number : "[" + number + "]";
}

// --- Starting -------------------------------------------------------------------------------

void Process::added_to_loop(Loop& loop) {
  IOA_ASSERT(!is_started_, "a Process is started once");
  is_started_ = true;
  if (failure_) return fail(*failure_);  // there was no pipe for it
  try {
    start(loop);
  } catch (const Error& error) {
    fail(error);
  }
}

void Process::start(Loop& loop) {
  for (const ChildEnd& end : child_ends_)
    for (const int target : end.targets)
      request_.descriptors.push_back(FdAction::dup(end.fd.get(), target));
  for (const auto& [fd, to] : merges_) request_.descriptors.push_back(FdAction::copy(to, fd));
  SpawnedChild child = spawn(request_);
  child_ends_.clear();
  const ::pid_t pid = child.pid;
  try {
    watch_ = std::make_unique<PidWatch>(loop, std::move(child),
                                        [this](const ExitReport& report) { child_ended(report); });
  } catch (...) {
    // The backend has no room for one more descriptor. Nobody could say how it ends.
    ::kill(pid, SIGKILL);
    retry_on_eintr([pid] { return ::waitpid(pid, nullptr, 0); });
    throw;
  }
  pid_ = pid;
  if (on_stopped_)
    watch_->on_stopped([this](const WaitStatus& status) { on_stopped_(*this, status); });
  trace(*this, "START " + request_.arguments.front());
  follow_streams();
}

void Process::follow_streams() {
  for (const Channel& channel : channels_) {
    if (!channel.is_read) continue;
    ++open_reads_;
    adopt(follow(*channel.stream));
  }
}

Future<> Process::follow(Stream& stream) {
  co_await stream.closed();
  --open_reads_;
  finish_when_done();
}

void Process::fail(const Error& error) {
  failure_ = error;
  child_ends_.clear();
  failing_.emplace(*loop(), [this] { announce_failure(); });
  failing_->schedule();
}

void Process::announce_failure() {
  is_done_ = true;
  for (const Channel& channel : channels_) channel.stream->close_now();
  const bool is_awaited =
      std::any_of(waiters_.begin(), waiters_.end(), [](auto& waiter) { return waiter.wanted(); });
  const auto failure = std::make_exception_ptr(*failure_);
  settle(failure);
  note_callback(*this);
  trace_event<Process>(*this, "on_failed");
  if (on_failed_)
    on_failed_(*this);
  else if (!is_awaited)
    invoke_error(failure);
  if (leaves_when_done_) remove();
}

// --- Ending ---------------------------------------------------------------------------------

void Process::child_ended(const ExitReport& report) {
  report_ = report;
  note_callback(*this);
  trace_event<Process>(*this, "on_child_end");
  on_child_end_(*this);
  if (loop() == nullptr || is_done_) return;
  if (drain_ && open_reads_ > 0) {
    drain_timer_.emplace(loop()->timers(), [this] {
      is_drain_up_ = true;
      finish_when_done();
    });
    drain_timer_->arm(saturating_add(loop()->now(), *drain_));
  }
  finish_when_done();
}

bool Process::has_ended_tree() const noexcept { return !stop_ || stop_->is_tree_ended(); }

void Process::finish_when_done() {
  if (!report_ || is_done_ || !has_ended_tree()) return;
  if (open_reads_ == 0 || is_drain_up_) finish();
}

void Process::finish() {
  is_done_ = true;
  is_drained_ = open_reads_ == 0;
  drain_timer_.reset();
  for (const Channel& channel : channels_) channel.stream->close_now();
  settle(nullptr);
  note_callback(*this);
  trace_event<Process>(*this, "on_exit");
  on_exit_(*this);
  if (leaves_when_done_) remove();
}

void Process::settle(const std::exception_ptr& failure) {
  for (Promise<ExitReport>& waiter : std::exchange(waiters_, {}))
    failure ? waiter.fail(failure) : waiter.done(*report_);
}

Future<ExitReport> Process::exited() {
  if (is_done_ && report_) return Future<ExitReport>::resolved(*report_);
  if (is_done_ && failure_) return Future<ExitReport>::failed(*failure_);
  std::erase_if(waiters_, [](const auto& waiter) { return !waiter.wanted(); });
  return waiters_.emplace_back().future();
}

void Process::removing_from_loop(Loop& loop) {
  const bool was_running = is_running();
  failing_.reset();
  drain_timer_.reset();
  stop_.reset();
  watch_.reset();
  waiters_.clear();
  if (was_running) detail::see_to_its_end(loop, pid_, stop_policy_);
}

// --- While it runs --------------------------------------------------------------------------

bool Process::kill(int signal) noexcept { return watch_ && watch_->kill(signal); }

bool Process::kill_group(int signal) noexcept { return watch_ && watch_->kill_group(signal); }

void Process::terminate(const StopPolicy& policy) {
  if (!is_running()) return;
  if (!stop_) {
    stop_ = std::make_unique<detail::StopSequence>(*loop(), *watch_);
    stop_->on_tree_ended([this] { finish_when_done(); });
  }
  stop_->begin(policy);
}

Stream* Process::stream(int fd) noexcept {
  for (const Channel& channel : channels_)
    if (std::find(channel.fds.begin(), channel.fds.end(), fd) != channel.fds.end())
      return channel.stream;
  return nullptr;
}

// --- Opening --------------------------------------------------------------------------------

namespace {

Future<Process*> opened(Process& process) {
  if (!process.failure()) return Future<Process*>::resolved(&process);
  Error failure = *process.failure();
  process.remove();  // whoever asked knows
  return Future<Process*>::failed(std::move(failure));
}

}  // namespace

Future<Process*> open_process(Loop& loop, std::unique_ptr<Process> process) {
  return opened(loop.add(std::move(process)));
}

Future<Process*> open_process(Notifier& parent, std::unique_ptr<Process> process) {
  IOA_ASSERT(parent.loop() != nullptr, "a Process is opened inside a loop");
  return opened(parent.add_child(std::move(process)));
}

}  // namespace ioa
