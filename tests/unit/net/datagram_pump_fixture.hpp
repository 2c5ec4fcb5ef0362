#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ioa/net/datagram_pump.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/net/socket_fixture.hpp"

namespace ioa::test {

/// A pump with a pipe at either near end on a time that the test moves; real descriptors.
class DatagramPumpTest : public FakeLoopTest {
 protected:
  DatagramPumpTest() { fake.set_real_descriptors(true); }
  ~DatagramPumpTest() override {
    if (pump != nullptr && !is_over()) pump->remove();
    turn_while_busy(loop);  // buries it before the fixture counts descriptors
  }

  /// UDP on the loopback interface, connected to the test's end.
  void start_udp(DatagramPumpOptions options) {
    peer = loopback_socket();
    UniqueFd far = loopback_socket();
    const SocketAddress ours = SocketAddress::local_of(far.get());
    const SocketAddress theirs = SocketAddress::local_of(peer.get());
    ASSERT_EQ(::connect(far.get(), theirs.data(), theirs.size()), 0);
    ASSERT_EQ(::connect(peer.get(), ours.data(), ours.size()), 0);
    options.far_name = theirs.to_string();
    start(std::move(far), std::move(options));
  }
  void start_pair(int socktype, DatagramPumpOptions options) {
    SocketPair pair = packet_pair(socktype);
    peer = std::move(pair.second);
    start(std::move(pair.first), std::move(options));
  }
  void start(UniqueFd far, DatagramPumpOptions options) {
    SocketPair in = pipe_pair();
    SocketPair out = pipe_pair();
    input = std::move(in.second);
    output = std::move(out.first);
    auto made = std::make_unique<DatagramPump>(ByteEnd::own(std::move(in.first)),
                                               ByteEnd::own(std::move(out.second)), std::move(far),
                                               std::move(options));
    made->on_eof([this](DatagramPump::Side side) { ends.push_back(side); });
    if (filters.first != nullptr) {
      made->add_filter(DatagramPump::Side::far, *filters.first);
      made->add_filter(DatagramPump::Side::near, *filters.second);
    }
    pump = &loop.add(std::move(made));
    future = pump->result();
    began = fake.now();
  }
  static DatagramPumpOptions options(Duration quit_after = 1s) {
    DatagramPumpOptions options;
    options.framing = DatagramFraming::line;
    options.quit_after = quit_after;
    return options;
  }

  bool is_over() {
    const bool over = !future.valid() || future.ready();
    if (over) pump = nullptr;
    return over;
  }
  /// All that can happen at this time.
  void settle() {
    fake.set_autojump(false);
    for (int i = 0; i < 20; ++i) loop.turn(Duration::zero());
    fake.set_autojump(true);
    is_over();
  }
  DatagramPumpResult result() {
    DatagramPumpResult result = run(std::move(future));
    pump = nullptr;
    return result;
  }
  void type(std::string_view text) { write_all(input.get(), text); }
  void say(std::string_view datagram) {
    ASSERT_EQ(::send(peer.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL),
              static_cast<ssize_t>(datagram.size()));
  }
  std::vector<std::string> heard() {
    std::vector<std::string> all;
    for (;;) {
      std::string bytes(70'000, '\0');
      const ssize_t size = ::recv(peer.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (size < 0) return all;
      all.push_back(bytes.substr(0, static_cast<std::size_t>(size)));
      if (size == 0 && all.size() > 10) return all;  // a packet connection at its end
    }
  }
  std::string written() { return read_available(output.get()); }
  Duration elapsed() const { return fake.now() - began; }

  UniqueFd input;
  UniqueFd output;
  UniqueFd peer;
  DatagramPump* pump = nullptr;
  Future<DatagramPumpResult> future;
  std::vector<DatagramPump::Side> ends;
  std::pair<ByteFilter*, ByteFilter*> filters;
  TimePoint began{};
};

}  // namespace ioa::test
