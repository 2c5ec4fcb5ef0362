#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "ioa/base/unique_fd.hpp"

namespace ioa::test {

/// The other end of a connection, driven by the test with blocking calls that give up after 20 s.
class Peer {
 public:
  explicit Peer(UniqueFd fd);

  void send(std::string_view bytes);
  /// Exactly so many bytes, or fewer at the end.
  std::string receive(std::size_t size);
  /// Everything up to the end. Throws Error if the connection breaks.
  std::string receive_all();
  /// Says that no more will be sent.
  void shut_down();
  void close() { fd_.reset(); }
  /// Closes so that the other side is reset (RST).
  void reset();
  int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// A listening socket of the test, on a port (or path) of its own.
class TestServer {
 public:
  /// TCP on 127.0.0.1, or ::1.
  explicit TestServer(bool ipv6 = false);
  /// A Unix socket at `path`; '@' stands for the abstract namespace.
  explicit TestServer(const std::string& path, int socktype = SOCK_STREAM);

  std::uint16_t port() const noexcept { return port_; }
  std::string port_text() const { return std::to_string(port_); }
  /// The next connection.
  Peer accept();
  /// Refuses from now on.
  void stop() { fd_.reset(); }

 private:
  UniqueFd fd_;
  std::uint16_t port_ = 0;
};

/// A port of 127.0.0.1 on which nobody listens.
std::uint16_t closed_port();

/// Bytes that look random, always the same for a seed.
std::string test_bytes(std::size_t size, std::uint64_t seed = 1);

}  // namespace ioa::test
