#include "cli/commands/resolve.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands/resolve_finder.hpp"
#include "cli/commands/resolve_output.hpp"
#include "cli/escape.hpp"
#include "cli/line_source.hpp"
#include "cli/progress_meter.hpp"
#include "cli/result_output.hpp"
#include "cli/run_hooks.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/task_set.hpp"
#include "ioa/net/address.hpp"

namespace ioa::cli {
namespace {

/// What one input came to: text for standard output, or a line of talk.
struct Outcome {
  std::string output;
  std::string failure;
  bool is_there = false;

  std::size_t size() const noexcept { return output.size() + failure.size(); }
};

// Outcomes that wait for an earlier one: so many names are looked up while one is stuck.
constexpr std::uint64_t kMaxWaiting = 65'536;
constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20;
// With --max-rate: what a late loop may make up for.
constexpr Duration kRateSlack = std::chrono::milliseconds(10);

/// Looks many names up at once and prints the outcomes in the order of the input. Reading pauses
/// while too much waits for an earlier name, so that memory is bounded however long the input is.
class Batch {
 public:
  Batch(Context& context, ResolveOptions options)
      : context_(context),
        options_(std::move(options)),
        finder_(context, options_),
        output_(context.loop, context.reporter, context.stdout_fd, [this] { more_.schedule(); }),
        more_(context.loop, [this] { start_more(); }),
        next_start_(context.loop.timers(), [this] { start_more(); }),
        hooks_(context) {
    if (options_.from_stdin) lines_.emplace(context.loop, context.stdin_fd);
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  Future<ExitStatus> run() {
    hooks_.call(*this);
    meter_.emplace(context_.loop, context_.reporter, options_.progress, ProgressUnit::items,
                   [this] { return reading(); });
    start_more();
    return outcome_.future();
  }

  void on_signal(int number);
  void print_counters();

 private:
  void start_more();
  bool may_start();
  bool is_too_early();
  Future<> read_line();
  void start(std::string_view line);
  Future<> look_up(ResolveQuery query, std::uint64_t number);
  Outcome outcome_of(const ResolveQuery& query, Found&& found, TimePoint begun);
  void record(std::uint64_t number, Outcome outcome);
  void print(const Outcome& outcome);
  /// For what says how long a look-up took; a clock that is read in vain is a waste.
  TimePoint now() const { return options_.is_json() ? Clock::now() : TimePoint(); }
  void finish();
  ProgressReading reading() const;

  Context& context_;
  ResolveOptions options_;
  ResolveFinder finder_;
  ResultOutput output_;
  DeferredCall more_;
  TimeWatch next_start_;  // of --max-rate
  TimePoint rate_due_ = TimePoint::min();
  std::optional<LineSource> lines_;
  std::optional<ProgressMeter> meter_;
  Promise<ExitStatus> outcome_;
  RunHooks hooks_;
  std::deque<Outcome> waiting_;  // from the first that is not printed on
  std::size_t waiting_bytes_ = 0;
  std::string line_;
  std::uint64_t started_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t printed_ = 0;
  std::uint64_t failed_ = 0;
  bool is_reading_ = false;
  bool input_ended_ = false;
  bool has_input_failed_ = false;
  std::optional<ExitStatus> ending_;  // once a signal has ended it
  TaskSet running_{[](void* self, std::exception_ptr error) {
                     static_cast<Batch*>(self)->outcome_.fail(std::move(error));
                   },
                   this};
};

bool Batch::may_start() {
  return !output_.is_behind() && started_ - done_ < options_.jobs &&
         started_ - printed_ < kMaxWaiting && waiting_bytes_ < kMaxWaitingBytes && !is_too_early();
}

/// Holds names to --max-rate: each has its time, and the timer calls at it.
bool Batch::is_too_early() {
  if (options_.max_rate == 0) return false;
  const TimePoint now = context_.loop.backend().now();
  if (rate_due_ <= now) return false;
  next_start_.arm(rate_due_);
  return true;
}

void Batch::start_more() {
  if (!outcome_.wanted()) return;
  if (ending_ || output_.error() != 0) return finish();
  while (!is_reading_ && !input_ended_ && may_start()) {
    if (!lines_) {
      if (started_ == options_.queries.size()) break;
      ResolveQuery query = options_.queries[started_];
      running_.add(look_up(std::move(query), started_++));
    } else if (lines_->take(line_)) {
      start(line_);
    } else {
      running_.add(read_line());
    }
  }
  input_ended_ = input_ended_ || (!lines_ && started_ == options_.queries.size());
  if (done_ == started_) output_.flush();  // nothing is on its way: whoever waits gets to see it
  if (output_.error() != 0 || (input_ended_ && done_ == started_)) finish();
}

Future<> Batch::read_line() {
  is_reading_ = true;
  std::optional<std::string> line;
  try {
    line = co_await lines_->next();
  } catch (const Error& error) {
    context_.reporter.error(escape(error.what()));
    has_input_failed_ = true;
  }
  is_reading_ = false;
  if (line)
    start(*line);
  else
    input_ended_ = true;
  more_.schedule();
}

void Batch::start(std::string_view line) {
  const std::uint64_t number = started_++;
  try {
    ResolveQuery query = parse_query(line, options_);
    running_.add(look_up(std::move(query), number));
  } catch (const AddressError& error) {
    ResolveQuery query;
    query.name = std::string(line);
    const Error failure(ErrorKind::failed, {}, "resolve", query.name, error.expected());
    Outcome outcome;
    if (options_.is_json())
      outcome.output = format_failed(options_, query, failure, Duration::zero());
    else
      outcome.failure = escape_argument(line) + ": " + error.expected();  // it may be long
    ++failed_;
    record(number, std::move(outcome));
  }
}

Future<> Batch::look_up(ResolveQuery query, std::uint64_t number) {
  if (options_.max_rate > 0) {
    const auto interval = Duration(std::chrono::seconds(1)) / options_.max_rate;
    rate_due_ = std::max(rate_due_, context_.loop.backend().now() - kRateSlack) + interval;
  }
  const TimePoint begun = now();
  if (options_.type) {
    DnsReply reply = co_await finder_.find_records(query);
    record(number, outcome_of(query, Found(std::move(reply)), begun));
  } else {
    Found found = co_await finder_.find(query);
    record(number, outcome_of(query, std::move(found), begun));
  }
}

Outcome Batch::outcome_of(const ResolveQuery& query, Found&& found, TimePoint begun) {
  Outcome outcome;
  if (!found.failure) {
    outcome.output = format_found(options_, query, std::move(found), now() - begun);
    return outcome;
  }
  ++failed_;
  if (options_.is_json())
    outcome.output = format_failed(options_, query, *found.failure, now() - begun);
  else
    outcome.failure = escape(query.name) + ": " + escape(found.failure->reason());
  return outcome;
}

void Batch::record(std::uint64_t number, Outcome outcome) {
  ++done_;
  more_.schedule();
  if (options_.unordered || (number == printed_ && waiting_.empty())) {
    ++printed_;
    return print(outcome);
  }
  const std::size_t place = number - printed_;
  if (waiting_.size() <= place) waiting_.resize(place + 1);
  waiting_bytes_ += outcome.size();
  waiting_[place] = std::move(outcome);
  waiting_[place].is_there = true;
  for (; !waiting_.empty() && waiting_.front().is_there; waiting_.pop_front(), ++printed_) {
    waiting_bytes_ -= waiting_.front().size();
    print(waiting_.front());
  }
}

void Batch::print(const Outcome& outcome) {
  output_.add(outcome.output);
  if (outcome.failure.empty()) return;
  output_.flush();  // results and talk in one order where both go to one place
  context_.reporter.error(outcome.failure);
}

void Batch::finish() {
  output_.flush();
  if (output_.is_behind()) return;  // it says when it is not
  meter_->finish();
  if (const auto failure = output_.close()) return outcome_.done(*failure);
  const ExitStatus status = has_input_failed_ ? ExitStatus::io_error
                            : failed_ > 0     ? ExitStatus::unresolved
                                              : ExitStatus::done;
  outcome_.done(ending_.value_or(status));
}

ProgressReading Batch::reading() const {
  ProgressReading reading;
  reading.done = done_;
  if (!options_.from_stdin) reading.total = options_.queries.size();
  if (failed_ > 0) reading.note = fmt::format("{} failed", failed_);
  return reading;
}

void Batch::print_counters() {
  context_.reporter.error(fmt::format("{} names looked up, {} failed, {} under way, {} elapsed",
                                      done_, failed_, started_ - done_,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

/// What is known already is printed first.
void Batch::on_signal(int number) {
  running_.clear();
  for (const Outcome& outcome : waiting_) print(outcome);
  output_.flush();
  context_.reporter.error(fmt::format("ended by SIG{}: {} looked up, {} without an answer",
                                      ::sigabbrev_np(number), done_, started_ - done_));
  ending_ = ended_by_signal(number);
  finish();
}

}  // namespace

Future<ExitStatus> run_resolve(Context& context, ResolveOptions options) {
  Batch batch(context, std::move(options));
  ExitStatus status = co_await batch.run();
  co_return status;
}

}  // namespace ioa::cli
