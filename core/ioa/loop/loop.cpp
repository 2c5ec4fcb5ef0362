#include "ioa/loop/loop.hpp"

#include <algorithm>
#include <utility>

#include "ioa/base/free_list.hpp"
#include "ioa/future/promise.hpp"

namespace ioa {
Loop::Loop(std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)),
      signals_(*backend_, ready_),
      posted_(std::make_shared<PostQueue>(*backend_)),
      now_(backend_->now()),
      root_(std::make_unique<Notifier>()) {
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
  backend_->wait(wait_deadline(timeout));
  is_now_fixed_ = false;
  if (!timers_.empty()) fix_now();
  std::size_t count = run_all(ready_);
  take_posted();
  count += posted_here_.run_generation();
  count += fire_timers();
  count += deferred_.run_generation();
  count += reactions_.drain(kReactionsPerTurn);
  reactions_.reap();
  if (turn_depth_ == 1) empty_graveyard();
  rethrow_failure();
  return count;
}

void Loop::run() {
  const Depth depth(run_depth_);
  while (!std::exchange(stop_requested_, false)) turn();
}

std::optional<TimePoint> Loop::wait_deadline(std::optional<Duration> timeout) {
  if (!reactions_.empty() || !deferred_.empty() || !ready_.empty() || !posted_here_.empty() ||
      failure_)
    return TimePoint::min();
  std::optional<TimePoint> deadline = timers_.next();
  if (deadline && *deadline > timers_fired_)
    deadline = std::max(*deadline, saturating_add(timers_fired_, kTimerGrain));
  if (timeout) {
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
  if (timers_.empty()) return 0;
  const std::size_t count = timers_.fire(now(), kTimersPerTurn);
  if (count > 0) timers_fired_ = now();
  return count;
}

std::size_t Loop::run_all(JobList& jobs) {
  std::size_t count = 0;
  for (; Job* job = jobs.pop(); ++count) job->run();
  return count;
}

void Loop::take_posted() {
  if (posted_->empty()) return;
  for (auto& function : posted_->take()) posted_here_.push(std::move(function));
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

void Loop::rethrow_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace ioa
