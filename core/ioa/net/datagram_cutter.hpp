#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ioa/base/byte_buffer.hpp"

namespace ioa {

/// How a stream of bytes is cut into datagrams, and datagrams are joined to a stream.
enum class DatagramFraming {
  chunk,  ///< Pieces of a size, and what there is when nothing more is ready. Joined as they are.
  line,   ///< Each line with its LF. Joined as they are.
  nul,    ///< What stands before each NUL, which may be nothing. Each is followed by a NUL.
  len32,  ///< A length of 32 bits, big-endian, stands before each, in both directions.
};

/// Cuts a stream into datagrams.
///
///     DatagramCutter cutter(DatagramFraming::line, 1400, 65535);
///     cutter.add("one\ntwo");
///     cutter.next(DatagramCutter::Input::more);    // "one\n"
///     cutter.next(DatagramCutter::Input::more);    // nothing yet
///     cutter.next(DatagramCutter::Input::ended);   // "two"
class DatagramCutter {
 public:
  /// What is known of the bytes that have not been added yet.
  enum class Input {
    more,     ///< There are some, or there may be.
    waiting,  ///< None is ready now.
    ended,    ///< There are none.
  };

  /// `chunk_size` bytes make a chunk; `longest` bytes is the longest record that is taken.
  DatagramCutter(DatagramFraming framing, std::size_t chunk_size, std::size_t longest) noexcept
      : framing_(framing), chunk_size_(chunk_size), longest_(longest) {}

  /// Space for at least `size` more bytes, of which commit() adds the first ones.
  std::span<char> prepare(std::size_t size) { return buffer_.prepare(size); }
  void commit(std::size_t size) { buffer_.commit(size); }
  void add(std::string_view bytes) { buffer_.append(bytes); }

  /// The next datagram, which may be empty and whose bytes hold until the next call of a member
  /// that is not const; nothing if there is none yet. What an input that ended has left is a
  /// datagram too, save with len32. Throws Error (kind `failed`) for a record that is too long
  /// (EMSGSIZE), or of which an end is missing (EBADMSG).
  std::optional<std::string_view> next(Input input);

  /// The bytes of which no datagram has been made.
  std::size_t pending() const noexcept { return buffer_.size() - taken_; }

 private:
  std::optional<std::string_view> take(std::size_t skipped, std::size_t size, std::size_t total);
  std::optional<std::string_view> next_chunk(Input input);
  std::optional<std::string_view> next_until(char delimiter, bool with_delimiter, Input input);
  std::optional<std::string_view> next_counted(Input input);

  DatagramFraming framing_;
  std::size_t chunk_size_;
  std::size_t longest_;
  ByteBuffer buffer_;
  std::size_t taken_ = 0;     // at the front: given out, and dropped at the next call
  std::size_t searched_ = 0;  // behind that: known to hold no delimiter
};

/// Adds `datagram` to `out` as `framing` has it.
void join_datagram(DatagramFraming framing, std::string_view datagram, ByteBuffer& out);

}  // namespace ioa
