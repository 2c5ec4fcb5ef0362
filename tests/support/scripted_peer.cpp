#include "tests/support/scripted_peer.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::test {
namespace {

constexpr int kLimitSeconds = 15;

int checked(int result, const char* operation) {
  if (result < 0) throw Error::from_errno(errno, operation);
  return result;
}

std::string shown(std::string_view bytes) {
  constexpr std::size_t kMost = 200;
  return "'" + std::string(bytes.substr(0, kMost)) + (bytes.size() > kMost ? "...'" : "'");
}

/// Binds a loopback socket to a port of the system's choice, which it returns.
std::uint16_t bind_loopback(int fd, bool ipv6) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (ipv6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    size = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    size = sizeof *v4;
  }
  checked(::bind(fd, address, size), "bind");
  checked(::getsockname(fd, address, &size), "getsockname");
  return ntohs(ipv6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                    : reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

void bind_unix(int fd, const std::string& path, bool abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + (abstract ? 1 : 0), path.data(), path.size());
  const std::size_t size = offsetof(sockaddr_un, sun_path) + path.size() + 1;
  checked(::bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(size)), "bind");
}

}  // namespace

std::string PeerConnection::read(std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t more = retry_on_eintr(
        [&] { return ::recv(socket_.get(), bytes.data() + got, size - got, MSG_WAITALL); });
    if (more < 0) throw Error::from_errno(errno, "recv");
    if (more == 0) throw std::runtime_error("the end came behind " + shown(bytes.substr(0, got)));
    got += static_cast<std::size_t>(more);
  }
  return bytes;
}

void PeerConnection::expect(std::string_view bytes) {
  const std::string got = read(bytes.size());
  if (got != bytes)
    throw std::runtime_error("expected " + shown(bytes) + ", received " + shown(got));
}

std::string PeerConnection::read_all() {
  std::string bytes;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t size =
        retry_on_eintr([&] { return ::recv(socket_.get(), chunk.data(), chunk.size(), 0); });
    if (size < 0) throw Error::from_errno(errno, "recv");
    if (size == 0) return bytes;
    bytes.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

void PeerConnection::expect_end() {
  const std::string more = read_all();
  if (!more.empty()) throw std::runtime_error("expected the end, received " + shown(more));
}

void PeerConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = retry_on_eintr(
        [&] { return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (size < 0) throw Error::from_errno(errno, "send");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void PeerConnection::half_close() { checked(::shutdown(socket_.get(), SHUT_WR), "shutdown"); }
void PeerConnection::stop_reading() { checked(::shutdown(socket_.get(), SHUT_RD), "shutdown"); }

void PeerConnection::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket_.reset();
}

std::uint64_t PeerConnection::unread() const {
  int count = 0;
  checked(::ioctl(socket_.get(), FIONREAD, &count), "FIONREAD");
  return static_cast<std::uint64_t>(count);
}

void PeerConnection::acknowledge() {
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void PeerConnection::wait_until_told() { peer_.wait_until_told(); }

std::string PeerConnection::remote() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  checked(::getpeername(socket_.get(), address, &size), "getpeername");
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(v4->sin_port));
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

ScriptedPeer::ScriptedPeer(Script script, Where where, int times) : where_(where) {
  const bool is_inet = where == Where::ipv4 || where == Where::ipv6;
  const int family = !is_inet ? AF_UNIX : where == Where::ipv4 ? AF_INET : AF_INET6;
  listener_ = UniqueFd(checked(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  if (is_inet) {
    port_ = bind_loopback(listener_.get(), where == Where::ipv6);
  } else {
    path_ =
        where == Where::abstract ? "ioa-test-" + dir_.path().filename().string() : dir_ / "socket";
    bind_unix(listener_.get(), path_, where == Where::abstract);
  }
  checked(::listen(listener_.get(), 16), "listen");
  thread_ = std::thread([this, script = std::move(script), times] { serve(script, times); });
}

ScriptedPeer::~ScriptedPeer() {
  {
    const std::lock_guard lock(mutex_);
    is_leaving_ = true;
  }
  told_.notify_all();
  ::shutdown(listener_.get(), SHUT_RDWR);  // wakes accept(2)
  finish();
}

void ScriptedPeer::serve(const Script& script, int times) {
  try {
    for (int i = 0; i < times; ++i) {
      UniqueFd socket(retry_on_eintr(
          [&] { return ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
      if (!socket) return;  // the test is over
      const timeval limit{kLimitSeconds, 0};
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      PeerConnection connection(std::move(socket), *this);
      script(connection);
    }
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    failure_ = error.what();
  }
}

std::string ScriptedPeer::host() const { return where_ == Where::ipv6 ? "::1" : "127.0.0.1"; }

std::string ScriptedPeer::address() const {
  switch (where_) {
    case Where::ipv4:
      return host() + ":" + port();
    case Where::ipv6:
      return "[" + host() + "]:" + port();
    case Where::unix_path:
      return "unix:" + path_;
    case Where::abstract:
      return "unix:@" + path_;
  }
  return {};
}

void ScriptedPeer::tell() {
  {
    const std::lock_guard lock(mutex_);
    ++tellings_;
  }
  told_.notify_all();
}

void ScriptedPeer::wait_until_told() {
  std::unique_lock lock(mutex_);
  if (!told_.wait_for(lock, std::chrono::seconds(kLimitSeconds),
                      [this] { return tellings_ > 0 || is_leaving_; }))
    throw std::runtime_error("the test did not tell the peer to go on");
  --tellings_;
}

void ScriptedPeer::finish() {
  if (thread_.joinable()) thread_.join();
  if (!failure_.empty()) ADD_FAILURE() << "the peer: " << std::exchange(failure_, {});
}

ClosedPort::ClosedPort(bool ipv6)
    : socket_(
          checked(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
  // So that a server of the test can still take it; a socket that does not listen is no obstacle.
  const int on = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  port_ = bind_loopback(socket_.get(), ipv6);
}

}  // namespace ioa::test
