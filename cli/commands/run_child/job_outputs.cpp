#include "cli/commands/run_child/job_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "ioa/base/error.hpp"

namespace ioa::cli {

JobOutputs::JobOutputs(Loop& loop, RunOutputs& outputs, Reporter& reporter,
                       const ManyOptions& options, UniqueFunction<void()> before_write)
    : outputs_(outputs),
      reporter_(reporter),
      order_(options.order),
      before_write_(std::move(before_write)),
      again_(loop, [this] { go_on(); }) {
  for (LineTurn* turn : {&out_turn_, &err_turn_}) turn->on_release = [this] { again_.schedule(); };
  room_.on_full = [this] { again_.schedule(); };
}

std::unique_ptr<JobSink> JobOutputs::make_sink(PassedOutput* to, LineTurn& turn,
                                               const ChildPlan& plan) {
  if (to == nullptr) return nullptr;
  LinePrefix prefix{plan.tag, plan.timestamps};
  UniqueFunction<void()>* before = before_write_ ? &before_write_ : nullptr;
  if (order_ == OutputOrder::by_line)
    return std::make_unique<LineOutput>(*to, turn, std::move(prefix), before);
  return std::make_unique<WholeOutput>(*to, room_, std::move(prefix), before);
}

JobOutput& JobOutputs::begin(const ChildPlan& plan) {
  Jobs& jobs = order_ == OutputOrder::input ? queue_ : running_;
  JobOutput& job = jobs.emplace_back();
  if (plan.capture) {
    job.kept_out = std::make_unique<KeptOutput>(plan.capture_limit);
    job.kept_err = std::make_unique<KeptOutput>(plan.capture_limit);
  } else {
    job.out = make_sink(outputs_.passed_out(), out_turn_, plan);
    job.err = make_sink(outputs_.passed_err(), err_turn_, plan);
  }
  if (queue_.size() == 1 && running_.empty()) pump();  // it is its turn
  return job;
}

ChildOutlets JobOutputs::outlets(JobOutput& job) noexcept {
  ChildOutlets outlets;
  outlets.out = job.kept_out ? static_cast<OutputSink*>(job.kept_out.get()) : job.out.get();
  outlets.err = job.kept_err ? static_cast<OutputSink*>(job.kept_err.get()) : job.err.get();
  outlets.is_merged = outlets.err == nullptr;
  return outlets;
}

void JobOutputs::end(JobOutput& job) {
  job.has_ended = true;
  job.on_room = nullptr;
  if (order_ == OutputOrder::end) {
    const auto place = std::find_if(running_.begin(), running_.end(),
                                    [&job](const JobOutput& each) { return &each == &job; });
    if (place != running_.end()) queue_.splice(queue_.end(), running_, place);
  }
  pump();
}

void JobOutputs::pump() {
  if (order_ == OutputOrder::by_line)
    pump_lines();
  else
    pump_queue();
}

bool JobOutputs::drain(JobOutput& job) {
  bool is_empty = true;
  for (JobSink* sink : {job.out.get(), job.err.get()})
    if (sink != nullptr && !sink->drain()) is_empty = false;
  return is_empty;
}

void JobOutputs::pump_queue() {
  for (serve_one_that_is_full(); !queue_.empty(); serve_one_that_is_full()) {
    JobOutput& job = queue_.front();
    const bool is_new = !std::exchange(job.is_open, true);
    for (JobSink* sink : {job.out.get(), job.err.get()})
      if (is_new && sink != nullptr) sink->open();
    const bool is_empty = drain(job);
    if (is_new && job.on_room) job.on_room();
    if (!is_empty || !job.has_ended || !finish(job)) return;
    queue_.pop_front();
  }
}

/// Without room on the disk one that is not to wait for its end goes first.
void JobOutputs::serve_one_that_is_full() {
  if (!queue_.empty() || room_.write_error == 0) return;
  const auto is_full = [](const JobOutput& job) {
    return (job.out && job.out->is_behind()) || (job.err && job.err->is_behind());
  };
  const auto place = std::find_if(running_.begin(), running_.end(), is_full);
  if (place != running_.end()) queue_.splice(queue_.end(), running_, place);
}

void JobOutputs::pump_lines() {
  for (auto job = running_.begin(); job != running_.end();) {
    const bool is_empty = drain(*job);
    const bool is_through = is_empty && job->has_ended && finish(*job);
    job = is_through ? running_.erase(job) : std::next(job);
  }
}

/// Says what there is to say about it; false if nobody takes that now.
bool JobOutputs::finish(JobOutput& job) {
  if (!job.result.empty() && outputs_.is_behind()) return false;
  if (before_write_ && !job.result.empty()) before_write_();
  if (!job.result.empty()) outputs_.add_result(job.result);
  if (!job.report.empty()) reporter_.error(job.report);
  return true;
}

void JobOutputs::go_on() {
  if (room_.write_error != 0 && !std::exchange(has_warned_, true)) {
    const Error error = Error::from_errno(room_.write_error, "write", "temporary file");
    reporter_.warning(fmt::format("{}; outputs wait for their turn", error.what()));
  }
  pump();
  if (!queue_.empty() && queue_.front().on_room) queue_.front().on_room();
  if (order_ != OutputOrder::by_line) return;
  for (JobOutput& job : running_)
    if (job.on_room) job.on_room();
}

}  // namespace ioa::cli
