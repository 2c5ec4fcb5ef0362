#include "cli/commands/run_child/run_many.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands/run_child/child_set_up.hpp"
#include "cli/commands/run_child/job_outputs.hpp"
#include "cli/commands/run_child/job_pool.hpp"
#include "cli/commands/run_child/job_source.hpp"
#include "cli/commands/run_child/passed_sockets.hpp"
#include "cli/commands/run_child/run_outputs.hpp"
#include "cli/commands/run_child/signal_feed.hpp"
#include "cli/escape.hpp"
#include "cli/progress_meter.hpp"
#include "ioa/base/error.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/process/process_info.hpp"
#include "ioa/process/process_tree.hpp"

namespace ioa::cli {
namespace {

ByteEnd open_source(const std::string& source) {
  if (source == "-") return ByteEnd::inherited(STDIN_FILENO, ByteEnd::Access::read);
  UniqueFd file = open_input({ChildInput::Kind::file, source});
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode))
    throw Error::from_errno(EISDIR, "open", source);
  const int flags = ::fcntl(file.get(), F_GETFL);
  ::fcntl(file.get(), F_SETFL, flags | O_NONBLOCK);  // its description is ours alone
  return ByteEnd::own(std::move(file));
}

// timeout(1) and others send a signal to a process and then to its group: that is one.
constexpr Duration kSameSignal = std::chrono::milliseconds(20);

/// A child a line: what is around their pool.
class ManyRun {
 public:
  ManyRun(const ChildWorld& world, RunChildOptions options)
      : world_(world),
        options_(std::move(options)),
        patience_(world.loop.timers(), [this] { flushed_.done(); }),
        guard_watch_(world.loop) {}
  ManyRun(const ManyRun&) = delete;
  ManyRun& operator=(const ManyRun&) = delete;

  Future<ExitStatus> run();

 private:
  void prepare();
  void start();
  Future<> all_done();
  Future<ExitStatus> finish();
  void end_what_is_left();
  Future<> flushed();
  ExitStatus status() const;

  void signal_arrived(const SignalArrival& arrival);
  void end_by(int signal, int signal_for_children);
  void outputs_changed();
  void guard_gone();
  ProgressReading progress() const;

  ChildWorld world_;
  RunChildOptions options_;
  std::optional<SignalFeed> signals_;
  std::optional<PassedSockets> sockets_;
  std::optional<RunOutputs> outputs_;
  std::optional<ChildFiles> files_;
  std::optional<ProgressMeter> meter_;
  std::optional<JobSource> source_;
  std::optional<JobOutputs> job_outputs_;
  std::optional<JobPool> pool_;
  TimeWatch patience_;
  IoWatch guard_watch_;
  Promise<> done_;
  Promise<> flushed_;
  bool is_binding_ = false;
  std::optional<int> ended_by_;
  TimePoint ended_at_{};  // when that came
};

Future<ExitStatus> ManyRun::run() {
  try {
    prepare();
    if (!options_.listen.empty()) {
      sockets_.emplace(world_.loop);
      is_binding_ = true;
      co_await sockets_->bind(options_.listen, world_.reporter);
      is_binding_ = false;
    }
    start();
  } catch (const Error& error) {
    world_.reporter.error(escape(error.what()));
    if (!is_binding_) co_return ExitStatus::child_failed;
    const bool is_name = error.operation() == "resolve";
    co_return is_name ? ExitStatus::unresolved : ExitStatus::not_connected;
  }
  co_await all_done();
  co_return co_await finish();
}

void ManyRun::prepare() {
  signals_.emplace(
      world_.loop, world_.signals,
      [this](const SignalArrival& arrival) { signal_arrived(arrival); }, false);
  source_.emplace(world_.loop, open_source(options_.many->source), options_.many->separator,
                  [this] { pool_->fill(); });
  files_.emplace(options_.child.files);
  outputs_.emplace(world_.loop, options_, [this] { outputs_changed(); });
  set_subreaper(true);
  if (world_.guard_fd < 0) return;
  guard_watch_.set_callback([this](IoEvent) { guard_gone(); });
  guard_watch_.start(world_.guard_fd, IoEvent::read);
}

void ManyRun::start() {
  meter_.emplace(world_.loop, world_.reporter, options_.many->progress, ProgressUnit::items,
                 [this] { return progress(); });
  const bool shares_terminal = options_.many->progress != ProgressMode::never &&
                               world_.reporter.is_terminal() && ::isatty(STDOUT_FILENO) == 1;
  UniqueFunction<void()> before_write;
  if (shares_terminal) before_write = [this] { world_.reporter.hide_live(); };
  job_outputs_.emplace(world_.loop, *outputs_, world_.reporter, *options_.many,
                       std::move(before_write));
  std::span<const int> sockets;
  if (sockets_) sockets = sockets_->fds();
  pool_.emplace(JobSurroundings{world_, options_, *source_, *job_outputs_, *files_, sockets},
                [this] { done_.done(); });
}

Future<> ManyRun::all_done() {
  Future<> future = done_.future();
  pool_->fill();
  return future;
}

Future<ExitStatus> ManyRun::finish() {
  end_what_is_left();
  job_outputs_->go_on();
  if (!job_outputs_->empty() || outputs_->is_behind()) {
    const Duration patience = options_.child.kill_after;
    if (ended_by_ && patience > Duration::zero())
      patience_.arm(saturating_add(Clock::now(), patience));
    co_await flushed();
  }
  meter_->finish();
  if (source_->error() != 0) {
    const bool is_input = options_.many->source == "-";
    const std::string name = is_input ? "standard input" : escape(options_.many->source);
    world_.reporter.error(Error::from_errno(source_->error(), "read", name).what());
  }
  const int lost = job_outputs_->room().read_error;
  if (lost != 0) world_.reporter.error(Error::from_errno(lost, "read", "temporary file").what());
  const bool is_cut = !job_outputs_->empty() || outputs_->pending() > 0;
  if (is_cut && !outputs_->has_failed()) world_.reporter.error("not all output could be delivered");
  const auto failure = outputs_->close(world_.reporter);
  if (ended_by_) co_return ended_by_signal(*ended_by_);
  if (failure) co_return *failure;
  co_return lost != 0 ? ExitStatus::io_error : status();
}

/// What children have left behind lives on where nothing has ended the run.
void ManyRun::end_what_is_left() {
  const bool is_cut_short = ended_by_ || outputs_->has_failed() ||
                            (options_.many->halt == Halt::now && pool_->counts().failed > 0);
  if (is_cut_short) pool_->kill_all();
}

ExitStatus ManyRun::status() const {
  const JobCounts& counts = pool_->counts();
  if (counts.start_failure != 0) return static_cast<ExitStatus>(counts.start_failure);
  const bool is_well = counts.failed == 0 && source_->error() == 0;
  return is_well ? ExitStatus::done : ExitStatus::io_error;
}

Future<> ManyRun::flushed() {
  flushed_ = Promise<>();
  return flushed_.future();
}

void ManyRun::signal_arrived(const SignalArrival& arrival) {
  const int number = arrival.number;
  const ChildPlan& plan = options_.child;
  // What a key of the terminal sends, a child of our session has got already.
  const bool is_known = reaches_foreground(arrival) && !plan.pty && !plan.new_session;
  const bool ends = number == SIGINT || number == SIGTERM || number == SIGQUIT || number == SIGHUP;
  if (ends) return end_by(number, is_known ? 0 : number);
  if (number == SIGUSR1) {
    const JobCounts counts = pool_ ? pool_->counts() : JobCounts();
    return world_.reporter.error(fmt::format("{} done, {} of them failed, {} running", counts.done,
                                             counts.failed, pool_ ? pool_->running() : 0));
  }
  if (pool_ && number == SIGWINCH && plan.pty) return pool_->take_window_size();
  if (pool_ && !is_known) pool_->signal_all(number);
  if (number == SIGTSTP) stop_by_terminal_signal();
}

void ManyRun::end_by(int signal, int signal_for_children) {
  const bool is_again = ended_by_.has_value();
  if (is_again && *ended_by_ == signal && Clock::now() - ended_at_ < kSameSignal) return;
  if (is_again || is_binding_ || !pool_) {
    if (pool_) pool_->kill_all();
    world_.reporter.hide_live();
    ::_exit(to_int(ended_by_signal(ended_by_.value_or(signal))));
  }
  ended_by_ = signal;
  ended_at_ = Clock::now();
  pool_->stop();
  pool_->end_all(signal_for_children);
  if (pool_->is_done() && options_.child.kill_after > Duration::zero())
    patience_.arm(saturating_add(Clock::now(), options_.child.kill_after));
}

void ManyRun::outputs_changed() {
  if (outputs_->has_failed()) {
    if (pool_ && !pool_->is_done()) {
      pool_->stop();
      pool_->end_all(options_.child.kill_signal);
      pool_->stop_waiting_for_output();
    }
    flushed_.done();
    return;
  }
  if (outputs_->is_behind()) return;
  if (job_outputs_) job_outputs_->go_on();
  if (pool_) pool_->fill();
  if (job_outputs_ && job_outputs_->empty() && !outputs_->is_behind()) flushed_.done();
}

void ManyRun::guard_gone() {
  guard_watch_.stop();
  ended_by_ = SIGKILL;
  if (pool_) {
    pool_->stop();
    pool_->end_all(SIGKILL);
    pool_->stop_waiting_for_output();
  }
  flushed_.done();
}

ProgressReading ManyRun::progress() const {
  const JobCounts& counts = pool_->counts();
  ProgressReading reading{counts.done, pool_->total(), {}};
  if (counts.failed > 0) reading.note = fmt::format("{} failed", counts.failed);
  return reading;
}

}  // namespace

Future<ExitStatus> run_many(ChildWorld world, RunChildOptions options) {
  ManyRun run(world, std::move(options));
  co_return co_await run.run();
}

}  // namespace ioa::cli
