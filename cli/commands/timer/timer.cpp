#include "cli/commands/timer/timer.hpp"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "cli/command_search.hpp"
#include "cli/commands/run_child/run_child.hpp"
#include "cli/commands/timer/tick_commands.hpp"
#include "cli/escape.hpp"
#include "cli/near_child.hpp"
#include "cli/result_output.hpp"
#include "cli/run_hooks.hpp"
#include "cli/wall_time.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/process/process_tree.hpp"

namespace ioa::cli {
namespace {

// Ticks that are kept one by one while nobody reads: of those after them, only how many.
constexpr std::size_t kMostOwed = 256;

Duration random_share(Duration most) {
  std::minstd_rand random(std::random_device{}());
  return Duration(std::uniform_int_distribution<Duration::rep>(0, most.count())(random));
}

/// One run of the command: ticks come from a Ticker, one timer, or silence; where each of them goes
/// is the same.
class TimerRun {
 public:
  TimerRun(Context& context, TimerOptions options, const SignalState& inherited)
      : context_(context),
        options_(std::move(options)),
        inherited_(inherited),
        output_(context.loop, context.reporter, context.stdout_fd, [this] { output_changed(); }),
        after_(context.loop, [this] { settle(); }),
        timer_(context.loop.timers()),
        end_timer_(context.loop.timers(), [this] { end_if_over(); }),
        input_watch_(context.loop),
        hooks_(context) {}
  TimerRun(const TimerRun&) = delete;
  TimerRun& operator=(const TimerRun&) = delete;
  ~TimerRun() {
    for (AbsoluteTimer* each : {wall_timer_, until_timer_})
      if (each != nullptr) each->remove();
  }

  Future<ExitStatus> run();

  void on_signal(int number);
  void print_counters();

 private:
  void watch_hangup();
  bool is_single() const noexcept {
    return options_.mode == TimerMode::after || options_.mode == TimerMode::at;
  }
  void start();
  void start_single();
  void start_idle();
  void arm_in(Duration wait, Duration share = {});
  void start_limits();
  void read_input();
  void silence();

  void tick(const Tick& tick);
  void owe(const Tick& tick);
  Tick take_owed();
  void deliver(const Tick& tick);
  void single_due();
  Future<> run_single_command();

  void end();
  void end_if_over();
  void output_changed();
  void commands_changed();
  void settle();
  ExitStatus status();
  TimePoint next_due() const;
  std::string countdown() const;

  Context& context_;
  TimerOptions options_;
  const SignalState& inherited_;
  ResultOutput output_;
  DeferredCall after_;
  TimeWatch timer_;                       // of after, of silence, and of the jitter
  TimePoint due_{};                       // of timer_, which forgets it as it fires
  TimeWatch end_timer_;                   // --for
  AbsoluteTimer* wall_timer_ = nullptr;   // of at
  AbsoluteTimer* until_timer_ = nullptr;  // --until
  IoWatch input_watch_;
  std::optional<ByteEnd> input_;
  std::optional<Ticker> ticker_;
  std::optional<TickCommands> commands_;
  std::optional<LiveLine> live_;
  RunHooks hooks_;
  std::optional<SignalWatch> hangup_;
  std::optional<SignalWatch> quit_;
  Promise<ExitStatus> outcome_;
  Future<> single_command_;
  std::deque<Tick> owed_;          // with catch-up, while nobody reads: the first of them,
  std::uint64_t owed_behind_ = 0;  // and how many come after those
  std::uint64_t ticks_ = 0;
  std::uint64_t missed_ = 0;      // since the last tick
  std::uint64_t all_missed_ = 0;  // before it
  TimePoint over_ = TimePoint::max();
  bool is_ending_ = false;
  bool drops_owed_ = false;
  std::optional<ExitStatus> ended_by_;
};

Future<ExitStatus> TimerRun::run() {
  hooks_.call(*this);
  context_.on_abort = [this] {
    if (commands_) commands_->kill();
  };
  live_.emplace(context_.loop, context_.reporter, options_.progress,
                [this] { return countdown(); });
  if (!options_.command.empty() && !is_single()) {
    set_subreaper(true);  // so that nothing that they leave behind gets away from a signal
    commands_.emplace(context_, options_, inherited_, [this] { commands_changed(); });
    watch_hangup();
  }
  start();
  return outcome_.future();
}

/// The end of the terminal, and its ^\, would end this program alone, and leave behind what the
/// commands have started.
void TimerRun::watch_hangup() {
  const auto ended_by = [this](int number) {
    if (!context_.on_signal) return commands_->kill();
    std::exchange(context_.on_signal, nullptr)(number);
  };
  if (!inherited_.ignores(SIGHUP))
    hangup_.emplace(context_.loop, SIGHUP, [ended_by] { ended_by(SIGHUP); });
  if (!inherited_.ignores(SIGQUIT))
    quit_.emplace(context_.loop, SIGQUIT, [ended_by] { ended_by(SIGQUIT); });
}

void TimerRun::start() {
  switch (options_.mode) {
    case TimerMode::after:
    case TimerMode::at:
      return start_single();
    case TimerMode::idle:
      start_idle();
      break;
    case TimerMode::every:
      ticker_.emplace(context_.loop, options_.plan, &local_offset,
                      [this](const Tick& due) { tick(due); });
      break;
  }
  start_limits();
}

void TimerRun::start_single() {
  timer_.set_callback([this] { single_due(); });
  const Duration share = random_share(options_.plan.jitter);
  if (options_.mode == TimerMode::after) return arm_in(options_.wait, share);
  wall_timer_ = &context_.loop.add(std::make_unique<AbsoluteTimer>(options_.time));
  wall_timer_->on_expire([this, share](AbsoluteTimer&) { arm_in(share); });
}

void TimerRun::arm_in(Duration wait, Duration share) {
  due_ = saturating_add(saturating_add(context_.loop.now(), wait), share);
  timer_.arm(due_);
}

void TimerRun::start_idle() {
  timer_.set_callback([this] { silence(); });
  arm_in(options_.wait);
  input_ = ByteEnd::inherited(context_.stdin_fd, ByteEnd::Access::read);
  input_watch_.set_callback([this](IoEvent) { read_input(); });
  input_watch_.start(input_->fd(), IoEvent::read);
}

void TimerRun::start_limits() {
  if (options_.run_time > Duration::zero()) {
    over_ = saturating_add(context_.loop.now(), options_.run_time);
    end_timer_.arm(over_);
  }
  if (!options_.until) return;
  until_timer_ = &context_.loop.add(std::make_unique<AbsoluteTimer>(*options_.until));
  until_timer_->on_expire([this](AbsoluteTimer&) { end(); });
}

/// Lines are not kept: that there is one is all that counts.
void TimerRun::read_input() {
  std::array<char, 16384> space;
  const ssize_t size = input_->read(space);
  if (size < 0 && would_block(errno)) return;
  if (size > 0) {
    if (std::string_view(space.data(), static_cast<std::size_t>(size)).find('\n') !=
        std::string_view::npos)
      arm_in(options_.wait);
    return;
  }
  if (size < 0) {
    context_.reporter.error(Error::from_errno(errno, "read", "standard input").what());
    ended_by_ = ExitStatus::io_error;
  } else if (!options_.stop_on_failure) {
    ended_by_ = ExitStatus::done;  // what a watchdog has run is no failure of what it watches
  }
  input_watch_.stop();
  end();
}

void TimerRun::silence() {
  const TimePoint due = due_;
  arm_in(options_.wait);
  tick(Tick{due});
  if (commands_) return;
  context_.reporter.error(
      fmt::format("idle {} reached: no line on standard input", duration_text(options_.wait)));
  ended_by_ = ExitStatus::time_limit;
  end();
}

void TimerRun::tick(const Tick& tick) {
  if (is_ending_) return;
  const bool is_behind = output_.is_behind();
  if (is_behind && options_.plan.missed == MissedTicks::catch_up) {
    owe(tick);
  } else if (is_behind || (commands_ && !commands_->takes_tick())) {
    missed_ += 1 + tick.missed;
  } else {
    deliver(tick);
  }
  after_.schedule();  // the ticker is still at work
}

/// A reader may stay away for days.
void TimerRun::owe(const Tick& tick) {
  if (owed_.size() < kMostOwed && owed_behind_ == 0)
    owed_.push_back(tick);
  else
    ++owed_behind_;  // an interval after the one before, but for its share of the jitter
}

Tick TimerRun::take_owed() {
  const Tick tick = owed_.front();
  if (owed_behind_ > 0) {
    --owed_behind_;
    owed_.push_back(Tick{saturating_add(owed_.back().due, options_.plan.interval)});
  }
  owed_.pop_front();
  return tick;
}

void TimerRun::deliver(const Tick& tick) {
  Backend& backend = context_.loop.backend();
  TickReport report;
  report.number = ++ticks_;
  report.time = backend.wall_now();
  report.late = std::max(backend.now() - tick.due, Duration::zero());
  report.missed = tick.missed + std::exchange(missed_, 0);
  all_missed_ += report.missed;
  if (options_.prints) {
    output_.add(options_.json ? tick_json(report) : options_.format.line(report));
    output_.flush();
  }
  context_.reporter.event("timer.tick", {{"n", static_cast<std::int64_t>(report.number)},
                                         {"late_ms", milliseconds(report.late)},
                                         {"missed", static_cast<std::int64_t>(report.missed)}});
  if (commands_) commands_->run(report);
  if (options_.count == 0 || ticks_ < options_.count) return;
  is_ending_ = true;
  drops_owed_ = true;
}

void TimerRun::single_due() {
  deliver(Tick{due_});
  if (options_.command.empty()) return end();
  live_.reset();
  single_command_ = run_single_command();
}

Future<> TimerRun::run_single_command() {
  RunChildOptions options;
  options.child.command = options_.command;
  options.child.kill_after = options_.kill_after;
  options.child.environment = {{"IOA_TICK", "1"},
                               {"IOA_TIME", format_time(context_.loop.backend().wall_now())},
                               {"IOA_MISSED", "0"}};
  const ChildWorld world{context_.loop, context_.reporter, inherited_};
  ended_by_ = co_await run_child(world, std::move(options));
  end();
}

/// No more ticks; what was begun is finished.
void TimerRun::end() {
  is_ending_ = true;
  after_.schedule();
}

/// A tick that is due just when the time is over still counts.
void TimerRun::end_if_over() {
  if (next_due() > over_) end();
}

void TimerRun::output_changed() {
  while (!owed_.empty() && !output_.is_behind() && !drops_owed_) {
    deliver(take_owed());
  }
  settle();
}

void TimerRun::commands_changed() {
  const bool has_failed = commands_->failure() && options_.stop_on_failure;
  if (commands_->cannot_run() || has_failed) {
    is_ending_ = true;
    commands_->end(SIGTERM);
  }
  settle();
}

/// Ends the run, once it is to end and nothing is under way.
void TimerRun::settle() {
  if (!outcome_.wanted()) return;
  if (output_.error() != 0) drops_owed_ = true;
  if (output_.error() != 0 && !is_ending_) {
    is_ending_ = true;
    if (commands_) commands_->end(SIGTERM);
  }
  if (!is_ending_ && next_due() > over_ && context_.loop.backend().now() >= over_)
    is_ending_ = true;
  if (!is_ending_) return;
  if (ticker_) ticker_->stop();
  timer_.disarm();
  live_.reset();
  if (commands_ && !commands_->is_idle()) return;  // they say when they are
  if (!owed_.empty() && !drops_owed_) return;      // the output says when it takes more
  if (output_.is_behind()) return;
  outcome_.done(status());
}

ExitStatus TimerRun::status() {
  if (const auto failure = output_.close()) return *failure;
  if (ended_by_) return *ended_by_;
  if (!commands_ || !commands_->failure()) return ExitStatus::done;
  const bool is_theirs = options_.stop_on_failure || commands_->cannot_run();
  return is_theirs ? static_cast<ExitStatus>(*commands_->failure()) : ExitStatus::io_error;
}

TimePoint TimerRun::next_due() const {
  if (ticker_) return ticker_->next_due();
  if (wall_timer_ != nullptr && !wall_timer_->is_expired()) {
    Backend& backend = context_.loop.backend();
    return saturating_add(backend.now(), wall_timer_->time() - backend.wall_now());
  }
  return timer_.is_armed() ? timer_.due() : TimePoint::max();
}

std::string TimerRun::countdown() const {
  const Duration left = std::max(next_due() - context_.loop.backend().now(), Duration::zero());
  const auto whole = std::chrono::ceil<std::chrono::seconds>(left);
  if (is_single()) return fmt::format("{} left", format_clock(whole));
  if (options_.mode == TimerMode::idle)
    return fmt::format("{} of silence left", format_clock(whole));
  std::string text = fmt::format("tick {} in {}", ticks_ + 1, format_clock(whole));
  if (options_.count != 0) text += fmt::format(", of {}", options_.count);
  return text;
}

void TimerRun::on_signal(int number) {
  live_.reset();
  context_.reporter.error(
      is_single() ? fmt::format("ended by SIG{}: before its time", ::sigabbrev_np(number))
                  : fmt::format("ended by SIG{}: {} ticks", ::sigabbrev_np(number), ticks_));
  ended_by_ = ended_by_signal(number);
  drops_owed_ = true;
  if (commands_) commands_->end(number);
  end();
}

void TimerRun::print_counters() {
  context_.reporter.error(fmt::format("{} ticks, {} missed, {} elapsed", ticks_,
                                      all_missed_ + missed_,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

}  // namespace

Future<ExitStatus> run_timer(Context& context, TimerOptions options, const SignalState& inherited) {
  // Told now, not when it is to run, which may be at night.
  const std::string program = options.command.empty() ? "" : options.command.front();
  if (const int problem = program.empty() ? 0 : command_problem(program)) {
    const Error error = Error::from_errno(problem, "exec", program);
    context.reporter.error(escape_argument(program) + ": " + escape(error.reason()));
    co_return status_of_spawn_failure(error);
  }
  TimerRun run(context, std::move(options), inherited);
  ExitStatus status = co_await run.run();
  co_return status;
}

}  // namespace ioa::cli
