#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ioa/net/datagram_server.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/unit/net/socket_fixture.hpp"

namespace ioa::test {

/// A server on a time that the test moves, with real sockets.
class DatagramServerTest : public FakeLoopTest {
 protected:
  DatagramServerTest() { fake.set_real_descriptors(true); }
  ~DatagramServerTest() override {
    if (server != nullptr) server->remove();
    turn_while_busy(loop);  // buries it before the fixture counts descriptors
  }

  static ListenSocket bound(const SocketAddress& address) {
    ListenSocket socket;
    socket.fd = open_bound_socket(address);
    socket.address = SocketAddress::local_of(socket.fd.get());
    socket.socktype = SOCK_DGRAM;
    return socket;
  }
  static SocketAddress numeric(const char* host, std::uint16_t port = 0) {
    return *SocketAddress::from_numeric(host, port);
  }

  void start(ListenSocket socket) {
    server = &loop.add(std::make_unique<DatagramServer>(std::move(socket)));
  }
  void start(const char* host = "127.0.0.1") { start(bound(numeric(host))); }
  /// Answers everything, and notes who began.
  void echo() {
    server->on_conversation([this](DatagramServer&, Conversation& begun) {
      begun.on_receive(
          [](Conversation& self, const Datagram& datagram) { self.send(datagram.bytes); });
      began.push_back(&begun);
    });
  }
  /// Notes what comes.
  void note() {
    server->on_conversation([this](DatagramServer&, Conversation& begun) {
      begun.on_receive(
          [this](Conversation&, const Datagram& datagram) { calls.emplace_back(datagram.bytes); });
      begun.on_undelivered([this](Conversation& self, const UndeliveredDatagram& lost) {
        calls.push_back(self.peer().to_string() + (lost.was_sent ? " ICMP " : " ") +
                        error_name(lost.error.code()));
      });
      begun.on_idle([this](Conversation& self) { calls.push_back("idle " + name_of(self)); });
      began.push_back(&begun);
    });
  }
  static std::string name_of(Conversation& conversation) { return conversation.peer().to_string(); }

  std::uint16_t port() const { return server->address().port(); }
  void say(int fd, std::string_view bytes, const SocketAddress& to) {
    ASSERT_EQ(::sendto(fd, bytes.data(), bytes.size(), MSG_DONTWAIT, to.data(), to.size()),
              static_cast<ssize_t>(bytes.size()))
        << errno;
  }
  void say(const UniqueFd& client, std::string_view bytes) {
    say(client.get(), bytes, server->address());
  }
  struct Heard {
    std::string bytes;
    SocketAddress from;
  };
  static std::optional<Heard> hear(const UniqueFd& client) {
    std::string bytes(70'000, '\0');
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t length = ::recvfrom(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                                      reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(length));
    return Heard{bytes, SocketAddress(reinterpret_cast<const sockaddr*>(&from), size)};
  }
  static std::string heard(const UniqueFd& client) {
    const std::optional<Heard> next = hear(client);
    return next ? next->bytes : "nothing";
  }
  static std::string name_of(const UniqueFd& client) {
    return SocketAddress::local_of(client.get()).to_string();
  }
  /// All that can happen at this time.
  void settle() {
    fake.set_autojump(false);
    for (int i = 0; i < 20; ++i) loop.turn(Duration::zero());
    fake.set_autojump(true);
  }
  void pass(Duration time) {
    fake.advance(time);
    settle();
  }

  DatagramServer* server = nullptr;
  std::vector<std::string> calls;
  std::vector<Conversation*> began;
};

}  // namespace ioa::test
