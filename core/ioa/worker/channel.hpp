#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "ioa/base/bytes.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/worker/codec.hpp"
#include "ioa/worker/frame.hpp"

namespace ioa {

/// The Loop's end of a channel: sends and receives whole messages, and never waits.
///
///     auto [ours, theirs] = make_channel();
///     auto& channel = loop.add(std::make_unique<Channel>(std::move(ours)));
///     …a Routine gets `theirs`…
///     channel.send("work");
///     std::optional<Bytes> answer = co_await channel.receive();
///
/// RECEIVING: messages go to the Futures of receive() first, in their order, then to on_message.
/// One that nobody has asked for yet is kept, and while nobody asks no more is read than the
/// kernel has room for: the sender waits.
///
/// ERRORS: what is no message, one that is cut off by the end, one over the limit, and an error of
/// the socket end the channel. They fail the Futures of receive(), or else go to invoke_error().
///
/// ENDING: close() sends what is queued first. When the other side closes, on_end is called and
/// Futures get nothing. Both close the Channel.
class Channel : public Notifier {
 public:
  using MessageCallback = UniqueFunction<void(Channel&, std::string_view)>;
  using ChannelCallback = UniqueFunction<void(Channel&)>;

  /// `limit` bounds a message, on either way.
  explicit Channel(UniqueFd fd, std::size_t limit = detail::kMaxMessage);
  ~Channel() override;

  /// Queues a message. Throws Error (EMSGSIZE). Once it is closed, or the other side is, it does
  /// nothing.
  void send(std::string_view message);
  /// The next message; nothing at the end. DROPPING the Future consumes nothing. Fails as said
  /// under ERRORS.
  Future<std::optional<Bytes>> receive();

  /// The same for values; see Codec.
  template <class T>
  void send_value(const T& value) {
    send(encode(value));
  }
  template <class T>
  Future<std::optional<T>> receive_value() {
    std::optional<Bytes> message = co_await receive();
    if (!message) co_return std::nullopt;
    T value = decode<T>(*message);
    co_return std::optional<T>(std::move(value));
  }

  /// Called for each message that no Future has asked for; the view holds for the time of the call.
  void on_message(MessageCallback callback);
  /// The other side sends no more; called once, behind the last message.
  void on_end(ChannelCallback callback);

  /// What was sent and is not in the kernel yet, and the wish to wait for that: a producer bounds
  /// the memory so.
  std::size_t pending_bytes() const noexcept;
  Future<> writable();

  /// Sends what is queued, then closes.
  void close();
  /// Closes at once. What is queued is lost.
  void close_now();
  bool is_open() const noexcept;

 private:
  void read_messages(ByteBuffer& in, bool eof);
  void fail(std::exception_ptr error);

  std::size_t limit_;
  Stream* stream_;  // a child
  Event<void(Channel&, std::string_view)> on_message_;
  Event<void(Channel&)> on_end_;
};

}  // namespace ioa
