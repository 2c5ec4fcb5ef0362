#include "ioa/worker/blocking_channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa {
namespace {

constexpr std::size_t kReceiveSize = std::size_t{64} << 10;

/// The other end may have made the description non-blocking: a socketpair's ends do not share it,
/// but nothing forbids to hand over one that is.
void wait_for(int fd, short events) {
  ::pollfd entry{fd, events, 0};
  retry_on_eintr([&] { return ::poll(&entry, 1, -1); });
}

}  // namespace

std::pair<UniqueFd, UniqueFd> make_channel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Error::from_errno(errno, "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

namespace detail {

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size =
        retry_on_eintr([&] { return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (size >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(size));
    else if (would_block(errno))
      wait_for(fd, POLLOUT);
    else
      throw Error::from_errno(errno, "send");
  }
}

bool receive_some(int fd, ByteBuffer& in) {
  for (;;) {
    const std::span<char> space = in.prepare(kReceiveSize);
    const ssize_t size = retry_on_eintr([&] { return ::recv(fd, space.data(), space.size(), 0); });
    if (size >= 0) {
      in.commit(static_cast<std::size_t>(size));
      return size > 0;
    }
    if (!would_block(errno)) throw Error::from_errno(errno, "receive");
    wait_for(fd, POLLIN);
  }
}

}  // namespace detail

void BlockingChannel::send(std::string_view message) {
  if (!fd_) throw Error::from_errno(EBADF, "send", {}, "the channel is closed");
  Bytes frame;
  frame.reserve(detail::kFrameHeaderSize + message.size());
  detail::append_frame(frame, 0, 0, message, limit_);
  detail::send_all(fd_.get(), frame);
}

std::optional<Bytes> BlockingChannel::receive() {
  if (!fd_) throw Error::from_errno(EBADF, "receive", {}, "the channel is closed");
  for (;;) {
    if (const auto frame = detail::parse_frame(in_.view(), limit_)) {
      const Bytes message(frame->payload);
      in_.consume(frame->size());
      return message;
    }
    if (detail::receive_some(fd_.get(), in_)) continue;
    detail::check_end_of_frames(in_.view());
    return std::nullopt;
  }
}

}  // namespace ioa
