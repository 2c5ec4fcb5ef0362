#pragma once

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands/run_child/child_run.hpp"
#include "cli/commands/timer/tick_format.hpp"
#include "cli/commands/timer/timer_options.hpp"
#include "cli/context.hpp"
#include "ioa/future/task_set.hpp"
#include "ioa/process/signal_state.hpp"

namespace ioa::cli {

/// The commands that `ioa timer` runs, one a tick, as --overlap says.
///
/// OWNERSHIP: all that the constructor takes is borrowed, and outlives it.
class TickCommands {
 public:
  /// `on_change` is called, from the loop, when a command has ended.
  TickCommands(Context& context, const TimerOptions& options, const SignalState& inherited,
               UniqueFunction<void()> on_change);
  TickCommands(const TickCommands&) = delete;
  TickCommands& operator=(const TickCommands&) = delete;

  /// Whether a tick that comes now is to be delivered at all.
  bool takes_tick() const noexcept;
  /// Runs the command for it, at once or later.
  void run(const TickReport& tick);
  /// True if none runs, and none waits to.
  bool is_idle() const noexcept { return running_.empty() && waiting_.empty(); }
  /// Ends those that run, with all that they have started, and forgets those that wait.
  void end(int signal);

  /// The same at once, and without waiting: the program is about to end.
  void kill();

  /// The exit status of the first that has failed.
  std::optional<int> failure() const noexcept { return failure_; }
  /// True if the command cannot be run at all.
  bool cannot_run() const noexcept { return cannot_run_; }

 private:
  struct Running {
    ChildPlan plan;
    std::optional<ChildRun> run;
    ::pid_t pid = 0;  // while it runs
    bool is_ending = false;
    bool is_over = false;
  };

  void start(const TickReport& tick);
  Future<> follow(Running& running, std::uint64_t number);
  void ended(Running& running, const ChildReport& report, std::uint64_t number);
  void tell_end(const ChildReport& report, std::uint64_t number);
  void end(Running& running, int signal);
  void go_on();

  Context& context_;
  const TimerOptions& options_;
  const SignalState& inherited_;
  UniqueFunction<void()> on_change_;
  const std::vector<ChildFile> no_files_;
  const ChildFiles files_;
  std::list<Running> running_;
  std::deque<TickReport> waiting_;
  DeferredCall more_;
  std::optional<int> failure_;
  bool cannot_run_ = false;
  TaskSet tasks_;
};

}  // namespace ioa::cli
