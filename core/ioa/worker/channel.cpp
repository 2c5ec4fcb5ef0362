#include "ioa/worker/channel.hpp"

#include <exception>
#include <memory>
#include <utility>

#include "ioa/base/error.hpp"

namespace ioa {
namespace {

/// How much of the front of `bytes` a receive() takes: the whole first message, or all of it if
/// that is none, which is found out once more where it can be thrown.
std::optional<std::size_t> end_of_message(std::string_view bytes, std::size_t limit) noexcept {
  try {
    const auto frame = detail::parse_frame(bytes, limit);
    if (!frame) return std::nullopt;
    return frame->size();
  } catch (...) {
    return bytes.size();
  }
}

Bytes payload_of(const Bytes& bytes, std::size_t limit) {
  const auto frame = detail::parse_frame(bytes, limit);
  if (!frame) detail::check_end_of_frames(bytes);
  return Bytes(frame->payload);
}

/// A coroutine that outlives its Channel, so it has none.
Future<std::optional<Bytes>> take_message(Future<std::optional<Bytes>> read, std::size_t limit,
                                          WeakRef<Channel> channel) {
  std::optional<Bytes> bytes = co_await std::move(read);
  if (!bytes) co_return std::nullopt;
  try {
    *bytes = payload_of(*bytes, limit);
  } catch (...) {
    if (Channel* broken = channel.get()) broken->close_now();
    throw;
  }
  co_return bytes;
}

}  // namespace

Channel::Channel(UniqueFd fd, std::size_t limit)
    : limit_(limit), stream_(&add_child(std::make_unique<Stream>(std::move(fd)))) {
  stream_->set_leaves_when_closed(false);  // it dies with this
  stream_->on_read_error(
      [this](Stream&, const Error& error) { fail(std::make_exception_ptr(error)); });
}

Channel::~Channel() = default;

void Channel::send(std::string_view message) {
  if (!is_open()) return;
  Bytes frame;
  frame.reserve(detail::kFrameHeaderSize + message.size());
  detail::append_frame(frame, 0, 0, message, limit_);
  stream_->write(frame);
}

Future<std::optional<Bytes>> Channel::receive() {
  auto read = stream_->read_match(
      [limit = limit_](std::string_view bytes) { return end_of_message(bytes, limit); },
      detail::kFrameHeaderSize + limit_);
  return take_message(std::move(read), limit_, WeakRef<Channel>(*this));
}

void Channel::on_message(MessageCallback callback) {
  on_message_ = std::move(callback);
  stream_->on_read([this](Stream&, ByteBuffer& in, bool eof) { read_messages(in, eof); });
}

void Channel::on_end(ChannelCallback callback) {
  on_end_ = std::move(callback);
  stream_->on_read_eof([this](Stream&) { on_end_(*this); });
}

void Channel::read_messages(ByteBuffer& in, bool eof) {
  try {
    while (is_open() && !stream_->has_dropped_unread()) {
      const auto frame = detail::parse_frame(in.view(), limit_);
      if (!frame) break;
      const std::size_t size = frame->size();
      const WeakRef<Channel> self(*this);
      on_message_(*this, frame->payload);
      in.consume(size);
      if (self.get() == nullptr || loop() == nullptr) return;
    }
    if (eof) {
      detail::check_end_of_frames(in.view());
    }
  } catch (...) {
    in.consume(in.size());
    fail(std::current_exception());
  }
}

void Channel::fail(std::exception_ptr error) {
  close_now();
  invoke_error(std::move(error));
}

std::size_t Channel::pending_bytes() const noexcept { return stream_->pending_bytes(); }

Future<> Channel::writable() { return stream_->writable(); }

void Channel::close() { stream_->close(); }

void Channel::close_now() { stream_->close_now(); }

bool Channel::is_open() const noexcept { return stream_->is_open() && !stream_->is_closing(); }

}  // namespace ioa
