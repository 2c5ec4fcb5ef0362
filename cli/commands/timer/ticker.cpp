#include "cli/commands/timer/ticker.hpp"

#include <algorithm>
#include <utility>

namespace ioa::cli {

Ticker::Ticker(Loop& loop, const TickPlan& plan, WallGrid::Offset offset,
               UniqueFunction<void(const Tick&)> callback)
    : loop_(loop),
      plan_(plan),
      grid_(plan.interval, offset),
      callback_(std::move(callback)),
      delay_(loop.timers()),
      random_(std::random_device{}()) {
  delay_.set_callback([this] { callback_(*std::exchange(late_, std::nullopt)); });
  if (plan_.aligned) {
    const WallTime first = grid_.after(loop.backend().wall_now());
    absolute_ = &loop.add(std::make_unique<AbsoluteTimer>(first));
    absolute_->on_expire([this](AbsoluteTimer&) { on_wall_time(); });
    registration_ = loop.backend().register_wall_clock(*this);
    return;
  }
  periodic_ = &loop.add(std::make_unique<PeriodicTimer>(plan_.interval, plan_.missed));
  if (plan_.first) periodic_->set_first_interval(*plan_.first);
  periodic_->on_tick([this](PeriodicTimer& timer) { deliver(Tick{timer.due(), timer.missed()}); });
  periodic_->start();
}

Ticker::~Ticker() { stop(); }

void Ticker::stop() {
  registration_.reset();
  delay_.disarm();
  if (periodic_ != nullptr) std::exchange(periodic_, nullptr)->remove();
  if (absolute_ != nullptr) std::exchange(absolute_, nullptr)->remove();
}

TimePoint Ticker::next_due() const {
  if (late_) return late_->due;
  if (periodic_ != nullptr) return periodic_->next_due();
  return absolute_ != nullptr ? to_monotonic(absolute_->time()) : TimePoint::max();
}

TimePoint Ticker::to_monotonic(WallTime time) const {
  Backend& backend = loop_.backend();
  return saturating_add(backend.now(), time - backend.wall_now());
}

void Ticker::wall_clock_set() noexcept {
  missed_ = 0;
  if (absolute_ != nullptr) absolute_->set_time(grid_.after(loop_.backend().wall_now()));
}

void Ticker::on_wall_time() {
  const WallTime due = absolute_->time();
  const Tick tick{to_monotonic(due), std::exchange(missed_, 0)};
  WallTime next = grid_.after(due);
  if (plan_.missed == MissedTicks::skip) {
    const WallTime now = loop_.backend().wall_now();
    if (next <= now) {
      missed_ = static_cast<std::uint64_t>((now - due) / plan_.interval);
      next = grid_.after(now);
    }
  }
  absolute_->set_time(next);
  deliver(tick);
}

void Ticker::deliver(const Tick& tick) {
  if (plan_.jitter == Duration::zero()) return callback_(tick);
  if (late_) {
    // The jitter has held it back to the next one's time.
    delay_.disarm();
    callback_(*std::exchange(late_, std::nullopt));
    if (periodic_ == nullptr && absolute_ == nullptr) return;
  }
  late_ = Tick{saturating_add(tick.due, chance()), tick.missed};
  delay_.arm(late_->due);
}

Duration Ticker::chance() {
  std::uniform_int_distribution<Duration::rep> spread(0, plan_.jitter.count());
  return Duration(spread(random_));
}

}  // namespace ioa::cli
