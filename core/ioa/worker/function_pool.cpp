#include "ioa/worker/function_pool.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "ioa/loop/loop.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/worker/function_worker.hpp"

namespace ioa {
namespace {

// So many workers in a row may die before they have begun a call; then those calls fail.
constexpr std::size_t kMostStillborn = 3;

std::exception_ptr abandoned(const char* why) {
  return std::make_exception_ptr(Error(ErrorKind::abandoned, {}, "call", {}, why));
}

}  // namespace

struct FunctionPool::Running {
  Running(Loop& loop, FunctionPool& pool)
      : sweep(loop, [&pool] { pool.gone_.clear(); }),
        idle(loop.timers(), [&pool] { pool.idle_too_long(); }) {}
  DeferredCall sweep;
  TimeWatch idle;
};

FunctionPool::FunctionPool(Maker maker, FunctionOptions options)
    : maker_(std::move(maker)), options_(std::move(options)) {
  options_.max_workers = std::max<std::size_t>(options_.max_workers, 1);
  queue_[0];
}

FunctionPool::~FunctionPool() { fail_queue(abandoned("the Function was destroyed")); }

void FunctionPool::added_to_loop(Loop& loop) {
  running_ = std::make_unique<Running>(loop, *this);
  start();
}

void FunctionPool::removing_from_loop(Loop&) {
  std::exception_ptr error = fail_queue(abandoned("the Function has left its loop"));
  for (const auto& worker : workers_)
    while (const auto call = worker->take_first())
      if (call->is_wanted) call->fail(error);
  workers_.clear();
  gone_.clear();
  stopped_.clear();
  running_.reset();
}

void FunctionPool::set_idle_timeout(std::optional<Duration> timeout) {
  options_.idle_timeout = timeout;
  if (!running_) return;
  running_->idle.disarm();
  watch_idleness();
}

void FunctionPool::set_max_worker_calls(std::uint64_t calls) {
  options_.max_worker_calls = calls;
  if (calls == 0) return;
  for (const auto& worker : workers_)
    if (worker->takes_calls() && worker->given() >= calls) worker->retire();
}

void FunctionPool::set_worker_limits(std::size_t min_workers, std::size_t max_workers) {
  options_.min_workers = min_workers;
  options_.max_workers = std::max<std::size_t>(max_workers, 1);
  if (!running_) return;
  watch_idleness();
  dispatch();
}

/// Those that run have the old setting in their memory.
void FunctionPool::set_exit_on_die(bool exits) {
  if (std::exchange(options_.exit_on_die, exits) != exits) restart();
}

std::size_t FunctionPool::workers() const noexcept {
  return static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(),
                                                [](const auto& w) { return w->takes_calls(); }));
}

std::size_t FunctionPool::workers_busy() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(),
                    [](const auto& w) { return w->takes_calls() && w->load() > 0; }));
}

std::vector<::pid_t> FunctionPool::worker_pids() const {
  std::vector<::pid_t> pids;
  for (const auto& worker : workers_)
    if (worker->takes_calls() && worker->pid() != 0) pids.push_back(worker->pid());
  return pids;
}

void FunctionPool::start() {
  if (!running_) return;
  const std::size_t wanted = std::min(options_.min_workers, options_.max_workers);
  while (workers() < wanted) start_worker();
}

void FunctionPool::replace() noexcept {
  try {
    start();
  } catch (...) {
    // The next call tries again, and hears of it.
  }
}

Future<> FunctionPool::stop() {
  Promise<> promise;
  Future<> future = promise.future();
  fail_queue(abandoned("the Function was stopped"));
  retire_all();
  stopped_.push_back(std::move(promise));
  tell_stopped();
  return future;
}

void FunctionPool::restart() {
  death_ = nullptr;
  const bool had_workers = workers() > 0;
  retire_all();
  if (had_workers) replace();
  if (running_) dispatch();
}

void FunctionPool::retire_all() {
  for (const auto& worker : workers_)
    if (worker->takes_calls()) worker->retire();
}

void FunctionPool::submit(std::unique_ptr<Call> call) {
  if (!running_) throw std::logic_error("a Function is called in a loop");
  if (call->arguments.size() > options_.max_message)
    throw Error::from_errno(EMSGSIZE, "call", {}, "the arguments are too long");
  if (death_) return call->fail(death_);
  queue_[call->priority].push(*call);
  static_cast<void>(call.release());
  ++queued_;
  dispatch();
}

void FunctionPool::cancel(Call& call) noexcept {
  call.is_wanted = false;
  if (call.number != 0) return call.drop_promise();  // a worker has it
  const auto place = queue_.find(call.priority);
  place->second.remove(call);
  if (place->second.empty() && call.priority != 0) queue_.erase(place);
  --queued_;
  delete &call;
}

std::unique_ptr<FunctionPool::Call> FunctionPool::take_next() noexcept {
  auto place = queue_.begin();
  while (place != queue_.end() && place->second.empty()) ++place;
  if (place == queue_.end()) return nullptr;
  std::unique_ptr<Call> call(place->second.first());
  place->second.remove(*call);
  if (place->second.empty() && place->first != 0) queue_.erase(place);
  --queued_;
  return call;
}

void FunctionPool::dispatch() {
  while (queued_ > 0) {
    Worker* worker = worker_for_next();
    if (worker == nullptr) break;
    worker->give(take_next());
  }
  watch_idleness();
}

/// An idle one, a new one, or one that may have several calls; null if they have to wait.
FunctionPool::Worker* FunctionPool::worker_for_next() {
  Worker* least = nullptr;
  std::size_t count = 0;
  for (const auto& worker : workers_) {
    if (!worker->takes_calls()) continue;
    if (worker->load() == 0) return worker.get();
    ++count;
    const bool has_room = worker->load() < worker->depth();
    if (has_room && (least == nullptr || worker->load() < least->load())) least = worker.get();
  }
  if (count >= options_.max_workers) return least;
  try {
    return start_worker();
  } catch (...) {
    // The others go on; if there is none, nobody would ever take the calls.
    if (workers_.empty()) fail_queue(std::current_exception());
    return least;
  }
}

FunctionPool::Worker* FunctionPool::start_worker() {
  workers_.push_back(std::make_unique<Worker>(*this, maker_));
  return workers_.back().get();
}

std::exception_ptr FunctionPool::fail_queue(std::exception_ptr error) noexcept {
  while (const std::unique_ptr<Call> call = take_next()) call->fail(error);
  return error;
}

void FunctionPool::answered(Worker&) {
  stillborn_ = 0;
  dispatch();
}

void FunctionPool::worker_gone(Worker& worker, const std::string& how) {
  const bool has_worked = worker.begun() > 0;
  const bool was_retiring = worker.is_retiring();
  const std::uint64_t most = options_.max_worker_calls;
  const bool is_used_up = most != 0 && worker.given() >= most;
  if (!was_retiring && !has_worked) ++stillborn_;
  return_calls(worker, how);
  const auto place = std::find_if(workers_.begin(), workers_.end(),
                                  [&worker](const auto& each) { return each.get() == &worker; });
  gone_.push_back(std::move(*place));
  workers_.erase(place);
  running_->sweep.schedule();
  tell_stopped();
  if (death_) {
    fail_queue(death_);
    return;
  }
  dispatch();
  // One that dies before it has done anything is only replaced by need: that may be its nature.
  if (has_worked && (!was_retiring || is_used_up)) replace();
}

/// What it had begun has failed; the rest is somebody else's.
void FunctionPool::return_calls(Worker& worker, const std::string& how) {
  const std::uint64_t begun = worker.begun();
  const auto error = std::make_exception_ptr(
      Error(ErrorKind::disconnected, {}, "call", {}, "the worker died: " + how));
  if (!worker.is_retiring() && !options_.replaces_dead) death_ = error;
  const bool is_hopeless = death_ || stillborn_ >= kMostStillborn;
  while (std::unique_ptr<Call> call = worker.take_last()) {
    if (!call->is_wanted) continue;
    if (call->number <= begun || is_hopeless) {
      call->fail(error);
      continue;
    }
    call->number = 0;
    queue_[call->priority].push_front(*call);
    static_cast<void>(call.release());
    ++queued_;
  }
  if (is_hopeless) stillborn_ = 0;
}

void FunctionPool::watch_idleness() {
  TimeWatch& timer = running_->idle;
  const bool is_superfluous =
      options_.idle_timeout && workers_idle() > 0 && workers() > options_.min_workers;
  if (!is_superfluous) return timer.disarm();
  if (!timer.is_armed()) timer.arm(saturating_add(loop()->now(), *options_.idle_timeout));
}

void FunctionPool::idle_too_long() {
  const auto last = std::find_if(workers_.rbegin(), workers_.rend(), [](const auto& worker) {
    return worker->takes_calls() && worker->load() == 0;
  });
  if (last != workers_.rend() && workers() > options_.min_workers) (*last)->retire();
  watch_idleness();
}

void FunctionPool::tell_stopped() {
  const bool is_any = std::any_of(workers_.begin(), workers_.end(),
                                  [](const auto& worker) { return worker->is_retiring(); });
  if (is_any) return;
  for (Promise<>& promise : std::exchange(stopped_, {})) promise.done();
}

}  // namespace ioa
