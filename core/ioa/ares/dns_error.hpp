#pragma once

#include <system_error>

namespace ioa {

/// How a name server, or its reply, can fail a question. Up to 15 they are the response codes of
/// RFC 1035 s4.1.1 and RFC 6895 s2.3; those without a name here are kept as they came.
enum class DnsCode {
  format_error = 1,     ///< FORMERR: the server does not understand the question.
  server_failure = 2,   ///< SERVFAIL: the server cannot answer.
  no_such_name = 3,     ///< NXDOMAIN: there is no such name.
  not_implemented = 4,  ///< NOTIMP: the server does not do that.
  refused = 5,          ///< REFUSED: the server does not want to.
  no_data = 16,         ///< NODATA: the name exists, and has no such record.
  malformed = 17,       ///< The reply cannot be decoded.
  alias_loop = 18,      ///< The aliases of the name lead nowhere but in a circle.
  bad_name = 19,        ///< No question can be made of the name (RFC 1035 s2.3.4).
};

/// DnsCode as error codes; symbols are "NXDOMAIN", "SERVFAIL", "malformed", ...
const std::error_category& dns_category() noexcept;

inline std::error_code make_error_code(DnsCode code) noexcept {
  return {static_cast<int>(code), dns_category()};
}

}  // namespace ioa

template <>
struct std::is_error_code_enum<ioa::DnsCode> : std::true_type {};
