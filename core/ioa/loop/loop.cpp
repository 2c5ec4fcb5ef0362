#include "ioa/loop/loop.hpp"

#include <algorithm>
#include <list>
#include <utility>

#include "ioa/base/free_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/debug_log.hpp"

namespace ioa {
Loop::Loop(std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)),
      signals_(*backend_, ready_),
      posted_(std::make_shared<PostQueue>(*backend_)),
      now_(backend_->now()),
      debug_log_(DebugLog::from_environment()),
      root_(std::make_unique<Notifier>()) {
  set_event_sink(nullptr);
  root_->enter(*this);
}

Loop::~Loop() {
  posted_->close();
  root_->leave();
  root_.reset();
  empty_graveyard();
  reactions_.reap();
  // What they captured may defer more when it is destroyed.
  posted_here_.clear();
  deferred_.clear();
  reactions_.reap();
}

std::size_t Loop::turn(std::optional<Duration> timeout) {
  const Depth depth(turn_depth_);
  const bool is_monitored = active_monitor_ != nullptr;
  CallbackMonitor::Turn span(active_monitor_);
  ++counters_.turns;
  if (wait_hooks_) wait_hooks_->before();
  backend_->wait(wait_deadline(timeout));
  is_now_fixed_ = false;
  const bool has_timers = !timers_.empty();  // what is armed in this turn waits for the next one
  if (is_monitored || has_timers) fix_now();
  if (has_timers) timers_.begin_firing(now_);
  span.awake(now_);
  if (wait_hooks_) wait_hooks_->after();
  // Most turns have something in one of the queues only, and a look is cheaper than a call.
  std::size_t count = 0;
  if (!ready_.empty())
    count += run_all(ready_, CallbackKind::descriptor, counters_.ready_callbacks);
  if (!posted_->empty()) take_posted();
  if (!posted_here_.empty())
    count += run_all(posted_here_, CallbackKind::posted, counters_.posted_calls);
  if (has_timers) count += fire_timers();
  if (!deferred_.empty())
    count += run_all(deferred_, CallbackKind::deferred, counters_.deferred_calls);
  if (!reactions_.empty())
    count += active_monitor_ == nullptr ? reactions_.drain(kReactionsPerTurn) : drain_monitored();
  reactions_.reap();
  if (turn_depth_ == 1 && !graveyard_.empty()) empty_graveyard();
  if (failure_) rethrow_failure();
  return count;
}

void Loop::run() {
  const Depth depth(run_depth_);
  while (!ends_run()) turn();
}

/// Whether the run that is on top has come to its end.
bool Loop::ends_run() noexcept {
  return run_depth_ > unwound_depth_ || std::exchange(stop_requested_, false);
}

std::optional<int> Loop::run_until(std::initializer_list<int> signals) {
  const Depth depth(run_depth_);
  /// Has all runs inside this one end, until it ends itself.
  struct Unwinding {
    explicit Unwinding(Loop& target) noexcept : loop(target), depth(target.run_depth_) {}
    Unwinding(const Unwinding&) = delete;
    Unwinding& operator=(const Unwinding&) = delete;
    ~Unwinding() {
      if (loop.unwound_depth_ == depth) loop.unwound_depth_ = kNotUnwound;
    }
    void begin() noexcept { loop.unwound_depth_ = std::min(loop.unwound_depth_, depth); }
    Loop& loop;
    const int depth;
  } unwinding(*this);
  std::optional<int> arrived;
  std::list<SignalWatch> watches;
  for (const int signal : signals)
    watches.emplace_back(*this, signal, [&arrived, &unwinding, signal] {
      if (!arrived) arrived = signal;
      unwinding.begin();
    });
  while (!arrived && !ends_run()) turn();
  if (arrived) stop_requested_ = false;  // one that came with the signal has been obeyed
  return arrived;
}

void Loop::after_fork() { backend_->after_fork(); }

void Loop::on_wait(UniqueFunction<void()> before, UniqueFunction<void()> after) {
  // They stay where they are: one of them may be running.
  if (!wait_hooks_) wait_hooks_ = std::make_unique<WaitHooks>();
  wait_hooks_->before = std::move(before);
  wait_hooks_->after = std::move(after);
}

std::optional<TimePoint> Loop::next_due() noexcept {
  // What was posted counts before it is taken: a turn inside a callback may find the wake-up that
  // came with it used up already.
  if (!reactions_.empty() || !deferred_.empty() || !ready_.empty() || !posted_here_.empty() ||
      !posted_->empty() || failure_)
    return TimePoint::min();
  std::optional<TimePoint> deadline = timers_.next();
  if (deadline && *deadline > timers_fired_)
    deadline = std::max(*deadline, saturating_add(timers_fired_, kTimerGrain));
  return deadline;
}

std::optional<TimePoint> Loop::wait_deadline(std::optional<Duration> timeout) {
  std::optional<TimePoint> deadline = next_due();
  if (timeout && deadline != TimePoint::min()) {
    const TimePoint cap = saturating_add(backend_->now(), *timeout);
    deadline = deadline ? std::min(*deadline, cap) : cap;
  }
  return deadline;
}

void Loop::fix_now() const noexcept {
  now_ = backend_->now();
  is_now_fixed_ = true;
}

std::size_t Loop::fire_timers() {
  const std::size_t count =
      active_monitor_ == nullptr ? timers_.fire_due(now(), kTimersPerTurn) : fire_monitored();
  if (count > 0) timers_fired_ = now();
  return count;
}

std::size_t Loop::run_all(FunctionQueue& functions, CallbackKind kind, std::uint64_t& counter) {
  return functions.run_generation([&](UniqueFunction<void()>& function) {
    ++counter;
    if (active_monitor_ == nullptr) return function();
    const CallbackMonitor::Call call(*active_monitor_, kind);
    function();
  });
}

std::size_t Loop::run_all(JobList& jobs, CallbackKind kind, std::uint64_t& counter) {
  if (active_monitor_ != nullptr) return run_monitored(jobs, kind, counter);
  std::size_t count = 0;
  for (; Job* job = jobs.pop(); ++count) {
    ++counter;
    job->run();
  }
  return count;
}

void Loop::take_posted() {
  posted_->take(taken_);
  for (auto& function : taken_) posted_here_.push(std::move(function));
  taken_.clear();
}

Future<> Loop::next_turn() {
  struct Waiter : FreeListed {
    explicit Waiter(Loop& loop) : call(loop, [this] { finish(); }) { call.schedule(); }
    void finish() {
      promise.done();
      delete this;
    }
    DeferredCall call;
    Promise<> promise;
  };
  auto* waiter = new Waiter(*this);
  waiter->promise.on_cancel([waiter] { delete waiter; });
  return waiter->promise.future();
}

void Loop::empty_graveyard() noexcept {
  // A destructor may bury others.
  while (!graveyard_.empty()) std::exchange(graveyard_, {}).clear();
}

void Loop::fail(std::exception_ptr error) noexcept {
  if (!failure_) failure_ = std::move(error);
}

void Loop::rethrow_failure() { std::rethrow_exception(std::exchange(failure_, nullptr)); }

}  // namespace ioa
