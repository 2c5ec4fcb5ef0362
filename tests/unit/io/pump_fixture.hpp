#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/io/pump.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {

/// A pump with a pipe on either near end, and the three who use it: who writes to its standard
/// input, who reads its standard output, and the peer.
class PumpTest : public RealLoopTest {
 protected:
  PumpTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~PumpTest() override {
    if (pump != nullptr && !is_over()) pump->remove();
    turn_while_busy(loop);  // buries it before the fixture counts descriptors
    std::signal(SIGPIPE, SIG_DFL);
  }

  /// Joins pipes to one end of `far`; the other end is the peer.
  void start(SocketPair far, PumpOptions options = {}) {
    SocketPair in = pipe_pair();
    SocketPair out = pipe_pair();
    stdin_writer = std::move(in.second);
    stdout_reader = std::move(out.first);
    start(std::move(far), ByteEnd::own(std::move(in.first)), ByteEnd::own(std::move(out.second)),
          std::move(options));
  }
  void start(SocketPair far, ByteEnd source, ByteEnd sink, PumpOptions options = {}) {
    peer = std::move(far.second);
    auto made = std::make_unique<Pump>(std::move(source), std::move(sink), std::move(far.first),
                                       std::move(options));
    made->on_eof([this](Pump::Side side) { ends.push_back(side); });
    pump = &loop.add(std::move(made));
    future = pump->result();
  }

  /// Turns until `done()`, letting the kernel work in between.
  void wait(const std::function<bool()>& done, std::string_view what = "the pump") {
    const auto limit = Clock::now() + kStallLimit;
    while (!done()) {
      if (Clock::now() > limit)
        throw std::runtime_error("stalled waiting for " + std::string(what));
      loop.turn(std::chrono::milliseconds(1));
    }
  }
  bool is_over() {
    const bool over = !future.valid() || future.ready();
    if (over) pump = nullptr;  // it removes itself
    return over;
  }
  PumpResult result() {
    wait([this] { return is_over(); }, "the result");
    return future.get();
  }
  /// Some time in which everything that can happen has happened.
  void settle() {
    for (int i = 0; i < 10; ++i) loop.turn(std::chrono::milliseconds(1));
    is_over();
  }

  /// All that the peer has been sent by now; `peer_saw_end` tells whether there was an end.
  std::string& peer_reads() {
    char chunk[65536];
    for (;;) {
      const ssize_t size = ::recv(peer.get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (size == 0) peer_saw_end = true;
      if (size <= 0) return at_peer;
      at_peer.append(chunk, static_cast<std::size_t>(size));
    }
  }
  std::string& stdout_gets() {
    char chunk[65536];
    for (;;) {
      const ssize_t size = ::read(stdout_reader.get(), chunk, sizeof chunk);
      if (size == 0) stdout_saw_end = true;
      if (size <= 0) return at_stdout;
      at_stdout.append(chunk, static_cast<std::size_t>(size));
    }
  }
  void wait_for_peer_to_get(std::string_view text) {
    wait([&] { return peer_reads() == text; }, "the peer to get its bytes");
  }
  void wait_for_peers_end() {
    wait([&] { return peer_reads(), peer_saw_end; }, "the peer to see the end");
  }
  /// The peer closes so that its kernel says RST.
  void reset_peer() {
    const linger now{1, 0};
    ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    peer.reset();
  }
  /// Bytes that the peer's kernel has and its program has not read.
  std::uint64_t unread_at_peer() const {
    int count = 0;
    ::ioctl(peer.get(), FIONREAD, &count);
    return static_cast<std::uint64_t>(count);
  }

  UniqueFd stdin_writer;
  UniqueFd stdout_reader;
  UniqueFd peer;
  Pump* pump = nullptr;
  Future<PumpResult> future;
  std::vector<Pump::Side> ends;
  std::string at_peer;
  std::string at_stdout;
  bool peer_saw_end = false;
  bool stdout_saw_end = false;
};

}  // namespace ioa::test
