#pragma once

#include <optional>
#include <string_view>

#include "cli/exit_status.hpp"
#include "cli/reporter.hpp"
#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

/// Results on their way to standard output: gathered, and written in large pieces. It never waits
/// for a reader: what that does not take yet stays here, and whoever makes results pauses while it
/// is behind.
class ResultOutput {
 public:
  /// `on_change` is called, from the loop, when it is no longer behind, or has failed. On the
  /// terminal that shows a live meter of the reporter, which outlives it, results stand above that.
  ResultOutput(Loop& loop, Reporter& reporter, int fd, UniqueFunction<void()> on_change);

  void add(std::string_view text);
  /// Writes what is gathered, as far as that is possible without waiting; the rest follows by
  /// itself. Nothing more is written after a failure.
  void flush();
  /// True while flushed text waits for the reader.
  bool is_behind() const noexcept { return is_behind_; }
  /// The errno value of the write that failed; 0 if none did.
  int error() const noexcept { return error_; }
  /// Closes it, which may be when a file system reports a failed write. If anything has failed,
  /// says so (a reader that left is no more than a SIGPIPE) and returns the status to end with.
  std::optional<ExitStatus> close();

 private:
  void ready();

  Reporter& reporter_;
  bool shares_terminal_;
  ByteEnd end_;
  IoWatch watch_;
  UniqueFunction<void()> on_change_;
  ByteBuffer text_;
  bool is_behind_ = false;
  int error_ = 0;
};

}  // namespace ioa::cli
