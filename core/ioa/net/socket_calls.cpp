#include "ioa/net/socket_calls.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "ioa/base/syscall.hpp"

namespace ioa {

SocketCalls& SocketCalls::system() noexcept {
  static SocketCalls calls;
  return calls;
}

UniqueFd SocketCalls::socket(int family, int socktype, int protocol) {
  return UniqueFd(::socket(family, socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

int SocketCalls::bind(int fd, const SocketAddress& address) {
  return ::bind(fd, address.data(), address.size());
}

int SocketCalls::listen(int fd, int backlog) { return ::listen(fd, backlog); }

UniqueFd SocketCalls::accept(int fd, SocketAddress& peer) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  UniqueFd accepted(retry_on_eintr([&] {
    size = sizeof storage;
    return ::accept4(fd, address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }));
  if (accepted) peer = SocketAddress(address, size);
  return accepted;
}

int SocketCalls::connect(int fd, const SocketAddress& address) {
  return ::connect(fd, address.data(), address.size());
}

int SocketCalls::pending_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

SocketAddress SocketCalls::local_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  return ::getsockname(fd, address, &size) == 0 ? SocketAddress(address, size) : SocketAddress();
}

}  // namespace ioa
