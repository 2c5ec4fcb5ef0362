#include "cli/commands/probe_target.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cli/commands/establish.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "cli/commands/udp_probe.hpp"
#include "cli/escape.hpp"
#include "cli/json_line.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/net/host_service.hpp"

namespace ioa::cli {
namespace {

constexpr std::string_view kSilent = "no answer, and no error either";

/// Whether a limit that was reached is that of --wait, and not `limit`, the one of each try.
bool is_end_of_wait(std::optional<Duration> left_to_wait, Duration limit) noexcept {
  return left_to_wait && (limit <= Duration::zero() || *left_to_wait < limit);
}

/// How long to wait for UDP's answer; zero for as long as it takes.
Duration answer_limit(const ConnectOptions& options, std::optional<Duration> left_to_wait) {
  const Duration limit = options.udp_answer;
  if (!left_to_wait) return limit;
  const Duration left = std::max<Duration>(*left_to_wait, std::chrono::milliseconds(1));
  return limit > Duration::zero() ? std::min(limit, left) : left;
}

std::string column_of(const Address& target) {
  return escape(target.is_unix() ? target.path : target.host);
}

std::string text_line(const Address& target, const ProbeOutcome& outcome) {
  const std::string_view protocol = protocol_name(target);
  const std::string port = target.is_unix()
                               ? std::string(protocol)
                               : fmt::format("{}/{}", escape(target.service), protocol);
  return fmt::format("{}\t{}\t{}\t{}\n", column_of(target), port, name_of(outcome.state),
                     format_measured(outcome.elapsed));
}

}  // namespace

std::string_view name_of(PortState state) noexcept {
  switch (state) {
    case PortState::open:
      return "open";
    case PortState::closed:
      return "closed";
    case PortState::filtered:
      return "filtered";
    case PortState::open_filtered:
      return "open|filtered";
    case PortState::unresolved:
      return "unresolved";
  }
  return "";
}

PortState state_of(const Error& error) noexcept {
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

namespace {

/// Where a failed connect has been: the address that was tried last, if any was.
std::string tried_address(const Error& error, const Address& target) {
  const auto* detailed = dynamic_cast<const ConnectError*>(&error);
  if (detailed == nullptr) return literal_family(target.host) ? target.host : std::string();
  if (!detailed->pending().empty()) return detailed->pending().back().host();
  return detailed->attempts().empty() ? std::string() : detailed->attempts().back().address.host();
}

}  // namespace

Future<ProbeOutcome> probe_once(Context& context, const ConnectOptions& options, Address target,
                                std::int64_t connection, std::optional<Duration> left_to_wait) {
  ProbeOutcome outcome;
  const TimePoint begun = Clock::now();
  bool is_asking = false;
  try {
    Connection made = co_await connect_once(context, options, target, connection, left_to_wait);
    outcome.address = made.peer.host();
    outcome.elapsed = made.duration;
    if (target.scheme == Address::Scheme::udp) {
      is_asking = true;
      const std::uint16_t port = made.peer.port();
      const Duration limit = answer_limit(options, left_to_wait);
      bool is_answered = co_await ask_udp(context.loop, std::move(made.fd), port, limit);
      if (!is_answered) {
        outcome.state = PortState::open_filtered;
        outcome.error = kSilent;
        outcome.is_cut_short = is_end_of_wait(left_to_wait, options.udp_answer);
      }
      outcome.elapsed = Clock::now() - begun;
    }
  } catch (const Error& error) {
    outcome.is_overloaded = error.kind() == ErrorKind::overloaded;
    outcome.is_cut_short = error.kind() == ErrorKind::timeout && !error.code() &&
                           is_end_of_wait(left_to_wait, options.connect_timeout);
    // An ICMP error, whatever it says, is what a closed UDP port is known by.
    outcome.state = is_asking && !outcome.is_overloaded ? PortState::closed : state_of(error);
    if (is_reset_connection(error))
      outcome.state = PortState::open;  // and whoever is there does not want to talk
    else
      outcome.error = error.what();
    if (outcome.address.empty()) outcome.address = tried_address(error, target);
    outcome.elapsed = Clock::now() - begun;
  }
  co_return outcome;
}

std::string probe_line(const Address& target, const ProbeOutcome& outcome, bool json) {
  if (!json) return text_line(target, outcome);
  const std::optional<std::uint16_t> port = target.port();
  const std::string& host = target.is_unix() ? target.path : target.host;
  std::vector<EventField> fields{{"host", std::string_view(host)}};
  if (port || target.is_unix())
    fields.push_back({"port", std::int64_t{port.value_or(0)}});
  else
    fields.push_back({"port", std::string_view(target.service)});
  fields.push_back({"protocol", protocol_name(target)});
  fields.push_back({"address", std::string_view(outcome.address)});
  fields.push_back({"state", name_of(outcome.state)});
  fields.push_back({"rtt_ms", milliseconds(outcome.elapsed)});
  fields.push_back({"error", std::string_view(outcome.error)});
  return json_line(fields);
}

std::optional<Address> TargetList::next() {
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

}  // namespace ioa::cli
