#include "ioa/loop/callback_monitor.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/base/duration_text.hpp"
#include "ioa/base/event_sink.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/notifier_text.hpp"

namespace ioa {
namespace {

std::string_view name_of(CallbackKind kind) {
  switch (kind) {
    case CallbackKind::descriptor:
      return "descriptor";
    case CallbackKind::signal:
      return "signal";
    case CallbackKind::posted:
      return "posted";
    case CallbackKind::timer:
      return "timer";
    case CallbackKind::deferred:
      return "deferred";
    case CallbackKind::reaction:
      return "reaction";
  }
  return {};
}

}  // namespace

void CallbackMonitor::Span::start(TimePoint began) noexcept {
  began_ = began;
  outer_ = std::exchange(monitor_->innermost_, this);
}

Duration CallbackMonitor::Span::finish(bool counts_outside) noexcept {
  const Duration total = monitor_->loop_.backend().now() - began_;
  monitor_->innermost_ = outer_;
  if (outer_ != nullptr) outer_->elsewhere_ += counts_outside ? total : elsewhere_;
  return total - elsewhere_;
}

CallbackMonitor::Call::Call(CallbackMonitor& monitor, CallbackKind kind, int number)
    : Span(&monitor),
      kind_(kind),
      number_(number),
      outer_call_(std::exchange(monitor.innermost_call_, this)) {
  start(monitor.loop_.backend().now());
}

CallbackMonitor::Call::~Call() {
  monitor_->innermost_call_ = outer_call_;
  const Duration took = finish(false);
  if (is_forgotten_ || !monitor_->limit_ || took <= *monitor_->limit_) return;
  try {
    monitor_->report(kind_, number_, notifier_.get(), took);
  } catch (...) {
    monitor_->loop_.fail(std::current_exception());  // what a sink throws leaves the turn
  }
}

void CallbackMonitor::Turn::begin() {
  // Only a turn inside another needs the time before its wait.
  start(monitor_->innermost_ != nullptr ? monitor_->loop_.backend().now() : TimePoint());
}

void CallbackMonitor::Turn::end() noexcept {
  const bool has_woken = woke_ != TimePoint();
  const Duration waited = has_woken ? woke_ - began_ : Duration();
  const Duration busy = finish(true) - waited;
  if (!monitor_->measures_ || !has_woken) return;
  monitor_->busy_time_ += busy;
  monitor_->longest_turn_ = std::max(monitor_->longest_turn_, busy);
  monitor_->turn_times_.add(busy);
}

void CallbackMonitor::note(Notifier& notifier) {
  Call* call = innermost_call_;
  if (call != nullptr && call->notifier_.get() == nullptr)
    call->notifier_ = WeakRef<Notifier>(notifier);
}

void CallbackMonitor::report(CallbackKind kind, int number, Notifier* notifier,
                             Duration took) const {
  EventSink* sink = loop_.event_sink();
  if (sink == nullptr) return;
  std::vector<EventField> fields{{"kind", name_of(kind)}};
  if (number >= 0) fields.push_back({name_of(kind), std::int64_t{number}});
  const std::string who = notifier != nullptr ? notifier_chain(*notifier) : std::string();
  if (notifier != nullptr) fields.push_back({"notifier", std::string_view(who)});
  fields.push_back({"duration_ms", milliseconds(took)});
  fields.push_back({"limit_ms", milliseconds(*limit_)});
  sink->event("callback.slow", fields);
}

}  // namespace ioa
