#include "cli/commands/run_child/child_run.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/process/pseudo_terminal.hpp"

namespace ioa::cli {

ChildRun::ChildRun(const ChildPlan& plan, ChildSurroundings surroundings)
    : plan_(plan),
      around_(std::move(surroundings)),
      run_limit_(around_.loop.timers(), [this] { limit_reached(ChildLimit::run_time); }),
      silence_limit_(around_.loop.timers(), [this] { limit_reached(ChildLimit::silence); }),
      output_limit_(around_.loop.timers(), [this] { stop_waiting_for_output(); }),
      done_(around_.loop, [this] { promise_.done(std::move(report_)); }),
      tasks_([](void* self, std::exception_ptr) { static_cast<ChildRun*>(self)->tree_ended(); },
             this) {
  report_.command = plan.command;
}

ChildRun::~ChildRun() = default;

Future<ChildReport> ChildRun::run() {
  Future<ChildReport> future = promise_.future();
  try {
    start();
  } catch (const Error& error) {
    report_.error = error;
    readers_.clear();
    terminal_.reset();
    is_done_ = true;
    done_.schedule();
  }
  child_ends_.clear();
  return future;
}

void ChildRun::start() {
  SpawnRequest request = make_request(plan_);
  request.signals = around_.signals;
  if (plan_.pty) {
    open_terminal(request);
  } else {
    if (around_.no_input_fd >= 0 && plan_.input.kind == ChildInput::Kind::null) {
      request.descriptors.push_back(FdAction::dup(around_.no_input_fd, STDIN_FILENO));
    } else if (UniqueFd input = open_input(plan_.input)) {
      request.descriptors.push_back(FdAction::dup(input.get(), STDIN_FILENO));
      child_ends_.push_back(std::move(input));
    }
    open_outputs(request);
  }
  const std::vector<UniqueFd> files = around_.files.add_to(request);
  add_sockets(request, around_.sockets);
  started_ = Clock::now();
  started(spawn(request));
}

void ChildRun::open_outputs(SpawnRequest& request) {
  const ChildOutlets& outlets = around_.outlets;
  const auto add = [&](int fd, OutputSink* sink, int straight) {
    if (sink != nullptr) child_ends_.push_back(output_pipe(*sink));
    const int from = sink != nullptr ? child_ends_.back().get() : straight;
    if (from >= 0) request.descriptors.push_back(FdAction::dup(from, fd));
    return from;
  };
  const int out = add(STDOUT_FILENO, outlets.out, outlets.out_fd);
  if (outlets.is_merged)
    add(STDERR_FILENO, nullptr, out);
  else
    add(STDERR_FILENO, outlets.err, outlets.err_fd);
}

void ChildRun::open_terminal(SpawnRequest& request) {
  PseudoTerminal terminal = open_pseudo_terminal(settings_for_child(plan_.input));
  UniqueFd copy(::fcntl(terminal.controller.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy) throw Error::from_errno(errno, "dup");
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    request.descriptors.push_back(FdAction::dup(terminal.terminal.get(), fd));
  request.controlling_terminal = STDIN_FILENO;
  add_reader(std::move(terminal.controller), *around_.outlets.out);
  terminal_ = std::make_unique<TerminalLink>(around_.loop, plan_.input, std::move(copy));
  child_ends_.push_back(std::move(terminal.terminal));
}

UniqueFd ChildRun::output_pipe(OutputSink& sink) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error::from_errno(errno, "pipe2");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  // Each end has a description of its own: the child's stays blocking.
  if (::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) != 0) throw Error::from_errno(errno, "fcntl");
  add_reader(std::move(read_end), sink);
  return write_end;
}

void ChildRun::add_reader(UniqueFd fd, OutputSink& sink) {
  readers_.push_back(std::make_unique<OutputReader>(
      around_.loop, std::move(fd), sink, [this] { watch_silence(); },
      [this] { finish_if_done(); }));
}

void ChildRun::started(SpawnedChild child) {
  report_.pid = child.pid;
  watch_ = std::make_unique<PidWatch>(around_.loop, std::move(child),
                                      [this](const ExitReport& report) { child_ended(report); });
  if (plan_.timeout > Duration::zero()) run_limit_.arm(saturating_add(started_, plan_.timeout));
  watch_silence();
  if (on_started) on_started(report_.pid);
}

/// While a sink is behind it is our reader who is slow, and not the child that is silent.
void ChildRun::watch_silence() {
  if (plan_.idle_timeout <= Duration::zero() || is_ending_tree_ || is_done_) return;
  for (const auto& reader : readers_)
    if (reader->is_paused()) return silence_limit_.disarm();
  silence_limit_.arm(saturating_add(Clock::now(), plan_.idle_timeout));
}

void ChildRun::child_ended(const ExitReport& report) {
  has_ended_ = true;
  report_.wall = Clock::now() - started_;
  report_.status = report.status;
  report_.usage = report.usage;
  finish_if_done();
}

bool ChildRun::signal(int number) { return is_running() && watch_->kill(number); }

void ChildRun::child_signal() {
  if (!is_running()) return;
  if (around_.adopts) reap_adopted(around_.loop);
  ::siginfo_t info{};
  const auto pid = static_cast<::id_t>(report_.pid);
  if (::waitid(P_PID, pid, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0) return;
  if (on_stopped) on_stopped(info.si_status);
}

void ChildRun::take_window_size() {
  if (terminal_) terminal_->take_size();
}

void ChildRun::hold_terminal(bool holds) {
  if (terminal_) terminal_->hold(holds);
}

void ChildRun::limit_reached(ChildLimit limit) {
  if (is_ending_tree_ || is_done_) return;
  report_.limit = limit;
  if (on_limit) on_limit(limit);
  end(plan_.kill_signal);
}

void ChildRun::end(int signal) {
  if (is_done_) return;
  if (is_ending_tree_) {
    // Who has time left to answer has none any more.
    if (signal == SIGKILL) signal_tree(around_.loop, tree(), SIGKILL);
    return;
  }
  is_ending_tree_ = true;
  run_limit_.disarm();
  silence_limit_.disarm();
  StopPolicy policy;
  policy.signal = signal;
  policy.kill_after = std::nullopt;
  if (plan_.kill_after > Duration::zero()) policy.kill_after = plan_.kill_after;
  policy.reach = StopPolicy::Reach::tree;
  tasks_.add(end_tree_of(policy));
}

TreeTarget ChildRun::tree() const {
  TreeTarget target;
  if (is_running()) target.roots.push_back(report_.pid);
  target.adopted = around_.adopts;
  target.mark = around_.mark;
  return target;
}

Future<> ChildRun::end_tree_of(StopPolicy policy) {
  TreeTarget target = tree();
  TreeReport result = co_await end_tree(around_.loop, std::move(target), policy);
  report_.left = std::move(result.left);
  tree_ended();
}

void ChildRun::tree_ended() {
  is_tree_gone_ = true;
  // Their pipes are at their end now, unless something was not to be ended, or our reader is slow.
  if (plan_.kill_after > Duration::zero())
    output_limit_.arm(saturating_add(Clock::now(), plan_.kill_after));
  finish_if_done();
}

void ChildRun::resume_output() {
  for (const auto& reader : readers_) reader->resume();
  watch_silence();
}

void ChildRun::stop_waiting_for_output() {
  for (const auto& reader : readers_) reader->abandon();
}

void ChildRun::finish_if_done() {
  const bool is_beyond_reach = is_tree_gone_ && !report_.left.empty();
  if (is_done_ || !(has_ended_ || is_beyond_reach) || (is_ending_tree_ && !is_tree_gone_)) return;
  for (const auto& reader : readers_)
    if (!reader->has_ended()) return;
  is_done_ = true;
  run_limit_.disarm();
  silence_limit_.disarm();
  output_limit_.disarm();
  done_.schedule();  // a reader that calls this goes on for a moment
}

}  // namespace ioa::cli
