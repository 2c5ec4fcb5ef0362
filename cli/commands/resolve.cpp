#include "cli/commands/resolve.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands/resolve_output.hpp"
#include "cli/escape.hpp"
#include "cli/line_source.hpp"
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
};

/// Looks many names up at once and prints the outcomes in the order of the input. Reading pauses
/// while too much waits for an earlier name, so that memory is bounded however long the input is.
class Batch {
 public:
  Batch(Context& context, ResolveOptions options)
      : context_(context),
        options_(std::move(options)),
        output_(context.loop, context.stdout_fd, [this] { more_.schedule(); }),
        more_(context.loop, [this] { start_more(); }),
        hooks_(context) {
    if (options_.from_stdin) lines_.emplace(context.loop, context.stdin_fd);
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  Future<ExitStatus> run() {
    hooks_.call(*this);
    start_more();
    return outcome_.future();
  }

  void on_signal(int number);
  void print_counters();

 private:
  void start_more();
  bool may_start() const noexcept;
  Future<> read_line();
  void start(const std::string& line);
  Future<> look_up(ResolveQuery query, std::uint64_t number);
  Future<Found> find(ResolveQuery query);
  void record(std::uint64_t number, Outcome outcome);
  void print(const Outcome& outcome);
  void finish();

  Context& context_;
  ResolveOptions options_;
  ResultOutput output_;
  DeferredCall more_;
  std::optional<LineSource> lines_;
  Promise<ExitStatus> outcome_;
  RunHooks hooks_;
  std::map<std::uint64_t, Outcome> waiting_;  // those whose predecessors are not there yet
  std::uint64_t started_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t printed_ = 0;
  bool is_reading_ = false;
  bool input_ended_ = false;
  bool any_failed_ = false;
  std::optional<ExitStatus> ending_;  // once a signal has ended it
  TaskSet running_{[](void* self, std::exception_ptr error) {
                     static_cast<Batch*>(self)->outcome_.fail(std::move(error));
                   },
                   this};
};

bool Batch::may_start() const noexcept {
  return !output_.is_behind() && started_ - done_ < options_.jobs &&
         started_ - printed_ < 4ULL * options_.jobs;
}

void Batch::start_more() {
  if (!outcome_.wanted()) return;
  if (ending_ || output_.error() != 0) return finish();
  if (lines_) {
    if (!is_reading_ && !input_ended_ && may_start()) running_.add(read_line());
  } else {
    while (may_start() && started_ < options_.queries.size()) {
      ResolveQuery query = options_.queries[started_];
      running_.add(look_up(std::move(query), started_++));
    }
    input_ended_ = started_ == options_.queries.size();
  }
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
    any_failed_ = true;
  }
  is_reading_ = false;
  if (line)
    start(*line);
  else
    input_ended_ = true;
  more_.schedule();
}

void Batch::start(const std::string& line) {
  const std::uint64_t number = started_++;
  try {
    ResolveQuery query = parse_query(line, options_.reverse);
    running_.add(look_up(std::move(query), number));
  } catch (const AddressError& error) {
    ResolveQuery query;
    query.name = line;
    const Error failure(ErrorKind::failed, {}, "resolve", line, error.what());
    Outcome outcome;
    if (options_.json)
      outcome.output = format_failed(query, failure, Duration::zero());
    else
      outcome.failure = (line.empty() ? "''" : "") + escape(error.what());
    any_failed_ = true;
    record(number, std::move(outcome));
  }
}

Future<> Batch::look_up(ResolveQuery query, std::uint64_t number) {
  const TimePoint begun = Clock::now();
  Outcome outcome;
  try {
    Found found = co_await find(query);
    outcome.output = format_found(options_, query, std::move(found), Clock::now() - begun);
  } catch (const Error& error) {
    any_failed_ = true;
    if (options_.json)
      outcome.output = format_failed(query, error, Clock::now() - begun);
    else
      outcome.failure = escape(query.name) + ": " + escape(error.reason());
  }
  record(number, std::move(outcome));
}

Future<Found> Batch::find(ResolveQuery query) {
  const std::optional<Duration> timeout = options_.timeout > Duration::zero()
                                              ? std::optional<Duration>(options_.timeout)
                                              : std::nullopt;
  Found found;
  if (options_.reverse) {
    NameRequest request;
    request.address = SocketAddress::from_numeric(query.host, 0).value();
    request.numeric_service = true;
    request.name_required = true;
    request.timeout = timeout;
    NameResult result = co_await context_.resolver.resolve_name(std::move(request));
    found.names.push_back(std::move(result.host));
    co_return found;
  }
  LookupRequest request;
  request.host = query.host;
  request.service = query.service;
  request.family = options_.family;
  request.socktype = query.service.empty() ? SOCK_STREAM : 0;
  request.canonical_name = options_.json;
  request.timeout = timeout;
  LookupResult result = co_await context_.resolver.resolve(std::move(request));
  std::erase_if(result.addresses, [](const ResolvedAddress& entry) {
    return entry.socktype != SOCK_STREAM && entry.socktype != SOCK_DGRAM;
  });
  found.addresses = std::move(result.addresses);
  found.canonical = std::move(result.canonical_name);
  co_return found;
}

void Batch::record(std::uint64_t number, Outcome outcome) {
  ++done_;
  if (options_.unordered) {
    ++printed_;
    print(outcome);
  } else {
    waiting_[number] = std::move(outcome);
    for (auto first = waiting_.begin(); first != waiting_.end() && first->first == printed_;
         first = waiting_.erase(first), ++printed_)
      print(first->second);
  }
  more_.schedule();
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
  if (const auto failure = output_.close(context_.reporter)) return outcome_.done(*failure);
  outcome_.done(ending_.value_or(any_failed_ ? ExitStatus::unresolved : ExitStatus::done));
}

void Batch::print_counters() {
  context_.reporter.error(fmt::format("{} names looked up, {} under way, {} elapsed", done_,
                                      started_ - done_,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

/// What is known already is printed first.
void Batch::on_signal(int number) {
  running_.clear();
  for (const auto& [place, outcome] : waiting_) print(outcome);
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
