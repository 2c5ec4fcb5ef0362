#include "cli/commands/probe.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/commands/establish.hpp"
#include "cli/escape.hpp"
#include "cli/json_line.hpp"
#include "cli/result_output.hpp"
#include "cli/run_hooks.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/task_set.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa::cli {
namespace {

// Of the ports that are not open after --wait, so many are named.
constexpr std::uint64_t kNamesShown = 20;

enum class PortState { open, closed, filtered, unresolved };

std::string_view name_of(PortState state) {
  switch (state) {
    case PortState::open:
      return "open";
    case PortState::closed:
      return "closed";
    case PortState::filtered:
      return "filtered";
    case PortState::unresolved:
      return "unresolved";
  }
  return "";
}

// How soon a probe that found no descriptor free tries again.
constexpr Duration kOverloadPause = std::chrono::milliseconds(5);

/// So many probes at once that their sockets fit into what this process may open, which is made as
/// much as the system allows.
std::uint64_t fitting_jobs(std::uint64_t wanted) noexcept {
  constexpr std::uint64_t kOwn = 24;      // standard descriptors, the loop's, look-ups'
  constexpr std::uint64_t kPerProbe = 2;  // two addresses of a host are tried at once
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (before != limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  const std::uint64_t fitting = limit.rlim_cur > kOwn ? (limit.rlim_cur - kOwn) / kPerProbe : 1;
  return std::clamp<std::uint64_t>(fitting, 1, wanted);
}

/// What a failure says about a port: refused is an answer, silence and a router's word are none.
PortState state_of(const Error& error) {
  if (error.kind() == ErrorKind::timeout || error.kind() == ErrorKind::overloaded)
    return PortState::filtered;
  if (error.operation() == "resolve") return PortState::unresolved;
  switch (error.code().value()) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EACCES:
    case EPERM:
      return PortState::filtered;
    default:
      return PortState::closed;
  }
}

struct Outcome {
  PortState state = PortState::open;
  std::string address;
  std::string error;
  Duration elapsed{};
};

/// Gives the targets out one by one, spans of ports taken apart.
class Targets {
 public:
  explicit Targets(const std::vector<ProbeTarget>& targets) : targets_(targets) {}

  std::optional<Address> next() {
    if (index_ == targets_.size()) return std::nullopt;
    const ProbeTarget& target = targets_[index_];
    Address address = target.address;
    if (!target.last_port) {
      ++index_;
      return address;
    }
    const unsigned port = address.port().value() + offset_;
    address.service = std::to_string(port);
    ++offset_;
    if (port == *target.last_port) {
      ++index_;
      offset_ = 0;
    }
    return address;
  }

 private:
  const std::vector<ProbeTarget>& targets_;
  std::size_t index_ = 0;
  unsigned offset_ = 0;
};

class Probe {
 public:
  Probe(Context& context, ConnectOptions options)
      : context_(context),
        options_(std::move(options)),
        jobs_(fitting_jobs(options_.jobs)),
        targets_(options_.targets),
        output_(context.loop, context.stdout_fd, [this] { more_.schedule(); }),
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
  bool may_start() const noexcept;
  void start_more();
  Future<> probe_one(Address target, std::uint64_t number);
  void record(const Address& target, std::uint64_t number, Outcome outcome);
  std::string line(const Address& target, const Outcome& outcome) const;
  void print_in_order();
  void finish();
  void end_early(ExitStatus status, std::string_view why);
  ExitStatus status() const;
  bool has_enough() const;

  Context& context_;
  ConnectOptions options_;
  const std::uint64_t jobs_;  // at once
  Targets targets_;
  ResultOutput output_;
  DeferredCall more_;
  Promise<ExitStatus> outcome_;
  RunHooks hooks_;
  std::map<std::uint64_t, std::string> waiting_;  // lines whose predecessors are not there yet
  std::uint64_t started_ = 0;
  std::uint64_t printed_ = 0;
  std::uint64_t done_ = 0;
  std::uint64_t counts_[4] = {};
  std::string missing_;  // names of ports that are not open, for --wait
  std::uint64_t missing_count_ = 0;
  std::optional<ExitStatus> ending_;  // once a signal or a limit has ended it
  TaskSet running_{[](void* self, std::exception_ptr error) {
                     static_cast<Probe*>(self)->outcome_.fail(std::move(error));
                   },
                   this};
};

bool Probe::may_start() const noexcept {
  // What is finished out of order waits in memory: it is bounded too.
  return !output_.is_behind() && output_.error() == 0 && started_ - done_ < jobs_ &&
         started_ - printed_ < 4 * jobs_;
}

void Probe::start_more() {
  if (!outcome_.wanted()) return;
  if (ending_ || output_.error() != 0) return finish();
  // Ports of this host answer at once: signals and limits get their turn in between.
  constexpr int kMostInATurn = 64;
  bool is_all = false;
  for (int i = 0; !is_all && may_start(); ++i) {
    if (i == kMostInATurn) return more_.schedule();
    std::optional<Address> target = targets_.next();
    is_all = !target;
    if (target) running_.add(probe_one(*std::move(target), started_++));
  }
  if (is_all && done_ == started_) finish();
}

Future<> Probe::probe_one(Address target, std::uint64_t number) {
  const TimePoint begun = Clock::now();
  Outcome outcome;
  for (;;) {
    bool is_overloaded = false;
    try {
      Connection made =
          co_await establish(context_, options_, target, static_cast<std::int64_t>(number) + 1);
      outcome.address = made.peer.host();
      outcome.elapsed = made.duration;
      outcome.state = PortState::open;
      outcome.error.clear();
    } catch (const Error& error) {
      is_overloaded = error.kind() == ErrorKind::overloaded;
      outcome.state = state_of(error);
      outcome.error = error.what();
      outcome.elapsed = Clock::now() - begun;
    }
    // Too few descriptors say nothing about the port: the other probes give theirs back.
    const bool is_alone = started_ - done_ == 1;
    if (is_overloaded && is_alone) context_.reporter.warning(escape(outcome.error));
    if (!is_overloaded || is_alone) break;
    co_await sleep_for(context_.loop, kOverloadPause);
  }
  record(target, number, std::move(outcome));
}

void Probe::record(const Address& target, std::uint64_t number, Outcome outcome) {
  ++done_;
  ++counts_[static_cast<int>(outcome.state)];
  if (outcome.state != PortState::open && ++missing_count_ <= kNamesShown)
    missing_ += (missing_.empty() ? "" : ", ") + escape(target.to_string());
  waiting_[number] = line(target, outcome);
  print_in_order();
  more_.schedule();  // not from here: this runs inside one of the probes
}

std::string Probe::line(const Address& target, const Outcome& outcome) const {
  if (!options_.json)
    return fmt::format("{}\t{}/tcp\t{}\t{}\n", escape(target.host), escape(target.service),
                       name_of(outcome.state), format_measured(outcome.elapsed));
  const std::optional<std::uint16_t> port = target.port();
  std::vector<EventField> fields{{"host", std::string_view(target.host)}};
  if (port)
    fields.push_back({"port", std::int64_t{*port}});
  else
    fields.push_back({"port", std::string_view(target.service)});
  fields.push_back({"protocol", std::string_view("tcp")});
  fields.push_back({"address", std::string_view(outcome.address)});
  fields.push_back({"state", name_of(outcome.state)});
  fields.push_back({"rtt_ms", milliseconds(outcome.elapsed)});
  fields.push_back({"error", std::string_view(outcome.error)});
  return json_line(fields);
}

void Probe::print_in_order() {
  for (auto first = waiting_.begin(); first != waiting_.end() && first->first == printed_;
       first = waiting_.erase(first), ++printed_)
    output_.add(first->second);
  output_.flush();
}

void Probe::finish() {
  output_.flush();
  if (output_.is_behind()) return;  // it says when it is not
  if (const auto failure = output_.close(context_.reporter)) return outcome_.done(*failure);
  if (ending_) return outcome_.done(*ending_);
  // What was waited for has not come: the same status as for any other time limit.
  if (options_.retry.wait && *options_.retry.wait > Duration::zero() && !has_enough()) {
    const std::uint64_t more = missing_count_ - std::min(missing_count_, kNamesShown);
    context_.reporter.error(fmt::format("--wait {} reached: not open: {}{}",
                                        duration_text(*options_.retry.wait), missing_,
                                        more > 0 ? fmt::format(" and {} more", more) : ""));
    return outcome_.done(ExitStatus::time_limit);
  }
  outcome_.done(status());
}

bool Probe::has_enough() const {
  return missing_count_ == 0 || (options_.any && counts_[static_cast<int>(PortState::open)] > 0);
}

ExitStatus Probe::status() const {
  if (has_enough()) return ExitStatus::done;
  const std::uint64_t unresolved = counts_[static_cast<int>(PortState::unresolved)];
  return missing_count_ > unresolved ? ExitStatus::not_connected : ExitStatus::unresolved;
}

/// What is known already is printed first.
void Probe::end_early(ExitStatus status, std::string_view why) {
  running_.clear();
  for (const auto& [number, text] : waiting_) output_.add(text);
  output_.flush();
  context_.reporter.error(
      fmt::format("{}: {} ports tested, {} without an answer", why, done_, started_ - done_));
  ending_ = status;
  finish();
}

void Probe::on_time_limit() {
  end_early(ExitStatus::time_limit,
            fmt::format("--timeout {} reached", duration_text(options_.timeout)));
  outcome_.done(ExitStatus::time_limit);  // also if the reader of the results sleeps
}

void Probe::print_counters() {
  const std::uint64_t open = counts_[static_cast<int>(PortState::open)];
  context_.reporter.error(fmt::format("{} ports tested, {} open, {} without an answer, {} elapsed",
                                      done_, open, started_ - done_,
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
