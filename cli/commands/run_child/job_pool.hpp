#pragma once

#include <cstdint>
#include <exception>
#include <list>
#include <optional>
#include <span>
#include <string>

#include "cli/commands/run_child/child_run.hpp"
#include "cli/commands/run_child/job_outputs.hpp"
#include "cli/commands/run_child/job_source.hpp"
#include "cli/commands/run_child/run_child.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/task_set.hpp"

namespace ioa::cli {

/// How it is with the children of a JobPool.
struct JobCounts {
  std::uint64_t started = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;  ///< Of those that are done.
  /// The exit status for the first that could not be run at all, 125 to 127; 0: there was none.
  int start_failure = 0;
};

/// What a JobPool works with; all of it is borrowed.
struct JobSurroundings {
  const ChildWorld& world;
  const RunChildOptions& options;
  JobSource& source;
  JobOutputs& outputs;
  const ChildFiles& files;
  std::span<const int> sockets;
};

/// Runs a child for each line, so many at once, each until it succeeds or its tries are over.
///
/// LIFETIME: destroying it leaves children that run alone, save that they die with this process.
class JobPool {
 public:
  /// `on_done` is called, from the loop, when there is nothing more to come.
  JobPool(const JobSurroundings& surroundings, UniqueFunction<void()> on_done);
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;
  ~JobPool();

  /// Starts what may be started: once, and when there is more, or room for the outputs of more.
  void fill();
  /// Starts no more.
  void stop();
  /// Ends all that runs, with all that it has started: `signal` first, 0: none, then SIGKILL.
  void end_all(int signal);
  /// At once, without waiting for their ends.
  void kill_all();
  /// Passes a signal on to all children.
  void signal_all(int signal);
  void take_window_size();
  /// Waits for the output of what has ended no longer.
  void stop_waiting_for_output();

  bool is_done() const noexcept;
  const JobCounts& counts() const noexcept { return counts_; }
  std::size_t running() const noexcept { return jobs_.size(); }
  /// How many there are in all, once that is known.
  std::optional<std::uint64_t> total() const noexcept;

 private:
  struct Job;

  bool begin(JobItem item);
  void refuse(const JobItem& item, std::string_view problem);
  Future<> work(Job& job);
  Future<> run_to_end(Job& job);
  Future<ChildReport> attempt(Job& job);
  bool ended(Job& job, ChildReport& report);
  bool has_to_wait_for_room(const ChildReport& report) const;
  void give_up(Job& job);
  bool runs_again(const Job& job, const ChildReport& report) const;
  bool has_succeeded(const ChildReport& report) const;
  Future<> pause(Job& job, Duration wall);
  void go_on(Job& job);
  void finish(Job& job);
  void failed(int status);
  bool has_fixed_program() const;
  void tell(JobOutput& output, ChildReport& report) const;
  void tell_end(const Job& job, const ChildReport& report);
  void reap_soon();
  void check_done();

  JobSurroundings around_;
  const ManyOptions& many_;
  UniqueFunction<void()> on_done_;
  UniqueFd no_input_;
  std::size_t limit_;  // of children at once
  JobCounts counts_;
  bool is_stopped_ = false;
  bool is_ending_ = false;
  bool is_filling_ = false;
  bool has_warned_ = false;  // that there are fewer at once
  bool has_told_done_ = false;
  std::list<Job> jobs_;
  std::size_t held_ = 0;  // of them, that wait for another one's end
  TimeWatch reap_;
  DeferredCall done_;
  TaskSet tasks_;  // last: they use all of it
};

}  // namespace ioa::cli
