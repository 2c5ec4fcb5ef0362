#include "cli/commands/run_child/job_pool.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>
#include <vector>

#include "cli/escape.hpp"
#include "cli/exit_status.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

// So many children may be through while the output of one that was started before is not: each of
// them takes some hundred bytes of memory, besides what it has written.
constexpr std::size_t kMostAhead = std::size_t{1} << 16;

// The pause between two runs doubles up to this, and begins anew after a run that was longer.
constexpr Duration kLongestPause = std::chrono::minutes(1);

// One that is being started while its tree is told has not been seen.
constexpr int kMostSweeps = 10;

// What children leave behind is reaped so long after one has ended, for all of them at once.
constexpr Duration kReapPause = std::chrono::seconds(1);

/// Whether it may be started once there are fewer.
bool is_shortage(const Error& error) {
  const int why = error.code().value();
  if (error.operation() == "exec") return false;
  return why == EMFILE || why == ENFILE || why == EAGAIN || why == ENOMEM;
}

/// Whether it is the line that makes the command too long to be started: others may be shorter.
bool is_too_long(const ChildReport& report) {
  return report.error && report.error->code().value() == E2BIG;
}

}  // namespace

struct JobPool::Job {
  explicit Job(JobPool& pool, JobItem of)
      : item(std::move(of)),
        timer(pool.around_.world.loop.timers(), [&pool, this] { pool.go_on(*this); }) {}

  JobItem item;
  ChildPlan plan;
  JobOutput* output = nullptr;
  std::optional<ChildRun> run;
  std::uint32_t attempts = 0;
  Duration next_pause{};
  TimeWatch timer;
  Promise<> promise;
  ChildReport last;  // of a try that was not the last one
  bool is_pausing = false;
  bool is_held = false;
};

JobPool::JobPool(const JobSurroundings& surroundings, UniqueFunction<void()> on_done)
    : around_(surroundings),
      many_(*surroundings.options.many),
      on_done_(std::move(on_done)),
      limit_(many_.jobs),
      reap_(around_.world.loop.timers(), [this] { reap_adopted(around_.world.loop); }),
      done_(around_.world.loop, [this] { on_done_(); }),
      tasks_([](void*, std::exception_ptr) {}, nullptr) {  // they do not fail
  if (around_.options.child.input.kind == ChildInput::Kind::null)
    no_input_ = open_input(around_.options.child.input);
}

JobPool::~JobPool() { tasks_.clear(); }

void JobPool::fill() {
  if (std::exchange(is_filling_, true)) return;
  while (!is_stopped_ && held_ == 0 && jobs_.size() < limit_ &&
         around_.outputs.size() < kMostAhead) {
    auto item = around_.source.next();
    if (!item) break;
    const std::string_view problem = problem_of(*item);
    if (!problem.empty())
      refuse(*item, problem);
    else if (!begin(*std::move(item)))
      break;  // what that means is found out soon
  }
  is_filling_ = false;
  check_done();
}

void JobPool::refuse(const JobItem& item, std::string_view problem) {
  around_.world.reporter.error(fmt::format("line {}: {}", item.number, problem));
  ++counts_.done;
  ChildReport report;
  report.command = around_.options.child.command;
  report.error = Error(ErrorKind::failed, {}, "exec", {}, std::string(problem));
  report.item = item;
  JobOutput& output = around_.outputs.begin(around_.options.child);
  tell(output, report);
  around_.outputs.end(output);
  failed(0);
}

/// Returns whether it could be started.
bool JobPool::begin(JobItem item) {
  Job& job = jobs_.emplace_back(*this, std::move(item));
  ++counts_.started;
  job.plan = around_.options.child;
  job.plan.command = command_for(job.plan.command, job.item);
  if (job.plan.tag)
    job.plan.tag = substitute(*job.plan.tag, escape(job.item.text), job.item.number);
  // Says whose an orphan is: at a limit those of the others are left alone.
  if (job.plan.timeout > Duration::zero() || job.plan.idle_timeout > Duration::zero())
    job.plan.environment.emplace_back("IOA_JOB", fmt::format("{}.{}", ::getpid(), job.item.number));
  job.output = &around_.outputs.begin(job.plan);
  job.output->on_room = [&job] {
    if (job.run) job.run->resume_output();
  };
  tasks_.add(work(job));
  return job.run && job.run->pid() != 0;
}

Future<> JobPool::work(Job& job) {
  try {
    co_await run_to_end(job);
  } catch (const std::exception& error) {
    around_.world.reporter.error(escape(error.what()));
    job.run.reset();
    ++counts_.done;
    failed(to_int(ExitStatus::child_failed));
  }
  finish(job);
}

Future<> JobPool::run_to_end(Job& job) {
  for (;;) {
    ChildReport report = co_await attempt(job);
    const bool is_over = ended(job, report);
    if (is_over) co_return;
    const Duration wall = report.wall;
    job.last = std::move(report);
    co_await pause(job, wall);
    if (is_ending_) co_return give_up(job);
  }
}

Future<ChildReport> JobPool::attempt(Job& job) {
  ++job.attempts;
  const ChildWorld& world = around_.world;
  ChildSurroundings around{world.loop, world.signals, around_.outputs.outlets(*job.output),
                           around_.files};
  around.sockets = around_.sockets;
  around.adopts = true;
  around.no_input_fd = no_input_.get();
  if (!job.plan.environment.empty() && job.plan.environment.back().first == "IOA_JOB")
    around.mark = "IOA_JOB=" + job.plan.environment.back().second;
  job.run.emplace(job.plan, std::move(around));
  if (world.reporter.wants_events()) {
    job.run->on_started = [this, &job](::pid_t pid) {
      around_.world.reporter.event("child.started",
                                   {{"n", static_cast<std::int64_t>(job.item.number)},
                                    {"pid", std::int64_t{pid}},
                                    {"attempt", std::int64_t{job.attempts}},
                                    {"command", std::span<const std::string>(job.plan.command)}});
    };
  }
  job.run->on_limit = [this, &job](ChildLimit limit) {
    const ChildPlan& plan = job.plan;
    const std::string name = escape_argument(job.item.text);
    around_.world.reporter.error(
        limit == ChildLimit::run_time
            ? fmt::format("{}: timed out after {}", name, duration_text(plan.timeout))
            : fmt::format("{}: no output for {}", name, duration_text(plan.idle_timeout)));
  };
  return job.run->run();
}

/// Returns whether that was the last time for it.
bool JobPool::ended(Job& job, ChildReport& report) {
  job.run.reset();
  reap_soon();
  if (has_to_wait_for_room(report)) {
    --job.attempts;
    job.is_held = true;
    ++held_;
    limit_ = jobs_.size() - held_;
    if (std::exchange(has_warned_, true)) return false;
    around_.world.reporter.warning(
        fmt::format("no more than {} at once: {}", limit_, escape(report.error->what())));
    return false;
  }
  report.attempts = job.attempts;
  report.item = job.item;
  tell_end(job, report);
  if (runs_again(job, report)) return false;
  ++counts_.done;
  const bool is_program = report.error && !is_too_long(report);
  if (!has_succeeded(report)) failed(is_program ? report.exit_status() : 0);
  tell(*job.output, report);
  return true;
}

/// It was to be run again, and is not any more.
void JobPool::give_up(Job& job) {
  ++counts_.done;
  failed(0);
  if (job.attempts > 0) tell(*job.output, job.last);
}

bool JobPool::has_to_wait_for_room(const ChildReport& report) const {
  return report.error && is_shortage(*report.error) && jobs_.size() - held_ > 1 && !is_ending_;
}

bool JobPool::has_succeeded(const ChildReport& report) const {
  return !report.error && report.limit == ChildLimit::none &&
         around_.options.success.has(report.status.shell_status());
}

bool JobPool::runs_again(const Job& job, const ChildReport& report) const {
  const RunChildOptions& options = around_.options;
  // What could not be started will not start the next time either.
  if (report.error || is_ending_) return false;
  if (options.max_restarts != 0 && job.attempts > options.max_restarts) return false;
  switch (options.restart) {
    case Restart::never:
      return false;
    case Restart::on_failure:
      return !has_succeeded(report);
    case Restart::always:
      return true;
  }
  return false;
}

Future<> JobPool::pause(Job& job, Duration wall) {
  job.promise = Promise<>();
  Future<> future = job.promise.future();
  if (job.is_held) return future;
  const Duration first = around_.options.backoff;
  if (job.attempts == 1 || wall > kLongestPause) job.next_pause = first;
  const Duration delay = job.next_pause;
  job.next_pause = std::min(delay * 2, std::max(kLongestPause, first));
  const std::string reason = job.last.reason();
  around_.world.reporter.event("retry", {{"n", static_cast<std::int64_t>(job.item.number)},
                                         {"attempt", std::int64_t{job.attempts}},
                                         {"delay_ms", milliseconds(delay)},
                                         {"reason", std::string_view(reason)}});
  job.is_pausing = true;
  job.timer.arm(saturating_add(Clock::now(), delay));
  return future;
}

void JobPool::go_on(Job& job) {
  job.timer.disarm();
  job.is_pausing = false;
  if (std::exchange(job.is_held, false)) --held_;
  job.promise.done();
}

/// Says how it has ended, behind its output.
void JobPool::tell(JobOutput& output, ChildReport& report) const {
  if (output.kept_out) report.out = output.kept_out->release();
  if (output.kept_err) report.err = output.kept_err->release();
  if (around_.options.json) output.result = report_json(report);
  if (around_.options.report) output.report = report_text(report);
}

void JobPool::tell_end(const Job& job, const ChildReport& report) {
  Reporter& reporter = around_.world.reporter;
  if (!report.left.empty())
    reporter.error(fmt::format("{}: could not be ended: process {}", report.name(),
                               fmt::join(report.left, ", ")));
  if (is_too_long(report))
    return reporter.error(
        fmt::format("line {}: {}", job.item.number, escape(report.error->reason())));
  if (report.error) {
    if (counts_.start_failure != 0 && has_fixed_program()) return;  // that was said
    const bool is_program = report.error->operation() == "exec";
    return reporter.error(is_program
                              ? fmt::format("{}: {}", escape_argument(report.command.front()),
                                            escape(report.error->reason()))
                              : escape(report.error->what()));
  }
  if (!reporter.wants_events()) return;
  const std::string fate = report.status.text();
  std::vector<EventField> fields{{"n", static_cast<std::int64_t>(job.item.number)},
                                 {"pid", std::int64_t{report.pid}},
                                 {"attempt", std::int64_t{job.attempts}},
                                 {"status", std::int64_t{report.exit_status()}}};
  if (const auto signal = report.status.signal())
    fields.push_back({"signal", std::int64_t{*signal}});
  fields.push_back({"timed_out", report.limit != ChildLimit::none});
  fields.push_back({"duration_ms", milliseconds(report.wall)});
  fields.push_back({"message", std::string_view(fate)});
  reporter.event("child.exited", fields);
}

/// `status` of one that could not be run, else 0.
void JobPool::failed(int status) {
  ++counts_.failed;
  const bool is_hopeless = status != 0 && has_fixed_program();
  if (counts_.start_failure == 0) counts_.start_failure = status;
  if (many_.halt != Halt::never || is_hopeless) stop();
  if (many_.halt == Halt::now) end_all(around_.options.child.kill_signal);
}

/// Whether it is the same program for each line: if that cannot be started for one of them, it
/// cannot for the others.
bool JobPool::has_fixed_program() const {
  const auto& command = around_.options.child.command;
  return command.empty() || !has_placeholder({command.front()});
}

void JobPool::finish(Job& job) {
  around_.outputs.end(*job.output);
  jobs_.remove_if([&job](const Job& each) { return &each == &job; });
  if (held_ > 0) {
    const auto held =
        std::find_if(jobs_.begin(), jobs_.end(), [](const Job& j) { return j.is_held; });
    if (held != jobs_.end()) go_on(*held);
  }
  fill();
}

void JobPool::reap_soon() {
  if (reap_.is_armed()) return;
  reap_.arm(saturating_add(around_.world.loop.now(), kReapPause));
}

void JobPool::stop() {
  is_stopped_ = true;
  around_.source.close();
  check_done();
}

void JobPool::end_all(int signal) {
  is_ending_ = true;
  for (Job& job : jobs_) {
    if (job.run) job.run->end(signal);
    if (job.is_pausing || job.is_held) go_on(job);
  }
}

void JobPool::kill_all() {
  TreeTarget target;
  target.adopted = true;
  for (Job& job : jobs_)
    if (job.run && job.run->is_running()) target.roots.push_back(job.run->pid());
  for (int sweep = 0; sweep < kMostSweeps; ++sweep)
    if (signal_tree(around_.world.loop, target, SIGKILL).signalled == 0) return;
}

void JobPool::signal_all(int signal) {
  for (Job& job : jobs_)
    if (job.run) job.run->signal(signal);
}

void JobPool::take_window_size() {
  for (Job& job : jobs_)
    if (job.run) job.run->take_window_size();
}

void JobPool::stop_waiting_for_output() {
  for (Job& job : jobs_)
    if (job.run) job.run->stop_waiting_for_output();
}

bool JobPool::is_done() const noexcept {
  return jobs_.empty() && (is_stopped_ || around_.source.has_ended());
}

void JobPool::check_done() {
  if (is_done() && !std::exchange(has_told_done_, true)) done_.schedule();
}

std::optional<std::uint64_t> JobPool::total() const noexcept {
  if (!is_stopped_ && !around_.source.has_ended()) return std::nullopt;
  return counts_.done + jobs_.size();
}

}  // namespace ioa::cli
