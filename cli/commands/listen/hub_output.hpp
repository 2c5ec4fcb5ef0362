#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/io/byte_filter.hpp"
#include "ioa/loop/watch.hpp"

namespace ioa::cli {

/// Where what all peers of a Hub say goes: standard output, or a file. It never waits for a reader:
/// what that does not take yet stays here, which bounds itself, since nothing is read from peers
/// while it is behind.
class HubOutput {
 public:
  /// `name` is what errors call it. `on_change` is called, from the loop, when it is no longer
  /// behind, or has failed.
  HubOutput(Loop& loop, ByteEnd end, std::string name, UniqueFunction<void()> on_change);

  /// Shown what has been taken; borrowed.
  void add_filter(ByteFilter& filter) { filters_.push_back(&filter); }

  /// More; all of it is taken.
  void take(std::string_view bytes);
  /// Whole lines of one peer: if the last ones lacked their end, they get it first.
  void take_lines(std::string_view lines);

  /// True while what it has waits for the reader.
  bool is_behind() const noexcept { return is_behind_; }
  /// The failure of a write, after which nothing more is written.
  const std::optional<Error>& error() const noexcept { return error_; }
  /// Bytes that it has got rid of.
  std::uint64_t written() const noexcept { return written_; }
  /// Closes it, which may be when a file system reports a failed write.
  void close();

 private:
  void write(std::string_view bytes);
  void flush();
  void fail(int error, std::string_view call);
  void count(std::string_view bytes);

  ByteEnd end_;
  std::string name_;
  IoWatch watch_;
  DeferredCall changed_;
  std::vector<ByteFilter*> filters_;
  ByteBuffer buffer_;
  std::uint64_t written_ = 0;
  std::optional<Error> error_;
  bool lacks_line_end_ = false;
  bool is_behind_ = false;
};

}  // namespace ioa::cli
