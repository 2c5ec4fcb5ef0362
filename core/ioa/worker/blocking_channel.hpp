#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/bytes.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/worker/codec.hpp"
#include "ioa/worker/frame.hpp"

namespace ioa {

/// The two ends of a new channel: close-on-exec sockets, either of which a Channel or a
/// BlockingChannel takes. Throws Error.
std::pair<UniqueFd, UniqueFd> make_channel();

/// A worker's end of a channel: sends and receives whole messages, and waits for that.
///
/// THREADS: one thread at a time. SIGNALS: a reader that is gone is an Error, not SIGPIPE.
class BlockingChannel {
 public:
  /// A message of more than `limit` bytes is an error on either way.
  explicit BlockingChannel(UniqueFd fd, std::size_t limit = detail::kMaxMessage) noexcept
      : fd_(std::move(fd)), limit_(limit) {}

  /// Sends a message, which may be empty. Throws Error: EPIPE if nobody will receive it, EMSGSIZE.
  void send(std::string_view message);
  /// The next message; nothing once the other side has closed. Throws Error: EPROTO for what is no
  /// message, or is cut off, EMSGSIZE.
  std::optional<Bytes> receive();

  /// The same for values; see Codec.
  template <class T>
  void send_value(const T& value) {
    send(encode(value));
  }
  template <class T>
  std::optional<T> receive_value() {
    const std::optional<Bytes> message = receive();
    if (!message) return std::nullopt;
    return decode<T>(*message);
  }

  void close() noexcept { fd_.reset(); }
  bool is_open() const noexcept { return static_cast<bool>(fd_); }
  int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::size_t limit_;
  ByteBuffer in_;
};

namespace detail {

/// Sends all of `bytes` on a socket, waiting as needed. Throws Error.
void send_all(int fd, std::string_view bytes);
/// Receives what there is, at least a byte, behind what `in` has; false at the end. Throws Error.
bool receive_some(int fd, ByteBuffer& in);

}  // namespace detail
}  // namespace ioa
