#include "ioa/net/connect_error.hpp"

#include <netdb.h>

#include <utility>

#include "ioa/base/duration_text.hpp"
#include "ioa/net/attempt_text.hpp"

namespace ioa {
namespace {

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
  if (!request.host.empty()) return host_and_service(request.host, request.service);
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
