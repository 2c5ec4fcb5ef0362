#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace ioa {

/// What a caller can do about a failure; where it arose is in Error::code and Error::operation.
enum class ErrorKind {
  failed,        ///< Nothing more specific: report it.
  timeout,       ///< A time limit was reached: the same call may succeed later.
  disconnected,  ///< The peer, or the reader of a pipe, is gone.
  overloaded,    ///< Out of descriptors, memory or buffer space: wait, then retry.
  abandoned,     ///< The producer of a Future went away without a result.
  unsupported,   ///< This system or this kind of descriptor cannot do it.
};

/// The one failure type of the library: what was attempted, on what, and how it failed.
///
/// Futures fail with it and `co_await` throws it. It is a value: copy and keep it freely.
///
///     throw Error::from_errno(ECONNREFUSED, "connect", "[::1]:443");
///     // what(): "connect [::1]:443: Connection refused (ECONNREFUSED)"
class Error : public std::exception {
 public:
  /// `operation` is the system call or step that failed, `subject` what it was applied to, `detail`
  /// anything a person should know beyond the code's own text; the last two may be empty.
  Error(ErrorKind kind, std::error_code code, std::string operation, std::string subject = {},
        std::string detail = {});

  /// A failed system call: the kind is derived from the errno value.
  static Error from_errno(int errno_value, std::string operation, std::string subject = {},
                          std::string detail = {});

  /// A failed getaddrinfo(3) or getnameinfo(3): `eai` is its result, `errno_value` counts for
  /// EAI_SYSTEM only.
  static Error from_gai(int eai, int errno_value, std::string operation, std::string subject);

  ErrorKind kind() const noexcept { return kind_; }
  const std::error_code& code() const noexcept { return code_; }
  const std::string& operation() const noexcept { return operation_; }
  const std::string& subject() const noexcept { return subject_; }
  const std::string& detail() const noexcept { return detail_; }

  /// Why it failed, without what was attempted: "Connection refused (ECONNREFUSED)".
  std::string reason() const;

  /// The whole sentence: "OPERATION SUBJECT: REASON".
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  ErrorKind kind_;
  std::error_code code_;
  std::string operation_;
  std::string subject_;
  std::string detail_;
  std::string what_;
};

/// A category of error codes that have symbols, as errno values have: error_name() asks it.
class NamedCategory : public std::error_category {
 public:
  /// "EAI_NONAME"; empty if the code has none.
  virtual std::string symbol(int code) const = 0;
};

/// Results of getaddrinfo(3) and getnameinfo(3) (EAI_NONAME, ...) as error codes.
const std::error_category& gai_category() noexcept;

/// The symbol of an error code ("ECONNREFUSED", "EAI_NONAME"), or its number as text if it has
/// none.
std::string error_name(const std::error_code& code);

}  // namespace ioa
