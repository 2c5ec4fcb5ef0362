#include "ioa/net/connect_error.hpp"

#include <netdb.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "ioa/base/duration_text.hpp"

namespace ioa {
namespace {

constexpr std::size_t kMaxListed = 8;  // a line stays a line

/// CON-6: connect counts more than bind, bind more than what comes before it.
int severity(const AttemptFailure& failure) {
  if (failure.syscall == "connect") return 3;
  if (failure.syscall == "bind") return 2;
  return failure.syscall == "setsockopt" ? 1 : 0;
}

/// The last one of the highest severity.
const AttemptFailure& worst_of(const std::vector<AttemptFailure>& attempts) {
  return *std::max_element(attempts.begin(), attempts.end(),
                           [](const auto& a, const auto& b) { return severity(a) <= severity(b); });
}

std::string symbol_of(const AttemptFailure& failure) {
  const std::string symbol =
      error_name(std::error_code(failure.error_number, std::system_category()));
  return failure.syscall == "connect" ? symbol : failure.syscall + " " + symbol;
}

/// "A, B and 3 more", of what `text_of` makes of each.
template <class List, class TextOf>
std::string joined(const List& list, TextOf text_of) {
  std::string text;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i == kMaxListed) return text + " and " + std::to_string(list.size() - i) + " more";
    text += (i == 0 ? "" : ", ") + text_of(list[i]);
  }
  return text;
}

/// The addresses, each with its failure unless all have failed alike.
std::string tried(const std::vector<AttemptFailure>& attempts) {
  const bool alike = std::all_of(attempts.begin(), attempts.end(), [&](const auto& attempt) {
    return symbol_of(attempt) == symbol_of(attempts.front());
  });
  return joined(attempts, [&](const AttemptFailure& attempt) {
    return attempt.address.to_string() + (alike ? "" : " (" + symbol_of(attempt) + ")");
  });
}

void append(std::string& detail, const std::string& part) {
  if (!part.empty()) detail += (detail.empty() ? "" : ", ") + part;
}

/// What the failing call was applied to, if that is not the peer.
std::string own_subject(const AttemptFailure& failure) {
  if (failure.syscall == "bind") return failure.local.to_string();
  return failure.detail;
}

}  // namespace

Error AttemptFailure::to_error() const {
  const std::string subject = own_subject(*this);
  const std::string peer = address.to_string();
  if (subject.empty()) return Error::from_errno(error_number, syscall, peer);
  return Error::from_errno(error_number, syscall, subject, "connecting to " + peer);
}

namespace detail {

std::string target_of(const ConnectRequest& request) {
  if (!request.host.empty()) {
    const bool is_ipv6 = request.host.find(':') != std::string::npos;
    const std::string host = is_ipv6 ? "[" + request.host + "]" : request.host;
    return request.service.empty() ? host : host + ":" + request.service;
  }
  return request.addresses.size() == 1 ? request.addresses.front().to_string() : std::string();
}

ConnectError all_failed(ConnectFailure failure) {
  const AttemptFailure& worst = worst_of(failure.attempts);
  const std::string own = own_subject(worst);
  std::string details;
  if (!own.empty() && !failure.target.empty()) append(details, "connecting to " + failure.target);
  const bool is_said = failure.attempts.size() == 1 && worst.address.to_string() == failure.target;
  if (!is_said) append(details, "tried " + tried(failure.attempts));
  for (const std::string& lookup : failure.lookups) append(details, lookup);
  Error summary = Error::from_errno(worst.error_number, worst.syscall,
                                    own.empty() ? failure.target : own, details);
  return {std::move(summary), std::move(failure.attempts)};
}

ConnectError timed_out(ConnectFailure failure, Duration limit, bool is_looking_up) {
  std::string details = "timed out after " + duration_text(limit);
  if (is_looking_up) append(details, "the name was still being looked up");
  if (!failure.pending.empty())
    append(details, "no answer from " + joined(failure.pending, [](const SocketAddress& address) {
                      return address.to_string();
                    }));
  if (failure.untried > 0) append(details, std::to_string(failure.untried) + " not tried");
  if (!failure.attempts.empty())
    append(details, "failed before: " + joined(failure.attempts, [](const AttemptFailure& attempt) {
                      return attempt.address.to_string() + " (" + symbol_of(attempt) + ")";
                    }));
  Error summary(ErrorKind::timeout, {}, "connect", failure.target, details);
  return {std::move(summary), std::move(failure.attempts), std::move(failure.pending)};
}

ConnectError nothing_to_try(const std::string& target, std::string reason) {
  return {Error(ErrorKind::failed, {}, "connect", target, std::move(reason)), {}};
}

bool is_negative_answer(const Error& error) {
  if (error.code().category() != gai_category()) return false;
  const int code = error.code().value();
  return code == EAI_NONAME || code == EAI_NODATA || code == EAI_ADDRFAMILY;
}

}  // namespace detail
}  // namespace ioa
