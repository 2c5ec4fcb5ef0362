// What a Loop tells about itself.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "ioa/base/duration_text.hpp"
#include "ioa/base/event_sink.hpp"
#include "ioa/base/signal_name.hpp"
#include "ioa/loop/debug_log.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/notifier_text.hpp"

namespace ioa {
namespace {

constexpr std::size_t kDueTimesInADump = 16;

std::size_t count_tree(const Notifier& notifier) {
  std::size_t count = 0;
  notifier.for_each_child([&count](const Notifier& child) { count += 1 + count_tree(child); });
  return count;
}

void dump_tree(const Notifier& notifier, const std::string& indent, std::string& text) {
  notifier.for_each_child([&](const Notifier& child) {
    text += indent + notifier_text(child);
    const std::size_t tasks = child.adopted_tasks();
    if (tasks > 0) text += ", " + std::to_string(tasks) + (tasks == 1 ? " task" : " tasks");
    text += "\n";
    dump_tree(child, indent + "  ", text);
  });
}

std::string text_of(IoEvents events) {
  return std::string(events.has(IoEvent::read) ? "r" : "") +
         (events.has(IoEvent::write) ? "w" : "");
}

}  // namespace

void Loop::set_event_sink(EventSink* sink) noexcept {
  if (debug_log_) {
    debug_log_->forward_to(sink);
    sink = debug_log_.get();
  }
  event_sink_ = sink;
  trace_sink_ = sink != nullptr && sink->wants_trace() ? sink : nullptr;
}

CallbackMonitor& Loop::make_monitor() {
  if (!monitor_) monitor_ = std::make_unique<CallbackMonitor>(*this);
  return *monitor_;
}

void Loop::set_slow_callback_limit(std::optional<Duration> limit) {
  make_monitor().set_limit(limit);
  active_monitor_ = monitor_->is_on() ? monitor_.get() : nullptr;
}

void Loop::set_measuring(bool measures) {
  make_monitor().set_measuring(measures);
  active_monitor_ = monitor_->is_on() ? monitor_.get() : nullptr;
}

/// As run_all(), with a look at the clock around each call. What is called may be gone afterwards,
/// so what it is has to be known before.
std::size_t Loop::run_monitored(JobList& jobs, CallbackKind kind, std::uint64_t& counter) {
  CallbackMonitor& monitor = *active_monitor_;
  std::size_t count = 0;
  for (; Job* job = jobs.pop(); ++count) {
    ++counter;
    const int signal = SignalWatch::signal_of(*job);
    const int number = signal >= 0 ? signal : IoWatchBase::descriptor_of(*job);
    const CallbackMonitor::Call call(monitor, signal >= 0 ? CallbackKind::signal : kind, number);
    job->run();
  }
  return count;
}

std::size_t Loop::fire_monitored() {
  CallbackMonitor& monitor = *active_monitor_;
  std::size_t count = 0;
  for (; count < kTimersPerTurn; ++count) {
    CallbackMonitor::Call call(monitor, CallbackKind::timer);
    if (timers_.fire_due(now(), 1) == 1) continue;
    call.forget();
    break;
  }
  return count;
}

std::size_t Loop::drain_monitored() {
  CallbackMonitor& monitor = *active_monitor_;
  std::size_t count = 0;
  for (; count < kReactionsPerTurn && !reactions_.empty(); ++count) {
    const CallbackMonitor::Call call(monitor, CallbackKind::reaction);
    reactions_.drain(1);
  }
  return count;
}

LoopMetrics Loop::metrics() {
  LoopMetrics metrics;
  metrics.turns = counters_.turns;
  metrics.descriptor_callbacks = counters_.ready_callbacks - counters_.signal_callbacks;
  metrics.signal_callbacks = counters_.signal_callbacks;
  metrics.posted_calls = counters_.posted_calls;
  metrics.timer_callbacks = timers_.fired();
  metrics.deferred_calls = counters_.deferred_calls;
  metrics.reactions = reactions_.drained();
  metrics.stream_bytes_read = counters_.stream_bytes_read;
  metrics.stream_bytes_written = counters_.stream_bytes_written;
  metrics.address_lookups = counters_.address_lookups;
  metrics.name_lookups = counters_.name_lookups;
  metrics.record_lookups = counters_.record_lookups;
  metrics.children = counters_.children;
  if (monitor_) {
    metrics.busy_time = monitor_->busy_time();
    metrics.longest_turn = monitor_->longest_turn();
    metrics.turn_times = monitor_->turn_times();
  }
  const Watched watched = backend_->watched();
  metrics.notifiers = count_tree(*root_);
  metrics.descriptors = watched.descriptors.size();
  metrics.signals = watched.signals.size();
  metrics.timers = timers_.size();
  return metrics;
}

std::string Loop::dump() {
  std::string text = "loop on " + std::string(backend_->name());
  text += is_running() ? ", running" : ", not running";
  text += "\nnotifiers: " + std::to_string(count_tree(*root_)) + "\n";
  dump_tree(*root_, "  ", text);

  const Watched watched = backend_->watched();
  text += "descriptors: " + std::to_string(watched.descriptors.size());
  for (const auto& [fd, events] : watched.descriptors)
    text += " " + std::to_string(fd) + ":" + text_of(events);
  text += "\nsignals: " + std::to_string(watched.signals.size());
  for (const int signal : watched.signals) text += " " + signal_name(signal);

  if (!watched_children_.empty()) text += "\nchildren: " + std::to_string(watched_children_.size());
  for (const int pid : watched_children_) text += " " + std::to_string(pid);

  const std::vector<TimePoint> due = timers_.due_times();
  text += "\ntimers: " + std::to_string(due.size());
  const TimePoint now = backend_->now();
  const std::size_t shown = std::min(due.size(), kDueTimesInADump);
  for (std::size_t i = 0; i < shown; ++i)
    text += (i == 0 ? ", due in " : ", ") + duration_text(due[i] - now);
  if (shown < due.size()) text += ", ...";

  text += "\nqueued: " + std::to_string(ready_.size()) + " ready, " +
          std::to_string(posted_here_.size()) + (posted_->empty() ? "" : "+") + " posted, " +
          std::to_string(deferred_.size()) + " deferred, " + std::to_string(reactions_.size()) +
          " reactions, " + std::to_string(graveyard_.size()) + " removed\n";
  return text;
}

}  // namespace ioa
