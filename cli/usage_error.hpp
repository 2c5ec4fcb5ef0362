#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace ioa::cli {

/// A command line that makes no sense: the one line that says so, for exit status 2.
///
///     throw UsageError("connect", "-j/--jobs 0", "expected a number from 1 to 65535");
///     // what(): "ioa connect: -j/--jobs 0: expected a number from 1 to 65535"
class UsageError : public std::exception {
 public:
  /// `command` is empty where none was chosen; `argument` is the option or operand at fault,
  /// already safe to print; `problem` says what was expected in its place.
  UsageError(std::string_view command, std::string_view argument, std::string_view problem);

  /// The argument at fault and what was expected, without the program and the command.
  const std::string& message() const noexcept { return message_; }

  /// The whole line, without its newline.
  const char* what() const noexcept override { return line_.c_str(); }

 private:
  std::string message_;
  std::string line_;
};

}  // namespace ioa::cli
