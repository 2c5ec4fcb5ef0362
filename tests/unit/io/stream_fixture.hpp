#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/io/stream.hpp"
#include "ioa/loop/timeout.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {

using ::testing::ElementsAre;

/// A Stream on one end of a socket pair; the test plays the other end by hand.
class StreamTest : public RealLoopTest {
 protected:
  StreamTest() { ::signal(SIGPIPE, SIG_IGN); }

  Stream& add(UniqueFd fd) { return loop.add(std::make_unique<Stream>(std::move(fd))); }
  Stream& add(UniqueFd read_fd, UniqueFd write_fd) {
    return loop.add(std::make_unique<Stream>(std::move(read_fd), std::move(write_fd)));
  }

  void send(std::string_view bytes) { write_all(pair.second.get(), bytes); }
  /// The same, and lets the Stream read it.
  void send_now(std::string_view bytes) {
    send(bytes);
    turn_some();
  }
  void end() { pair.second.reset(); }
  std::string received() { return read_available(pair.second.get()); }

  /// Enough turns for anything that is ready, and for what that causes.
  void turn_some() {
    for (int i = 0; i < 5; ++i) loop.turn(Duration::zero());
  }

  /// An on_read that notes what it is called with, and consumes it.
  Stream::ReadCallback note_reads() {
    return [this](Stream&, ByteBuffer& in, bool eof) {
      calls.push_back((eof ? "eof:" : "read:") + std::string(in.view()));
      in.clear();
    };
  }
  /// An event that notes its name.
  auto note(std::string name) {
    return [this, name = std::move(name)](Stream&, auto&&...) { calls.push_back(name); };
  }

  /// How a failed Future failed; nothing if it has not.
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

  SocketPair pair = unix_pair();
  std::vector<std::string> calls;
};

/// `size` bytes in which every position can be told from every other nearby.
inline std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 2463534242;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    byte = static_cast<char>(state >> 8);
  }
  return bytes;
}

}  // namespace ioa::test
