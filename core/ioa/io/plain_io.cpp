#include "ioa/io/plain_io.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "ioa/base/syscall.hpp"

namespace ioa::detail {
namespace {

IoResult not_done(IoEvent direction) noexcept {
  const int error = errno;
  if (would_block(error)) return IoResult::blocked(direction);
  return IoResult::failed(std::error_code(error, std::system_category()));
}

}  // namespace

IoResult read_descriptor(int fd, std::span<char> space, bool& is_socket) noexcept {
  ssize_t size = -1;
  if (is_socket) {
    size = retry_on_eintr([&] { return ::recv(fd, space.data(), space.size(), MSG_DONTWAIT); });
    is_socket = size >= 0 || errno != ENOTSOCK;
  }
  if (!is_socket) size = retry_on_eintr([&] { return ::read(fd, space.data(), space.size()); });
  if (size < 0) return not_done(IoEvent::read);
  if (size == 0) return IoResult::end();
  return IoResult::done(static_cast<std::size_t>(size));
}

IoResult write_descriptor(int fd, std::string_view bytes, bool& is_socket) noexcept {
  ssize_t size = -1;
  if (is_socket) {
    constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
    size = retry_on_eintr([&] { return ::send(fd, bytes.data(), bytes.size(), kFlags); });
    is_socket = size >= 0 || errno != ENOTSOCK;
  }
  if (!is_socket) size = retry_on_eintr([&] { return ::write(fd, bytes.data(), bytes.size()); });
  if (size < 0) return not_done(IoEvent::write);
  return IoResult::done(static_cast<std::size_t>(size));
}

IoResult write_descriptor(int fd, std::span<const std::string_view> parts,
                          bool& is_socket) noexcept {
  std::array<iovec, 16> pieces{};
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    if (count == pieces.size()) break;
    pieces[count++] = {const_cast<char*>(part.data()), part.size()};
  }
  ssize_t size = -1;
  if (is_socket) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    size = retry_on_eintr([&] { return ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL); });
    is_socket = size >= 0 || errno != ENOTSOCK;
  }
  if (!is_socket)
    size = retry_on_eintr([&] { return ::writev(fd, pieces.data(), static_cast<int>(count)); });
  if (size < 0) return not_done(IoEvent::write);
  return IoResult::done(static_cast<std::size_t>(size));
}

}  // namespace ioa::detail
