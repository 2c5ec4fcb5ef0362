#pragma once

#include <string>
#include <string_view>

namespace ioa::cli {

/// Results on their way to standard output: gathered, and written in large pieces.
class ResultOutput {
 public:
  explicit ResultOutput(int fd) noexcept : fd_(fd) {}

  void add(std::string_view text);
  /// Writes what is gathered; nothing more is written after a failure. False then, see error().
  bool flush();
  /// The errno value of the write that failed; 0 if none did.
  int error() const noexcept { return error_; }

 private:
  int fd_;
  int error_ = 0;
  std::string text_;
};

}  // namespace ioa::cli
