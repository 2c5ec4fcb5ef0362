#pragma once

#include <cstdint>
#include <optional>

namespace ioa {

/// What the kernel has counted of a TCP connection whose bytes others move. tcp(7), TCP_INFO
struct TcpProgress {
  /// Bytes that were written into it.
  std::uint64_t written = 0;
  /// Of them, those that the peer's kernel has not acknowledged.
  std::uint64_t unacknowledged = 0;
  /// Bytes that were received, and read from it.
  std::uint64_t read = 0;
  /// Whether it is over both ways: after a reset, or once both sides have ended it.
  bool is_closed = false;
};

/// nullopt if the socket is not TCP. `has_sent_end`: its writing side was shut down; the mark of
/// the end counts as a byte in the kernel's books.
std::optional<TcpProgress> tcp_progress(int fd, bool has_sent_end) noexcept;

}  // namespace ioa
