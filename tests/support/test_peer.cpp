#include "tests/support/test_peer.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::test {
namespace {

[[noreturn]] void fail(const char* operation) { throw Error::from_errno(errno, operation); }

void wait_for(int fd, short events) {
  pollfd entry{fd, events, 0};
  if (::poll(&entry, 1, 20'000) > 0) return;
  errno = ETIMEDOUT;
  fail("the test's peer");
}

UniqueFd listen_on(const SocketAddress& address, int socktype = SOCK_STREAM) {
  UniqueFd fd(::socket(address.family(), socktype | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), address.data(), address.size()) != 0) fail("bind");
  if (::listen(fd.get(), 16) != 0) fail("listen");
  return fd;
}

}  // namespace

Peer::Peer(UniqueFd fd) : fd_(std::move(fd)) {}

void Peer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(fd_.get(), POLLOUT);
    const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) continue;
    if (size < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

std::string Peer::receive(std::size_t size) {
  std::string bytes;
  char space[65536];
  while (bytes.size() < size) {
    wait_for(fd_.get(), POLLIN);
    const ssize_t got = ::recv(fd_.get(), space, std::min(sizeof space, size - bytes.size()), 0);
    if (got < 0) fail("recv");
    if (got == 0) break;
    bytes.append(space, static_cast<std::size_t>(got));
  }
  return bytes;
}

std::string Peer::receive_all() { return receive(std::string::npos); }

void Peer::shut_down() { ::shutdown(fd_.get(), SHUT_WR); }

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_.reset();
}

TestServer::TestServer(bool ipv6)
    : fd_(listen_on(SocketAddress::from_numeric(ipv6 ? "::1" : "127.0.0.1", 0).value())),
      port_(SocketAddress::local_of(fd_.get()).port()) {}

TestServer::TestServer(const std::string& path, int socktype)
    : fd_(listen_on(SocketAddress::unix_path(path), socktype)) {}

Peer TestServer::accept() {
  wait_for(fd_.get(), POLLIN);
  UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) fail("accept4");
  return Peer(std::move(fd));
}

std::uint16_t closed_port() { return TestServer().port(); }

std::string test_bytes(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (std::size_t i = 0; i < size; i += sizeof state) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    std::memcpy(&bytes[i], &state, std::min(sizeof state, size - i));
  }
  return bytes;
}

}  // namespace ioa::test
