#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>

#include "cli/commands/run_child/child_run.hpp"
#include "cli/commands/run_child/job_output.hpp"
#include "cli/commands/run_child/run_child_options.hpp"
#include "cli/commands/run_child/run_outputs.hpp"
#include "cli/commands/run_child/spill_file.hpp"
#include "cli/reporter.hpp"

namespace ioa::cli {

/// Everything that one of many children writes, and our own words about it, which stand behind it.
struct JobOutput {
  std::unique_ptr<JobSink> out;  ///< Null where it is kept.
  std::unique_ptr<JobSink> err;  ///< Null where it goes to `out`, too.
  std::unique_ptr<KeptOutput> kept_out;
  std::unique_ptr<KeptOutput> kept_err;
  /// Called when it may go on after it was behind.
  UniqueFunction<void()> on_room;
  bool is_open = false;
  bool has_ended = false;
  std::string result;  ///< A line on standard output.
  std::string report;  ///< A line on standard error.
};

/// Brings the outputs of many children into their order: that of their start, that of their end, or
/// line by line.
///
/// LIFETIME: a JobOutput stays until it was ended and all of it was passed on.
class JobOutputs {
 public:
  /// All are borrowed. `before_write` is called before anything is passed on; may be null.
  JobOutputs(Loop& loop, RunOutputs& outputs, Reporter& reporter, const ManyOptions& options,
             UniqueFunction<void()> before_write);

  /// A new child begins.
  JobOutput& begin(const ChildPlan& plan);
  ChildOutlets outlets(JobOutput& job) noexcept;
  /// It has ended. The reference is not valid any more.
  void end(JobOutput& job);
  /// Passes on what can be, and has those go on that may: to be called when an output is no longer
  /// behind.
  void go_on();

  /// How many are there that are not through.
  std::size_t size() const noexcept { return queue_.size() + running_.size(); }
  bool empty() const noexcept { return size() == 0; }
  const SpillRoom& room() const noexcept { return room_; }

 private:
  using Jobs = std::list<JobOutput>;

  std::unique_ptr<JobSink> make_sink(PassedOutput* to, LineTurn& turn, const ChildPlan& plan);
  void pump();
  void pump_queue();
  void pump_lines();
  void serve_one_that_is_full();
  bool finish(JobOutput& job);
  static bool drain(JobOutput& job);

  RunOutputs& outputs_;
  Reporter& reporter_;
  OutputOrder order_;
  UniqueFunction<void()> before_write_;
  SpillRoom room_;
  LineTurn out_turn_;
  LineTurn err_turn_;
  DeferredCall again_;
  bool has_warned_ = false;
  Jobs running_;  // whose turn is not settled yet
  Jobs queue_;    // in the order of their turns
};

}  // namespace ioa::cli
