#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "ioa/base/error.hpp"

/// How failed attempts (AttemptFailure, ListenFailure) are put into words; not part of the
/// interface.
namespace ioa::detail {

inline constexpr std::size_t kMaxListed = 8;  // a line stays a line

/// The last step counts more than those before it.
inline int severity(std::string_view syscall) {
  if (syscall == "connect" || syscall == "listen") return 3;
  if (syscall == "bind") return 2;
  return syscall == "setsockopt" ? 1 : 0;
}

/// The last one of the highest severity; there is at least one.
template <class Failure>
const Failure& worst_of(const std::vector<Failure>& attempts) {
  return *std::max_element(attempts.begin(), attempts.end(), [](const auto& a, const auto& b) {
    return severity(a.syscall) <= severity(b.syscall);
  });
}

/// "ECONNREFUSED", "bind EACCES".
template <class Failure>
std::string symbol_of(const Failure& failure) {
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
template <class Failure>
std::string tried(const std::vector<Failure>& attempts) {
  const bool alike = std::all_of(attempts.begin(), attempts.end(), [&](const auto& attempt) {
    return symbol_of(attempt) == symbol_of(attempts.front());
  });
  return joined(attempts, [&](const Failure& attempt) {
    return attempt.address.to_string() + (alike ? "" : " (" + symbol_of(attempt) + ")");
  });
}

/// What is dealt with, as an error's subject: "example.com:80", "[::1]:80".
inline std::string host_and_service(const std::string& host, const std::string& service) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  const std::string text = is_ipv6 ? "[" + host + "]" : host;
  return service.empty() ? text : text + ":" + service;
}

}  // namespace ioa::detail
