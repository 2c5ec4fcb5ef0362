#pragma once

#include <optional>
#include <string>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

/// Lines of standard input, read without blocking the loop and without making the descriptor
/// non-blocking for others. LF or CRLF ends a line; the last one may lack it. Of a line that is
/// longer than kMaxLine the beginning is kept, kMaxLine + 1 bytes: others come after it.
class LineSource {
 public:
  LineSource(Loop& loop, int fd);

  /// The next line, nothing at the end. One at a time. Fails with Error if reading fails.
  Future<std::optional<std::string>> next();

  /// Puts the next line into `line` if it has been read already, without waiting; false if not, or
  /// at the end. Not while next() waits.
  bool take(std::string& line);

  static constexpr std::size_t kMaxLine = std::size_t{64} << 10;

 private:
  void fill();
  bool deliver();
  void cut();
  std::string take_line(std::size_t size);

  ByteEnd source_;
  IoWatch watch_;
  ByteBuffer buffer_;
  std::size_t searched_ = 0;
  std::string beginning_;  // of a line that is too long, once the rest of it is dropped
  bool ended_ = false;
  std::optional<Promise<std::optional<std::string>>> waiting_;
};

}  // namespace ioa::cli
