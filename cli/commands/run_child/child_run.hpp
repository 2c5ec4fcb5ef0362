#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/commands/run_child/child_output.hpp"
#include "cli/commands/run_child/child_plan.hpp"
#include "cli/commands/run_child/child_report.hpp"
#include "cli/commands/run_child/child_set_up.hpp"
#include "cli/commands/run_child/terminal_link.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/task_set.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/process/process_tree.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// Where the outputs of a child go.
struct ChildOutlets {
  OutputSink* out = nullptr;  ///< Null: straight to `out_fd`.
  OutputSink* err = nullptr;  ///< Null: straight to `err_fd`.
  /// Both go through one pipe into `out`, so that their order is kept.
  bool is_merged = false;
  int out_fd = -1;  ///< -1: our standard output.
  int err_fd = -1;
};

/// What a child is run with, besides its plan. All of it is borrowed, and outlives the ChildRun.
struct ChildSurroundings {
  Loop& loop;
  /// What this program inherited, for the child to inherit.
  const SignalState& signals;
  ChildOutlets outlets;
  const ChildFiles& files;
  /// Sockets to pass on.
  std::span<const int> sockets = {};
  /// Whether this program adopts orphans (see set_subreaper()), and those that it has are this
  /// one's: all of them, or with a mark (see TreeTarget::mark) those that have it.
  bool adopts = false;
  std::string mark = {};
  /// What it reads where its plan says that it reads nothing; -1: that is opened for it.
  int no_input_fd = -1;
};

/// One child, from its start to the end of it and of its output: one attempt.
///
///     ChildRun run(plan, surroundings);
///     ChildReport report = co_await run.run();
///
/// The end is when the child has ended, and every output that passes through us is at its end (as
/// in a shell's pipeline, something that the child has left behind may write to it still); and, if
/// a limit was reached, when the whole tree is gone.
///
/// LIFETIME: destroying it leaves a child that runs alone, save that it dies with this process.
class ChildRun {
 public:
  ChildRun(const ChildPlan& plan, ChildSurroundings surroundings);
  ChildRun(const ChildRun&) = delete;
  ChildRun& operator=(const ChildRun&) = delete;
  ~ChildRun();

  /// Called when it has been started, and when a limit is reached (before anything is done).
  UniqueFunction<void(::pid_t)> on_started;
  UniqueFunction<void(ChildLimit)> on_limit;
  /// The child has been stopped by that signal.
  UniqueFunction<void(int signal)> on_stopped;

  /// Once. Does not fail: why it could not be started is in the report.
  Future<ChildReport> run();

  bool is_running() const noexcept { return watch_ != nullptr && watch_->is_waiting(); }
  /// Its process; 0 before it runs.
  ::pid_t pid() const noexcept { return report_.pid; }
  /// Sends the child a signal; false if it does not run.
  bool signal(int number);
  /// SIGCHLD has come: looks whether the child has stopped, and reaps what was adopted.
  void child_signal();
  /// SIGWINCH has come: a terminal of the child's own gets the new size.
  void take_window_size();
  /// The terminal of this program is the child's affair (raw mode), or not.
  void hold_terminal(bool holds);
  /// Ends it and all that it has started, as at a limit, but `signal` first.
  void end(int signal);
  /// A sink is not behind any more.
  void resume_output();
  /// Waits for its outputs no longer, once the child has ended.
  void stop_waiting_for_output();

 private:
  void start();
  void open_outputs(SpawnRequest& request);
  void open_terminal(SpawnRequest& request);
  UniqueFd output_pipe(OutputSink& sink);
  void add_reader(UniqueFd fd, OutputSink& sink);
  void started(SpawnedChild child);
  void child_ended(const ExitReport& report);
  void limit_reached(ChildLimit limit);
  void watch_silence();
  TreeTarget tree() const;
  Future<> end_tree_of(StopPolicy policy);
  void tree_ended();
  void finish_if_done();

  const ChildPlan& plan_;
  ChildSurroundings around_;
  ChildReport report_;
  Promise<ChildReport> promise_;
  TimePoint started_{};
  std::unique_ptr<PidWatch> watch_;
  std::vector<std::unique_ptr<OutputReader>> readers_;
  std::vector<UniqueFd> child_ends_;  // until it is started
  std::unique_ptr<TerminalLink> terminal_;
  TimeWatch run_limit_;
  TimeWatch silence_limit_;
  TimeWatch output_limit_;
  bool has_ended_ = false;
  bool is_ending_tree_ = false;
  bool is_tree_gone_ = false;
  bool is_done_ = false;
  DeferredCall done_;
  TaskSet tasks_;
};

}  // namespace ioa::cli
