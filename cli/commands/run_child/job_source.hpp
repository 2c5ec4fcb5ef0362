#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "cli/commands/run_child/job_item.hpp"
#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

/// The lines of `--from`, read when they are wanted, and without waiting for them: what writes them
/// may be slow. The last one may lack its end. Every other byte belongs to the line, a CR too.
class JobSource {
 public:
  /// The longest argument that Linux passes to a program (MAX_ARG_STRLEN), less its NUL.
  static constexpr std::size_t kMaxLine = (std::size_t{128} << 10) - 1;

  /// `separator` ends a line. `on_change` is called, from the loop, when next() may have one, or it
  /// has ended.
  JobSource(Loop& loop, ByteEnd end, char separator, UniqueFunction<void()> on_change);

  /// The next line if it is there; otherwise on_change is called when that is worth asking again.
  std::optional<JobItem> next();
  /// There are no more, since all were read, reading has failed, or it was closed.
  bool has_ended() const noexcept { return has_ended_ && buffer_.empty() && !is_skipping_; }
  /// The errno value of the read that failed; 0 if none did.
  int error() const noexcept { return error_; }
  /// Reads no more, and drops what was read.
  void close();

 private:
  void read();
  std::optional<JobItem> take(std::size_t size, std::size_t with_end);

  ByteEnd end_;
  IoWatch watch_;
  char separator_;
  UniqueFunction<void()> on_change_;
  ByteBuffer buffer_;
  std::size_t searched_ = 0;  // so many bytes at the front hold no separator
  std::uint64_t number_ = 0;
  bool is_skipping_ = false;  // the rest of a line that is too long
  bool has_ended_ = false;
  int error_ = 0;
};

}  // namespace ioa::cli
