#pragma once

#include <cstddef>
#include <exception>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ioa/base/assert.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/ready_queue.hpp"
#include "ioa/loop/backend.hpp"
#include "ioa/loop/callback_monitor.hpp"
#include "ioa/loop/function_queue.hpp"
#include "ioa/loop/metrics.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/post_queue.hpp"
#include "ioa/loop/signal_router.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa {

class DebugLog;
class EventSink;

/// The event loop: the root of a tree of Notifiers, and the one that calls their callbacks.
///
///     ioa::Loop loop(ioa::LibeventBackend::create());
///     loop.add(std::make_unique<EchoServer>());
///     loop.run();
///
/// A TURN: 1. compute the wait: none if work is queued, else until the next deadline, else for ever
/// (capped by the caller); 2. wait in the backend, which only collects; 3. fix now() for this turn
/// (if no timer waits, when it is first asked for); 4. dispatch descriptors, signals and posted
/// functions whose watches still exist; 5. run due timers in the order of their deadlines; 6. run
/// the deferred calls that are queued by then, one generation;
/// 7. drain the ReadyQueue, until empty, at most kReactionsPerTurn; 8. in the outermost turn, bury
/// what was removed.
///
/// THREADS: a Loop and all that lives in it belong to the thread that made it; only post() (and the
/// PostQueue) may be used from others. One Loop a thread.
/// NESTING: a callback may call turn() and run(). The inner turn calls whatever has events, that
/// very callback included: it takes its data before it turns. EXCEPTIONS: what a callback throws
/// leaves turn() and run(); the other events stay queued.
/// ORDER: what is ready is called in the order in which the backend tells it (epoll: in which it
/// came), each once a turn, so that none starves another; equal deadlines, deferred calls and
/// reactions first in first out.
/// SIGPIPE: a Loop changes no signal's disposition by itself. A program that writes to pipes
/// ignores SIGPIPE, once, where it starts; children that it starts get the default back. DEBUGGING:
/// IOA_DEBUG in the environment has it tell what happens; see DebugLog. dump() says what it waits
/// for.
class Loop {
 public:
  explicit Loop(std::unique_ptr<Backend> backend);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Takes `notifier` as a root of the tree.
  template <class N>
  N& add(std::unique_ptr<N> notifier) {
    return root_->add_child(std::move(notifier));
  }

  /// The time at which this turn began: monotonic, standing still within a turn.
  TimePoint now() const noexcept {
    if (!is_now_fixed_) fix_now();
    return now_;
  }
  /// Reads the clock anew, for code that has worked long within a turn.
  void refresh_now() { fix_now(); }

  /// One turn, waiting at most `timeout` (nullopt: for ever). Returns how many callbacks it ran.
  std::size_t turn(std::optional<Duration> timeout = std::nullopt);

  /// By when the next turn has to come if nothing becomes ready: TimePoint::min() if work is
  /// queued, nullopt for never. For who has turns come otherwise than by run().
  std::optional<TimePoint> next_due() noexcept;

  /// Turns until stop(). May be called inside a callback; stop() then ends the inner run.
  void run();
  /// Turns until one of `signals` arrives, and returns it, or until stop(): nullopt. The signals
  /// are watched for that time only. When one arrives, every run() and run_until() nested inside
  /// this one ends too; a run(Future) ends with its Future.
  std::optional<int> run_until(std::initializer_list<int> signals);
  /// Ends the innermost run() after the current turn; if none is active, the next one at its start.
  void stop() noexcept { stop_requested_ = true; }
  bool is_running() const noexcept { return run_depth_ > 0; }

  /// Turns until `future` is ready, and returns its result or throws its failure.
  template <class T>
  T run(Future<T> future) {
    IOA_ASSERT(future.valid(), "a Loop cannot wait for a Future without an operation");
    const Depth depth(run_depth_);
    while (!future.ready()) turn();
    return future.get();
  }

  /// Calls `function` soon, never inside this call: later in this turn, or in the next one if it is
  /// deferred from a deferred call, so that the kernel is polled in between.
  template <class F>
  void later(F&& function) {
    deferred_.push(std::forward<F>(function));
  }
  /// A Future that becomes ready as later() would call.
  Future<> next_turn();

  /// Calls `function` on the loop's thread in its next turn; from any thread.
  void post(UniqueFunction<void()> function) { posted_->post(std::move(function)); }
  /// The same door, for threads that may outlive the Loop.
  std::shared_ptr<PostQueue> post_queue() const noexcept { return posted_; }

  TimeQueue& timers() noexcept { return timers_; }
  Backend& backend() noexcept { return *backend_; }

  /// In a child process made by fork(2) that goes on with this Loop: frees it from what it shares
  /// with the parent's. Until then the child must not touch it. Everything that is watched stays
  /// so, signals included; threads are not there any more, nor is what they worked on.
  void after_fork();

  /// Called before each wait (it may defer calls), and after it, when now() is fixed. Null:
  /// nothing.
  void on_wait(UniqueFunction<void()> before, UniqueFunction<void()> after);

  /// Where the engine reports what happens; null, the default, for nowhere. Borrowed.
  void set_event_sink(EventSink* sink) noexcept;
  EventSink* event_sink() const noexcept { return event_sink_; }
  /// The same, if it wants the steps of notifiers too; else null.
  EventSink* trace_sink() const noexcept { return trace_sink_; }

  /// Reports a callback that takes longer, as the event `callback.slow`, so that what makes a loop
  /// stall is found. nullopt, the default, reads no clock.
  void set_slow_callback_limit(std::optional<Duration> limit);
  /// Whether turns are timed for metrics(); off at first.
  void set_measuring(bool measures);
  /// What it has done and what is in it. Takes a walk over the tree and the watches.
  LoopMetrics metrics();
  /// For the parts of the engine.
  LoopCounters& counters() noexcept { return counters_; }
  /// Null unless callbacks are timed.
  CallbackMonitor* monitor() const noexcept { return active_monitor_; }

  /// The pids of the children that are watched, for PidWatch: a child has one watch.
  std::set<int>& watched_children() noexcept { return watched_children_; }

  /// For people: the tree with its names and states, what is watched, when timers are due, what is
  /// queued. The first thing to look at when something hangs.
  std::string dump();

  static constexpr std::size_t kReactionsPerTurn = 1000;
  static constexpr std::size_t kTimersPerTurn = 4096;
  /// Where timers are dense, those that come due this soon after others fired are fired together: a
  /// turn for each would spend more time in the kernel than in their callbacks. (prctl(2): Linux
  /// takes the same liberty, PR_SET_TIMERSLACK.) A timer that comes alone is not late for this.
  static constexpr Duration kTimerGrain = std::chrono::microseconds(50);

 private:
  friend class CallbackMonitor;
  friend class Notifier;
  friend class IoWatchBase;
  friend class SignalWatch;
  friend class DeferredCall;

  /// Counts the calls of a function that may nest.
  class Depth {
   public:
    explicit Depth(int& depth) noexcept : depth_(depth) { ++depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --depth_; }

   private:
    int& depth_;
  };

  static constexpr int kNotUnwound = std::numeric_limits<int>::max();

  struct WaitHooks {
    Event<void()> before;
    Event<void()> after;
  };

  std::optional<TimePoint> wait_deadline(std::optional<Duration> timeout);
  bool ends_run() noexcept;
  void take_posted();
  void fix_now() const noexcept;
  std::size_t run_all(FunctionQueue& functions, CallbackKind kind, std::uint64_t& counter);
  std::size_t run_all(JobList& jobs, CallbackKind kind, std::uint64_t& counter);
  std::size_t run_monitored(JobList& jobs, CallbackKind kind, std::uint64_t& counter);
  std::size_t fire_monitored();
  std::size_t drain_monitored();
  CallbackMonitor& make_monitor();
  std::size_t fire_timers();
  void bury(std::unique_ptr<Notifier> dead) { graveyard_.push_back(std::move(dead)); }
  void empty_graveyard() noexcept;
  void fail(std::exception_ptr error) noexcept;
  void rethrow_failure();

  std::unique_ptr<Backend> backend_;
  ReadyQueue reactions_;
  TimeQueue timers_;
  JobList ready_;                              // watches whose event is there
  FunctionQueue posted_here_;                  // functions from other threads
  std::vector<UniqueFunction<void()>> taken_;  // empty, save for a moment: memory that is kept
  FunctionQueue deferred_;
  SignalRouter signals_;
  std::shared_ptr<PostQueue> posted_;
  CallbackMonitor* active_monitor_ = nullptr;
  LoopCounters counters_;
  std::unique_ptr<WaitHooks> wait_hooks_;
  std::set<int> watched_children_;
  // Reading the clock costs a tenth of an idle turn, and most turns have no use for it.
  mutable TimePoint now_;
  mutable bool is_now_fixed_ = true;
  TimePoint timers_fired_ = TimePoint::min();  // the last turn in which any did
  EventSink* event_sink_ = nullptr;
  EventSink* trace_sink_ = nullptr;
  std::unique_ptr<DebugLog> debug_log_;
  std::unique_ptr<CallbackMonitor> monitor_;
  std::exception_ptr failure_;
  int turn_depth_ = 0;
  int run_depth_ = 0;
  bool stop_requested_ = false;
  int unwound_depth_ = kNotUnwound;  // runs deeper than this end
  std::vector<std::unique_ptr<Notifier>> graveyard_;
  Notifier::Leaving* leaving_ = nullptr;  // whose removing hooks are on the stack
  std::unique_ptr<Notifier> root_;
};

}  // namespace ioa
