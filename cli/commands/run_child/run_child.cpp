#include "cli/commands/run_child/run_child.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/run_child/child_run.hpp"
#include "cli/commands/run_child/passed_sockets.hpp"
#include "cli/commands/run_child/run_many.hpp"
#include "cli/commands/run_child/run_outputs.hpp"
#include "cli/commands/run_child/signal_feed.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/signal_name.hpp"
#include "ioa/future/promise.hpp"

namespace ioa::cli {
namespace {

// The pause between two runs doubles up to this, and begins anew after a run that was longer.
constexpr Duration kLongestBackoff = std::chrono::minutes(1);

/// Whether this program is what a user of a terminal waits for.
bool is_in_foreground() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::isatty(fd) == 1) return ::tcgetpgrp(fd) == ::getpgrp();
  return false;
}

bool ends_supervision(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGQUIT;
}

/// One command: its runs one after the other, and what comes of them.
class Supervisor {
 public:
  Supervisor(const ChildWorld& world, RunChildOptions options)
      : world_(world),
        options_(std::move(options)),
        pause_(world.loop.timers(), [this] { pause_is_over(true); }),
        patience_(world.loop.timers(), [this] { flushed_.done(); }),
        guard_watch_(world.loop) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  Future<ExitStatus> run();

 private:
  void prepare();
  Future<ExitStatus> supervise();
  Future<ChildReport> run_once();
  void ended(ChildReport& report);
  bool runs_again(const ChildReport& report) const;
  bool has_succeeded(const ChildReport& report) const;
  Future<bool> pause(const ChildReport& report);
  void pause_is_over(bool goes_on);
  Future<ExitStatus> finish();
  Future<> flushed();

  void signal_arrived(const SignalArrival& arrival);
  void child_stopped(int signal);
  void signal_without_child(int number);
  void outputs_changed();
  void guard_gone();
  void tell_limit(ChildLimit limit);
  void tell_failure(const Error& error);

  ChildWorld world_;
  RunChildOptions options_;
  std::optional<SignalFeed> signals_;
  std::optional<PassedSockets> sockets_;
  std::optional<RunOutputs> outputs_;
  std::optional<ChildFiles> files_;
  std::optional<ChildRun> run_;
  ChildReport report_;  // of the run that was the last
  std::uint32_t attempts_ = 0;
  Duration next_pause_{};
  TimeWatch pause_;
  TimeWatch patience_;
  IoWatch guard_watch_;
  Promise<bool> pause_promise_;
  Promise<> flushed_;
  bool adopts_ = false;  // orphans among what the child starts
  bool is_binding_ = false;
  bool is_pausing_ = false;
  bool is_stop_asked_ = false;  // SIGTSTP has come for the child
  int last_passed_ = 0;         // the signal that the child got last
  bool ends_after_this_ = false;
  std::optional<int> ended_by_;  // the signal that ended this program, without a child to get it
};

Future<ExitStatus> Supervisor::run() {
  try {
    prepare();
    if (!options_.listen.empty()) {
      sockets_.emplace(world_.loop);
      is_binding_ = true;
      co_await sockets_->bind(options_.listen, world_.reporter);
      is_binding_ = false;
      if (ended_by_) co_return ended_by_signal(*ended_by_);
    }
  } catch (const Error& error) {
    world_.reporter.error(escape(error.what()));
    if (!sockets_) co_return ExitStatus::child_failed;
    const bool is_name = error.operation() == "resolve";
    co_return is_name ? ExitStatus::unresolved : ExitStatus::not_connected;
  }
  co_return co_await supervise();
}

void Supervisor::prepare() {
  signals_.emplace(world_.loop, world_.signals,
                   [this](const SignalArrival& arrival) { signal_arrived(arrival); });
  files_.emplace(options_.child.files);
  outputs_.emplace(world_.loop, options_, [this] { outputs_changed(); });
  const ChildPlan& plan = options_.child;
  const bool may_end_tree = plan.timeout.count() > 0 || plan.is_output_seen() || options_.json;
  const bool is_init = ::getpid() == 1;  // of a container: orphans come here in any case
  adopts_ = may_end_tree || options_.guard || is_init;
  if (adopts_) set_subreaper(true);
  if (world_.guard_fd < 0) return;
  guard_watch_.set_callback([this](IoEvent) { guard_gone(); });
  guard_watch_.start(world_.guard_fd, IoEvent::read);
}

Future<ExitStatus> Supervisor::supervise() {
  for (;;) {
    ChildReport report = co_await run_once();
    ended(report);
    const bool goes_on = runs_again(report);
    if (!goes_on) break;
    const bool is_due = co_await pause(report_);
    if (!is_due) break;
  }
  co_return co_await finish();
}

Future<ChildReport> Supervisor::run_once() {
  ++attempts_;
  ChildSurroundings around{world_.loop, world_.signals, outputs_->outlets(), *files_};
  if (sockets_) around.sockets = sockets_->fds();
  around.adopts = adopts_;
  last_passed_ = 0;
  run_.emplace(options_.child, std::move(around));
  run_->on_started = [this](::pid_t pid) {
    world_.reporter.event("child.started",
                          {{"pid", std::int64_t{pid}},
                           {"attempt", std::int64_t{attempts_}},
                           {"command", std::span<const std::string>(options_.child.command)}});
  };
  run_->on_limit = [this](ChildLimit limit) { tell_limit(limit); };
  run_->on_stopped = [this](int signal) { child_stopped(signal); };
  return run_->run();
}

void Supervisor::ended(ChildReport& report) {
  run_.reset();
  report.attempts = attempts_;
  outputs_->move_captured(report);
  if (!report.left.empty())
    world_.reporter.error(fmt::format("{}: could not be ended: process {}",
                                      escape_argument(report.command.front()),
                                      fmt::join(report.left, ", ")));
  if (report.error) {
    tell_failure(*report.error);
  } else if (world_.reporter.wants_events()) {
    const int signal = report.status.signal().value_or(0);
    const std::string fate = report.status.text();
    std::vector<EventField> fields{{"pid", std::int64_t{report.pid}},
                                   {"attempt", std::int64_t{attempts_}},
                                   {"status", std::int64_t{report.exit_status()}}};
    if (signal != 0) fields.push_back({"signal", std::int64_t{signal}});
    fields.push_back({"timed_out", report.limit != ChildLimit::none});
    fields.push_back({"duration_ms", milliseconds(report.wall)});
    fields.push_back({"message", std::string_view(fate)});
    world_.reporter.event("child.exited", fields);
  }
  report_ = std::move(report);
}

bool Supervisor::has_succeeded(const ChildReport& report) const {
  return !report.error && report.limit == ChildLimit::none &&
         options_.success.has(report.status.shell_status());
}

bool Supervisor::runs_again(const ChildReport& /*report*/) const {
  const ChildReport& report = report_;
  // What could not be started will not start the next time either.
  if (report.error || ended_by_ || ends_after_this_ || outputs_->has_failed()) return false;
  // A terminal's hangup ends what is on it; a child that it does not end reads its files anew.
  if (last_passed_ == SIGHUP && report.status.signal() == SIGHUP) return false;
  if (options_.max_restarts != 0 && attempts_ > options_.max_restarts) return false;
  switch (options_.restart) {
    case Restart::never:
      return false;
    case Restart::on_failure:
      return !has_succeeded(report);
    case Restart::always:
      return true;
  }
  return false;
}

Future<bool> Supervisor::pause(const ChildReport& report) {
  if (attempts_ == 1 || report.wall > kLongestBackoff) next_pause_ = options_.backoff;
  const Duration delay = next_pause_;
  next_pause_ = std::min(delay * 2, std::max(kLongestBackoff, Duration(options_.backoff)));
  const std::string reason = report.reason();
  world_.reporter.event("retry", {{"attempt", std::int64_t{attempts_}},
                                  {"delay_ms", milliseconds(delay)},
                                  {"reason", std::string_view(reason)}});
  is_pausing_ = true;
  pause_promise_ = Promise<bool>();
  pause_.arm(saturating_add(Clock::now(), delay));
  return pause_promise_.future();
}

void Supervisor::pause_is_over(bool goes_on) {
  pause_.disarm();
  is_pausing_ = false;
  pause_promise_.done(goes_on);
}

Future<ExitStatus> Supervisor::finish() {
  if (options_.report) world_.reporter.error(report_text(report_));
  if (options_.json && !outputs_->has_failed()) outputs_->add_result(report_json(report_));
  if (outputs_->is_behind() && !ended_by_) {
    const ChildPlan& plan = options_.child;
    if (report_.limit != ChildLimit::none && plan.kill_after > Duration::zero())
      patience_.arm(saturating_add(Clock::now(), plan.kill_after));
    co_await flushed();
  }
  if (const std::size_t lost = outputs_->pending(); lost > 0)
    world_.reporter.error(fmt::format("{} bytes of output could not be delivered", lost));
  const auto failure = outputs_->close(world_.reporter);
  if (ended_by_) co_return ended_by_signal(*ended_by_);
  if (failure && report_.limit == ChildLimit::none) co_return *failure;
  co_return static_cast<ExitStatus>(report_.exit_status());
}

Future<> Supervisor::flushed() {
  flushed_ = Promise<>();
  return flushed_.future();
}

void Supervisor::signal_arrived(const SignalArrival& arrival) {
  const int number = arrival.number;
  if (number == SIGCHLD) {
    if (run_) run_->child_signal();
    return;
  }
  const ChildPlan& plan = options_.child;
  if (run_ && plan.pty && number == SIGWINCH) return run_->take_window_size();
  if (ends_supervision(number)) ends_after_this_ = true;
  if (!run_ || !run_->is_running()) return signal_without_child(number);
  if (number == SIGTSTP) is_stop_asked_ = true;
  if (number == SIGCONT) run_->hold_terminal(true);  // it may be in the foreground by now
  // What a key of the terminal sends, a child of our session has got already.
  last_passed_ = number;
  if (reaches_foreground(arrival) && !plan.pty && !plan.new_session) return;
  run_->signal(number);
}

void Supervisor::signal_without_child(int number) {
  if (number == SIGTSTP) return stop_by_terminal_signal();
  if (!ends_supervision(number) && number != SIGHUP) return;
  const bool is_again = ended_by_.has_value();
  ended_by_ = number;
  if (is_binding_) sockets_->close();
  if (is_again || is_binding_) ::_exit(to_int(ended_by_signal(number)));
  if (run_) run_->stop_waiting_for_output();
  if (is_pausing_) pause_is_over(false);
  if (!run_ && !is_pausing_) flushed_.done();
}

void Supervisor::child_stopped(int signal) {
  const bool by_terminal = signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
  const bool is_asked = std::exchange(is_stop_asked_, false);
  // Whoever stops a service for a while does not want its supervisor to stop, which would wait for
  // another signal to go on.
  if (!by_terminal && !is_asked && !is_in_foreground()) return;
  run_->hold_terminal(false);
  stop_by_terminal_signal();
  run_->hold_terminal(true);
  run_->take_window_size();
}

void Supervisor::outputs_changed() {
  if (outputs_->has_failed()) {
    if (run_) {
      run_->end(options_.child.kill_signal);
      run_->stop_waiting_for_output();
    }
    flushed_.done();
    return;
  }
  if (outputs_->is_behind()) return;
  if (run_) run_->resume_output();
  flushed_.done();
}

void Supervisor::guard_gone() {
  guard_watch_.stop();
  ended_by_ = SIGKILL;
  ends_after_this_ = true;
  if (run_) {
    run_->end(SIGKILL);
    run_->stop_waiting_for_output();
  } else {
    // What earlier runs have left is ours to end, too.
    signal_tree(world_.loop, TreeTarget{{}, true, {}}, SIGKILL);
  }
  if (is_pausing_) pause_is_over(false);
  flushed_.done();
}

void Supervisor::tell_limit(ChildLimit limit) {
  const std::string name = escape_argument(options_.child.command.front());
  const ChildPlan& plan = options_.child;
  world_.reporter.error(
      limit == ChildLimit::run_time
          ? fmt::format("{}: timed out after {}", name, duration_text(plan.timeout))
          : fmt::format("{}: no output for {}", name, duration_text(plan.idle_timeout)));
}

void Supervisor::tell_failure(const Error& error) {
  if (error.operation() == "exec")
    world_.reporter.error(fmt::format("{}: {}", escape_argument(options_.child.command.front()),
                                      escape(error.reason())));
  else
    world_.reporter.error(escape(error.what()));
}

}  // namespace

Future<ExitStatus> run_child(ChildWorld world, RunChildOptions options) {
  if (options.many) co_return co_await run_many(world, std::move(options));
  Supervisor supervisor(world, std::move(options));
  co_return co_await supervisor.run();
}

}  // namespace ioa::cli
