#include "cli/commands/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/backoff.hpp"
#include "cli/commands/establish.hpp"
#include "cli/commands/probe_target.hpp"
#include "cli/descriptor_limit.hpp"
#include "cli/escape.hpp"
#include "cli/result_output.hpp"
#include "cli/run_hooks.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/task_set.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa::cli {
namespace {

// Of the ports that are not as wanted, so many are named.
constexpr std::uint64_t kNamesShown = 20;

// How soon a probe that found no descriptor free tries again.
constexpr Duration kOverloadPause = std::chrono::milliseconds(5);

/// So many may be under way at once; the others wait in line.
class Slots {
 public:
  explicit Slots(std::uint64_t count) noexcept : free_(count) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

  /// Ready when there is one for the caller, who gives it back.
  Future<> take() {
    if (free_ > 0) {
      --free_;
      return Future<>::resolved();
    }
    const auto place = waiting_.emplace(waiting_.end());
    place->on_cancel([this, place] { waiting_.erase(place); });
    return place->future();
  }
  void give_back() {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    Promise<> next = std::move(waiting_.front());
    waiting_.pop_front();
    next.done();
  }

 private:
  std::uint64_t free_;
  std::list<Promise<>> waiting_;
};

class SlotLease {
 public:
  explicit SlotLease(Slots& slots) noexcept : slots_(slots) {}
  SlotLease(const SlotLease&) = delete;
  SlotLease& operator=(const SlotLease&) = delete;
  ~SlotLease() { slots_.give_back(); }

 private:
  Slots& slots_;
};

/// A port that is being probed, or waits to be printed.
struct Item {
  Address target;
  std::optional<ProbeOutcome> last;
  std::optional<TimePoint> good_since;
  bool is_stable = false;
  bool is_done = false;
};

std::int64_t conn_of(std::uint64_t number) noexcept {
  return static_cast<std::int64_t>(number) + 1;
}

/// Why it is tried again.
std::string_view reason_of(const Item& item) {
  return item.last->error.empty() ? "the port is open" : std::string_view(item.last->error);
}

class Probe {
 public:
  Probe(Context& context, ConnectOptions options)
      : context_(context),
        options_(std::move(options)),
        jobs_(descriptors_.fitting_pairs(options_.jobs)),
        slots_(jobs_),
        targets_(options_.targets),
        output_(context.loop, context.reporter, output_fd(), [this] { more_.schedule(); }),
        more_(context.loop, [this] { start_more(); }),
        hooks_(context) {}
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  Future<ExitStatus> run() {
    hooks_.call(*this);
    hooks_.limit(*this, options_.timeout);
    start_more();
    return outcome_.future();
  }

  void on_signal(int number);
  void on_time_limit();
  void print_counters();

 private:
  int output_fd() const;
  bool may_start() const noexcept;
  void start_more();
  Future<> probe_one(std::uint64_t number);
  Future<ProbeOutcome> try_once(std::uint64_t number);
  std::optional<Duration> left_to_wait() const;
  std::optional<Duration> until_next_look() const;
  bool is_wanted(const Item& item) const;
  bool note_outcome(Item& item, ProbeOutcome outcome);
  void record(std::uint64_t number);
  void print(const Item& item);
  void print_in_order();
  void print_rest();
  void finish();
  void add_missing(const Item& item);
  std::string missing_text() const;
  bool report_missing();
  void end_early(ExitStatus status, std::string_view why);
  ExitStatus status() const;
  bool has_enough() const;

  Context& context_;
  ConnectOptions options_;
  const TimePoint began_ = Clock::now();
  DescriptorLimit descriptors_;
  const std::uint64_t jobs_;  // at once
  Slots slots_;
  TargetList targets_;
  ResultOutput output_;
  DeferredCall more_;
  Promise<ExitStatus> outcome_;
  RunHooks hooks_;
  std::map<std::uint64_t, Item> items_;  // started, and not printed
  std::uint64_t started_ = 0;
  std::uint64_t printed_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t good_ = 0;    // of those done, as wanted
  std::uint64_t stable_ = 0;  // as wanted for long enough
  bool has_all_started_ = false;
  bool holds_ = false;  // what is waited for, before every probe has ended
  // Of those printed: names and number of ports that are not as wanted.
  std::string missing_;
  std::uint64_t missing_count_ = 0;
  std::uint64_t unresolved_ = 0;
  std::optional<ExitStatus> ending_;  // once a signal or a limit has ended it
  TaskSet running_{[](void* self, std::exception_ptr error) {
                     static_cast<Probe*>(self)->outcome_.fail(std::move(error));
                   },
                   this};
};

/// Standard output, but what a command in our place is to have is not ours to close.
int Probe::output_fd() const {
  if (options_.command.empty()) return context_.stdout_fd;
  return ::fcntl(context_.stdout_fd, F_DUPFD_CLOEXEC, 3);
}

bool Probe::may_start() const noexcept {
  if (output_.error() != 0) return false;
  if (options_.retry.wait) return true;  // all side by side, each with its turn to try
  // What is finished out of order waits in memory: it is bounded too.
  return !output_.is_behind() && started_ - done_ < jobs_ && started_ - printed_ < 4 * jobs_;
}

void Probe::start_more() {
  if (!outcome_.wanted()) return;
  if (ending_ || output_.error() != 0) return finish();
  if (holds_) {
    running_.clear();
    print_rest();
    return finish();
  }
  // Ports of this host answer at once: signals and limits get their turn in between.
  constexpr int kMostInATurn = 64;
  for (int i = 0; !has_all_started_ && may_start(); ++i) {
    if (i == kMostInATurn) return more_.schedule();
    std::optional<Address> target = targets_.next();
    has_all_started_ = !target;
    if (!target) break;
    items_[started_].target = *std::move(target);
    running_.add(probe_one(started_++));
  }
  if (has_all_started_ && done_ == started_) finish();
}

Future<> Probe::probe_one(std::uint64_t number) {
  Item& item = items_[number];
  Backoff backoff(options_.retry, began_);
  for (;;) {
    ProbeOutcome outcome = co_await try_once(number);
    const bool is_good = note_outcome(item, std::move(outcome));
    const bool is_watched = is_good && options_.stable > Duration::zero();
    if (is_good && !is_watched) break;
    if (is_watched) backoff.reset();
    const std::optional<Duration> delay =
        is_watched ? until_next_look() : backoff.next(Clock::now());
    if (!delay) break;
    if (!is_watched) report_retry(context_, conn_of(number), backoff, *delay, reason_of(item));
    context_.loop.refresh_now();
    co_await sleep_for(context_.loop, *delay);
  }
  record(number);
}

Future<ProbeOutcome> Probe::try_once(std::uint64_t number) {
  const Item& item = items_[number];
  ProbeOutcome outcome;
  for (;;) {
    {
      co_await slots_.take();
      const SlotLease lease(slots_);
      outcome =
          co_await probe_once(context_, options_, item.target, conn_of(number), left_to_wait());
    }
    // Too few descriptors say nothing about the port: the other probes give theirs back.
    const bool is_alone = started_ - done_ == 1;
    if (outcome.is_overloaded && is_alone) context_.reporter.warning(escape(outcome.error));
    if (!outcome.is_overloaded || is_alone) co_return outcome;
    co_await sleep_for(context_.loop, kOverloadPause);
  }
}

std::optional<Duration> Probe::left_to_wait() const {
  return Backoff(options_.retry, began_).time_left(Clock::now());
}

/// What holds is looked at again until all do at the same time; nothing once the time is over.
std::optional<Duration> Probe::until_next_look() const {
  const std::optional<Duration> left = left_to_wait();
  const Duration interval = options_.retry.delay;
  if (!left) return interval;
  if (*left <= Duration::zero()) return std::nullopt;
  return std::min(interval, *left);
}

/// Whether the port is as the user wants it: open, or with --until-closed not there any more. A
/// name without an address, and UDP's silence, say nothing about that.
bool Probe::is_wanted(const Item& item) const {
  if (!item.last) return false;
  const PortState state = item.last->state;
  if (!options_.until_closed) return state == PortState::open;
  if (item.last->is_cut_short) return false;
  return state == PortState::closed || state == PortState::filtered;
}

/// Returns whether the port is as wanted, and counts for how long it has been.
bool Probe::note_outcome(Item& item, ProbeOutcome outcome) {
  // What was seen before says more than a try that there was no time for.
  if (!outcome.is_cut_short || !item.last) item.last = std::move(outcome);
  const bool is_good = is_wanted(item);
  const TimePoint now = Clock::now();
  if (!is_good) {
    if (std::exchange(item.is_stable, false)) --stable_;
    item.good_since.reset();
    return false;
  }
  if (!item.good_since) item.good_since = now;
  if (!item.is_stable && now - *item.good_since >= options_.stable) {
    item.is_stable = true;
    ++stable_;
  }
  // All of them at this moment, or with --any the first: then nothing more is waited for.
  const bool is_all = has_all_started_ && stable_ == started_;
  if (options_.retry.wait && (options_.any || (is_all && options_.stable > Duration::zero()))) {
    holds_ = holds_ || item.is_stable;
    if (holds_) more_.schedule();  // not from here: this runs inside one of the probes
  }
  return true;
}

void Probe::record(std::uint64_t number) {
  Item& item = items_[number];
  item.is_done = true;
  ++done_;
  if (item.is_stable) ++good_;
  print_in_order();
  more_.schedule();
}

void Probe::print(const Item& item) {
  // What runs in our place has standard output to itself.
  if (!options_.command.empty() || !item.last) return;
  output_.add(probe_line(item.target, *item.last, options_.json));
}

void Probe::print_in_order() {
  for (auto first = items_.begin(); first != items_.end() && first->second.is_done;
       first = items_.erase(first), ++printed_) {
    const Item& item = first->second;
    print(item);
    if (item.is_stable) continue;
    if (item.last->state == PortState::unresolved) ++unresolved_;
    add_missing(item);
  }
  output_.flush();
}

void Probe::add_missing(const Item& item) {
  if (++missing_count_ <= kNamesShown)
    missing_ += (missing_.empty() ? "" : ", ") + escape(item.target.to_string());
}

/// "not open for 2s: a:80, b:80 and 3 more"
std::string Probe::missing_text() const {
  std::string text = options_.until_closed ? "not closed" : "not open";
  if (options_.stable > Duration::zero()) text += " for " + duration_text(options_.stable);
  text += ": " + missing_;
  const std::uint64_t more = missing_count_ - std::min(missing_count_, kNamesShown);
  return more > 0 ? text + fmt::format(" and {} more", more) : text;
}

/// Those without a result are left out.
void Probe::print_rest() {
  for (const auto& [number, item] : items_) print(item);
  items_.clear();
  output_.flush();
}

void Probe::finish() {
  output_.flush();
  if (output_.is_behind()) return;  // it says when it is not
  if (const auto failure = output_.close()) return outcome_.done(*failure);
  if (ending_) return outcome_.done(*ending_);
  if (!has_enough() && report_missing()) return outcome_.done(ExitStatus::time_limit);
  if (has_enough()) context_.exec_command = options_.command;
  outcome_.done(status());
}

/// Names what is not as wanted, where no line of a result does. Returns whether the time for it is
/// over: the same status then as for any other time limit.
bool Probe::report_missing() {
  const std::optional<Duration> left = left_to_wait();
  const bool is_late = left && *left <= Duration::zero();
  if (!is_late && options_.command.empty()) return false;
  std::string line;
  if (is_late) line = fmt::format("--wait {} reached: ", duration_text(*options_.retry.wait));
  context_.reporter.error(line + missing_text());
  return is_late;
}

bool Probe::has_enough() const {
  return holds_ || missing_count_ == 0 || (options_.any && good_ > 0);
}

ExitStatus Probe::status() const {
  if (has_enough()) return ExitStatus::done;
  return missing_count_ > unresolved_ ? ExitStatus::not_connected : ExitStatus::unresolved;
}

/// What is known already is printed first.
void Probe::end_early(ExitStatus status, std::string_view why) {
  running_.clear();
  if (options_.retry.wait)
    for (const auto& [number, item] : items_)
      if (!item.is_stable) add_missing(item);
  std::erase_if(items_, [](const auto& entry) { return !entry.second.is_done; });
  print_rest();
  const std::string how_far =
      missing_count_ > 0 && options_.retry.wait
          ? missing_text()
          : fmt::format("{} ports tested, {} without an answer", done_, started_ - done_);
  context_.reporter.error(fmt::format("{}: {}", why, how_far));
  ending_ = status;
  finish();
}

void Probe::on_time_limit() {
  end_early(ExitStatus::time_limit,
            fmt::format("--timeout {} reached", duration_text(options_.timeout)));
  outcome_.done(ExitStatus::time_limit);  // also if the reader of the results sleeps
}

void Probe::print_counters() {
  context_.reporter.error(fmt::format("{} ports tested, {} {}, {} without an answer, {} elapsed",
                                      done_, good_, options_.until_closed ? "closed" : "open",
                                      started_ - done_,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

void Probe::on_signal(int number) {
  end_early(ended_by_signal(number), fmt::format("ended by SIG{}", ::sigabbrev_np(number)));
}

}  // namespace

Future<ExitStatus> run_probe(Context& context, ConnectOptions options) {
  Probe probe(context, std::move(options));
  ExitStatus status = co_await probe.run();
  co_return status;
}

}  // namespace ioa::cli
