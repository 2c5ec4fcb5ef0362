#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"

namespace ioa::cli {

/// A part of a SpillFile.
struct SpillExtent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Bytes on disk, in one file without a name that is made when it is first needed, in the
/// directory for temporary files (TMPDIR). Room that is given back is free on the disk at once, as
/// far as the file system can do that, and all of it once nothing is left.
class SpillFile {
 public:
  /// Writes all of it, or nothing; returns 0 or the errno value.
  int append(std::string_view bytes, SpillExtent& extent);
  /// Returns 0 or the errno value; the extent holds at least as many bytes.
  int read(const SpillExtent& extent, std::span<char> bytes) const;
  void release(const SpillExtent& extent);

  /// How many bytes it holds.
  std::uint64_t size() const noexcept { return used_; }

 private:
  int open();

  UniqueFd fd_;
  std::uint64_t end_ = 0;
  std::uint64_t used_ = 0;
};

/// What all the outputs that wait share: the memory that they may have together, and the file for
/// the rest.
struct SpillRoom {
  std::size_t memory_limit = std::size_t{16} << 20;
  std::size_t limit_of_each = std::size_t{256} << 10;
  std::size_t in_memory = 0;
  SpillFile file;
  int write_error = 0;  ///< Of the write that failed last; 0: none has.
  int read_error = 0;   ///< The same of reads: something is lost.
  /// Called when an output gets full, in the middle of things: it only notes that. May be null.
  UniqueFunction<void()> on_full = nullptr;
};

/// An output that waits for its turn: in memory, and on disk once it is long, or there is much of
/// all of them. First in, first out.
class StoredOutput {
 public:
  explicit StoredOutput(SpillRoom& room) noexcept : room_(room) {}
  StoredOutput(const StoredOutput&) = delete;
  StoredOutput& operator=(const StoredOutput&) = delete;
  ~StoredOutput();

  bool empty() const noexcept { return extents_.empty() && chunk_.empty() && memory_.empty(); }
  /// Always takes all of it; but see is_full().
  void append(std::string_view bytes);
  /// True while there is more in memory than there should be, and no room on disk: nothing more
  /// should come before something has been taken.
  bool is_full() const noexcept { return is_full_; }

  /// What is to be taken next, not all of it perhaps; empty at the end. What cannot be read from
  /// the file is left out, and room.read_error says so.
  std::string_view front();
  void consume(std::size_t size);

 private:
  bool is_over_limit() const noexcept;
  void spill();
  bool load();

  SpillRoom& room_;
  std::deque<SpillExtent> extents_;  // before what is in memory
  ByteBuffer chunk_;                 // of the first extent
  ByteBuffer memory_;
  bool is_full_ = false;
};

}  // namespace ioa::cli
