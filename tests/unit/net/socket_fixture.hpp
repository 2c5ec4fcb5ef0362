#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/net/bind_socket.hpp"
#include "ioa/net/socket.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {

using ::testing::ElementsAre;

/// Two connected Unix sockets of `socktype`.
inline SocketPair packet_pair(int socktype) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw Error::from_errno(errno, "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// An unconnected socket on the loopback interface.
inline UniqueFd loopback_socket(int family = AF_INET) {
  const char* host = family == AF_INET6 ? "::1" : "127.0.0.1";
  return open_bound_socket(*SocketAddress::from_numeric(host, 0));
}

/// A Socket on one end of a pair of Unix datagram sockets; the test plays the other end.
class SocketTest : public RealLoopTest {
 protected:
  Socket& add(UniqueFd fd) {
    Socket& socket = loop.add(std::make_unique<Socket>(std::move(fd)));
    socket.set_leaves_when_closed(false);
    return socket;
  }
  void turn_some() {
    for (int i = 0; i < 5; ++i) loop.turn(Duration::zero());
  }
  static void send_raw(int fd, std::string_view bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT),
              static_cast<ssize_t>(bytes.size()));
  }
  /// The next datagram at the test's end; nothing if there is none.
  static std::optional<std::string> receive_raw(int fd) {
    std::string bytes(70'000, '\0');
    const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }
  Socket::ReceiveCallback note_datagrams() {
    return [this](Socket&, const Datagram& datagram) { calls.emplace_back(datagram.bytes); };
  }
  auto note(std::string name) {
    return [this, name = std::move(name)](Socket&, auto&&...) { calls.push_back(name); };
  }
  template <class T>
  std::optional<Error> failure(Future<T> future) {
    if (!future.has_failed()) return std::nullopt;
    try {
      future.get();
    } catch (const Error& error) {
      return error;
    }
    return std::nullopt;
  }
  /// Sends until something is queued.
  void fill_kernel(Socket& socket) {
    while (socket.pending_datagrams() == 0) socket.send("filler");
  }

  SocketPair pair = packet_pair(SOCK_DGRAM);
  std::vector<std::string> calls;
};

}  // namespace ioa::test
