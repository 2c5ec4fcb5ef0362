#include "tests/support/socket_pair.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::test {
namespace {

constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;

int checked(int result, const char* operation) {
  if (result < 0) throw Error::from_errno(errno, operation);
  return result;
}

}  // namespace

SocketPair unix_pair() {
  std::array<int, 2> ends{};
  checked(::socketpair(AF_UNIX, SOCK_STREAM | kFlags, 0, ends.data()), "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

SocketPair pipe_pair() {
  std::array<int, 2> ends{};
  checked(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

SocketPair tcp_pair() {
  UniqueFd listener(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof address;
  checked(::bind(listener.get(), generic, length), "bind");
  checked(::listen(listener.get(), 1), "listen");
  checked(::getsockname(listener.get(), generic, &length), "getsockname");
  UniqueFd client(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  checked(::connect(client.get(), generic, length), "connect");
  UniqueFd server(checked(::accept4(listener.get(), nullptr, nullptr, kFlags), "accept4"));
  checked(::fcntl(client.get(), F_SETFL, O_NONBLOCK), "fcntl");
  return {std::move(client), std::move(server)};
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = retry_on_eintr([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (!would_block(errno)) throw Error::from_errno(errno, "write");
    pollfd waiting{fd, POLLOUT, 0};
    ::poll(&waiting, 1, -1);
  }
}

std::string read_available(int fd) {
  std::string text;
  std::array<char, 65536> chunk{};
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, 0) <= 0) return text;
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count <= 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
  }
}

std::size_t fill(int fd) {
  const std::string block(65536, 'x');
  std::size_t total = 0;
  for (std::size_t size = block.size(); size > 0;) {
    const ssize_t count = ::write(fd, block.data(), size);
    if (count > 0)
      total += static_cast<std::size_t>(count);
    else
      size /= 2;
  }
  return total;
}

}  // namespace ioa::test
