#include "ioa/net/connect_operation.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ioa/base/duration_text.hpp"
#include "ioa/base/event_sink.hpp"

namespace ioa::detail {
namespace {

/// RFC 6761 s6.3: never a matter of DNS. A look-up of both families at once finds what the system's
/// own tables say; one of a single family would ask a name server where they have the other only.
bool is_localhost(std::string_view host) {
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  constexpr std::string_view kName = "localhost";
  if (host.size() < kName.size()) return false;
  const auto rest = host.substr(host.size() - kName.size());
  const bool is_same =
      std::equal(rest.begin(), rest.end(), kName.begin(),
                 [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
  return is_same && (rest.size() == host.size() || host[host.size() - kName.size() - 1] == '.');
}

/// Reports an event of the connection with that number, if it has one.
void report(EventSink& sink, std::string_view name, std::int64_t connection,
            std::initializer_list<EventField> fields) {
  std::vector<EventField> all;
  if (connection != 0) all.push_back({"conn", connection});
  all.insert(all.end(), fields.begin(), fields.end());
  sink.event(name, all);
}

void report_failed(EventSink& sink, std::int64_t connection, const AttemptFailure& failure) {
  const std::string address = failure.address.to_string();
  const std::error_code code(failure.error_number, std::system_category());
  const std::string symbol = error_name(code);
  const std::string message =
      failure.detail.empty() ? code.message() : code.message() + ", " + failure.detail;
  report(sink, "attempt.failed", connection,
         {{"address", address},
          {"syscall", failure.syscall},
          {"error", symbol},
          {"message", message},
          {"duration_ms", milliseconds(failure.elapsed)}});
}

}  // namespace

Future<Connection> ConnectOperation::start(Loop& loop, LookupService& resolver, SocketCalls& calls,
                                           ConnectRequest request) {
  auto* operation = new ConnectOperation(loop, resolver, calls, std::move(request));
  Future<Connection> future = operation->promise_.future();
  operation->promise_.on_cancel([operation] { delete operation; });
  operation->begin();
  return future;
}

ConnectOperation::ConnectOperation(Loop& loop, LookupService& resolver, SocketCalls& calls,
                                   ConnectRequest request)
    : loop_(loop),
      resolver_(resolver),
      calls_(calls),
      request_(std::move(request)),
      began_(loop.backend().now()),
      deadline_(loop.timers(), [this] { time_out(); }),
      pace_(loop.timers(), [this] { proceed(); }),
      hold_(loop.timers(), [this] { proceed(); }) {
  on_attempt_failed_ = std::move(request_.on_attempt_failed);
}

ConnectOperation::~ConnectOperation() {
  for (Witness* witness = witness_; witness != nullptr; witness = witness->outer_)
    witness->is_gone_ = true;
}

void ConnectOperation::begin() {
  if (request_.timeout) deadline_.arm(saturating_add(began_, *request_.timeout));
  if (request_.host.empty()) {
    std::vector<ResolvedAddress> peers;
    for (const SocketAddress& address : request_.addresses)
      peers.push_back({address, request_.socktype, request_.protocol});
    candidates_.add(peers, request_.local_addresses);
  } else if (has_port()) {
    look_up_all();
  } else {
    return finish(std::make_exception_ptr(
        nothing_to_try(target_of(request_), "expected a service name, or a port from 1 to 65535")));
  }
  proceed();
}

bool ConnectOperation::has_port() const {
  return !request_.service.empty() && parse_port(request_.service) != std::uint16_t{0};
}

void ConnectOperation::look_up_all() {
  const bool is_name =
      !request_.numeric_host && !literal_family(request_.host) && !is_localhost(request_.host);
  if (is_name && request_.family == Family::any &&
      request_.strategy == ConnectStrategy::happy_eyeballs) {
    // RFC 8305 s3: the AAAA query first, A right after it.
    look_up(lookups_[0], Family::ipv6);
    look_up(lookups_[1], Family::ipv4);
  } else {
    look_up(lookups_[0], request_.family);
  }
  for (Lookup& lookup : lookups_)
    if (lookup.answer.ready()) take_answer(lookup);
}

void ConnectOperation::look_up(Lookup& lookup, Family family) {
  LookupRequest wanted;
  wanted.host = request_.host;
  wanted.service = request_.service;
  wanted.family = family;
  wanted.socktype = request_.socktype;
  wanted.protocol = request_.protocol;
  wanted.numeric_host = request_.numeric_host;
  lookup.operation = this;
  lookup.family = family;
  lookup.answer = resolver_.resolve(std::move(wanted));
  if (lookup.answer.ready()) return;
  lookup.answer.react(
      [](void* self) {
        auto& answered = *static_cast<Lookup*>(self);
        ConnectOperation& operation = *answered.operation;
        operation.take_answer(answered);
        operation.proceed();
      },
      &lookup);
}

void ConnectOperation::take_answer(Lookup& lookup) {
  try {
    const LookupResult result = lookup.answer.get();
    const bool is_first = lookup.family == Family::ipv6 && !has_started_;
    candidates_.add(result.addresses, request_.local_addresses,
                    is_first ? CandidateList::Position::first : CandidateList::Position::last);
    if (lookup.family == Family::ipv4 && is_looking_up(Family::ipv6) && !has_started_)
      hold_.arm(saturating_add(loop_.backend().now(), ConnectRequest::kResolutionDelay));
  } catch (const Error& error) {
    lookup.error = error;
  } catch (const std::exception& error) {
    lookup.error = Error(ErrorKind::failed, {}, "resolve", request_.host, error.what());
  }
  if (lookup.family == Family::ipv6) hold_.disarm();
}

bool ConnectOperation::is_looking_up(Family family) const noexcept {
  return std::any_of(lookups_.begin(), lookups_.end(), [family](const Lookup& lookup) {
    return lookup.is_pending() && (family == Family::any || lookup.family == family);
  });
}

void ConnectOperation::proceed() {
  while (may_start())
    if (!start_next()) return;
  if (candidates_.empty() && running_.empty() && !is_looking_up(Family::any)) give_up();
}

bool ConnectOperation::may_start() const noexcept {
  if (candidates_.empty() || hold_.is_armed()) return false;
  if (running_.empty()) return true;
  return request_.strategy == ConnectStrategy::happy_eyeballs && !pace_.is_armed();
}

/// False if the operation has ended.
bool ConnectOperation::start_next() {
  const bool by_turns = request_.strategy == ConnectStrategy::happy_eyeballs;
  has_started_ = true;
  ConnectAttempt& attempt = *running_.emplace_back(std::make_unique<ConnectAttempt>(
      loop_, calls_, by_turns ? candidates_.next_by_turns() : candidates_.next()));
  if (!report_start(attempt)) return false;
  const auto state = attempt.begin(request_.options, request_.multipath, [this, &attempt] {
    if (settle(attempt)) proceed();
  });
  if (state != ConnectAttempt::State::connecting) return settle(attempt);
  if (by_turns && (!candidates_.empty() || is_looking_up(Family::any))) {
    const Duration delay = std::max(request_.attempt_delay, ConnectRequest::kMinAttemptDelay);
    pace_.arm(saturating_add(attempt.began(), delay));
  }
  return true;
}

/// An attempt has an outcome. False if the operation has ended.
bool ConnectOperation::settle(ConnectAttempt& attempt) {
  if (attempt.state() == ConnectAttempt::State::connected) {
    succeed(attempt);
    return false;
  }
  const AttemptFailure failure = attempt.failure();
  std::erase_if(running_, [&](const auto& entry) { return entry.get() == &attempt; });
  failures_.push_back(failure);
  pace_.disarm();  // the next one need not wait
  return report_failure(failure);
}

/// The attempts that are under way, as failed for a reason that is not their own.
std::vector<AttemptFailure> ConnectOperation::called_off(const ConnectAttempt* winner, int error,
                                                         const char* why) const {
  std::vector<AttemptFailure> failures;
  const TimePoint now = loop_.backend().now();
  for (const auto& attempt : running_) {
    if (attempt.get() == winner) continue;
    failures.push_back({"connect", attempt->peer(), {}, error, why, now - attempt->began()});
  }
  return failures;
}

bool ConnectOperation::report_start(const ConnectAttempt& attempt) {
  EventSink* sink = loop_.event_sink();
  if (sink == nullptr) return true;
  const Witness witness(*this);
  const std::string address = attempt.peer().to_string();
  report(*sink, "attempt.start", request_.connection, {{"address", address}});
  return !witness.is_gone();
}

bool ConnectOperation::report_failure(const AttemptFailure& failure) {
  const Witness witness(*this);
  if (EventSink* sink = loop_.event_sink()) report_failed(*sink, request_.connection, failure);
  if (!witness.is_gone()) on_attempt_failed_(failure);
  return !witness.is_gone();
}

void ConnectOperation::succeed(ConnectAttempt& attempt) {
  EventSink* sink = loop_.event_sink();
  const SocketAddress peer = attempt.peer();
  const SocketAddress own = attempt.local();
  const Duration duration = loop_.backend().now() - began_;
  const std::int64_t number = request_.connection;
  std::vector<AttemptFailure> losers;
  if (sink != nullptr) losers = called_off(&attempt, ECANCELED, "another address answered first");
  Connection connection{attempt.take_fd(), attempt.peer(), attempt.local(), std::move(failures_),
                        duration};
  Promise<Connection> promise = std::move(promise_);
  promise.done(std::move(connection));
  delete this;
  if (sink == nullptr) return;
  for (const AttemptFailure& loser : losers) report_failed(*sink, number, loser);
  const std::string address = peer.to_string();
  const std::string local = own.to_string();
  report(*sink, "connected", number,
         {{"address", address}, {"local", local}, {"duration_ms", milliseconds(duration)}});
}

ConnectFailure ConnectOperation::failure() const {
  ConnectFailure failure{target_of(request_), failures_, {}, {}, candidates_.size()};
  for (const Lookup& lookup : lookups_) {
    if (!lookup.error || is_negative_answer(*lookup.error)) continue;
    const char* family = lookup.family == Family::ipv6 ? "IPv6" : "IPv4";
    failure.lookups.push_back(std::string(family) + " not looked up: " + lookup.error->reason());
  }
  for (const auto& attempt : running_) failure.pending.push_back(attempt->peer());
  return failure;
}

void ConnectOperation::give_up() {
  if (!failures_.empty()) return finish(std::make_exception_ptr(all_failed(failure())));
  // Of two failed look-ups the one counts that did not get to know; of equal ones the last.
  const Error* worst = nullptr;
  for (const Lookup& lookup : lookups_)
    if (lookup.error &&
        (worst == nullptr || !is_negative_answer(*lookup.error) || is_negative_answer(*worst)))
      worst = &*lookup.error;
  if (worst != nullptr) return finish(std::make_exception_ptr(*worst));
  const char* reason = request_.local_addresses.empty()
                           ? "no address to connect to"
                           : "no local address is of the same family as an address of the peer";
  finish(std::make_exception_ptr(nothing_to_try(target_of(request_), reason)));
}

void ConnectOperation::time_out() {
  const Witness witness(*this);
  for (const AttemptFailure& loser : called_off(nullptr, ETIMEDOUT, "the time limit was reached")) {
    if (EventSink* sink = loop_.event_sink()) report_failed(*sink, request_.connection, loser);
    if (witness.is_gone()) return;
  }
  finish(
      std::make_exception_ptr(timed_out(failure(), *request_.timeout, is_looking_up(Family::any))));
}

void ConnectOperation::finish(std::exception_ptr error) {
  Promise<Connection> promise = std::move(promise_);
  promise.fail(std::move(error));
  delete this;
}

}  // namespace ioa::detail
