#include <unistd.h>

#include <csignal>
#include <deque>
#include <functional>
#include <stdexcept>

#include "tests/unit/net/socket_fixture.hpp"

namespace ioa::test {
namespace {

class SocketSendTest : public SocketTest {
 protected:
  Socket& socket = add(std::move(pair.first));
  const int peer = pair.second.get();
};

TEST_F(SocketSendTest, SendsAtOnceEmptyOnesToo) {
  socket.send("one");
  socket.send("");
  EXPECT_TRUE(socket.send_done("three").ready());
  for (const char* bytes : {"one", "", "three"}) EXPECT_EQ(receive_raw(peer), bytes);
  EXPECT_EQ(socket.pending_datagrams(), 0U);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "readiness is asked for though nothing is queued";
  EXPECT_TRUE(socket.is_open());
}

TEST_F(SocketSendTest, SendsToAnAddress) {
  for (const int family : {AF_INET, AF_INET6}) {
    UniqueFd fd;
    try {
      fd = loopback_socket(family);
    } catch (const Error&) {
      continue;  // this host has no IPv6
    }
    Socket& udp = add(std::move(fd));
    Socket& answers = add(loopback_socket(family));
    answers.on_receive([](Socket& self, const Datagram& datagram) {
      self.send("re: " + std::string(datagram.bytes), datagram.from);
    });
    udp.send("x", SocketAddress::local_of(answers.read_fd()));
    const auto received = run(udp.receive());
    EXPECT_EQ(received->bytes, "re: x");
    EXPECT_EQ(received->from, SocketAddress::local_of(answers.read_fd()));
  }
}

TEST_F(SocketSendTest, WhatTheKernelDoesNotTakeWaitsInOrder) {
  socket.on_outgoing_empty(note("empty"));
  fill_kernel(socket);
  Future<> done = socket.send_done("last but one");
  Future<> flushed = socket.flushed();
  socket.send("");
  EXPECT_EQ(socket.pending_datagrams(), 3U);
  EXPECT_EQ(socket.pending_bytes(), 18U);
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "it asks a full kernel again and again";
  EXPECT_FALSE(done.ready());
  EXPECT_THAT(calls, ElementsAre());
  std::vector<std::string> got;
  turn_until(
      loop,
      [&] {
        while (auto bytes = receive_raw(peer)) got.push_back(*bytes);
        return flushed.ready() && socket.pending_datagrams() == 0;
      },
      "the queue to be sent");
  while (auto bytes = receive_raw(peer)) got.push_back(*bytes);
  EXPECT_TRUE(done.ready() && !done.has_failed());
  EXPECT_EQ(got[got.size() - 2], "last but one");
  EXPECT_EQ(got.back(), "");
  EXPECT_THAT(calls, ElementsAre("empty"));
}

TEST_F(SocketSendTest, NoneOfManyIsLostThoughTheReaderIsSlow) {
  constexpr int kCount = 2000;
  for (int i = 0; i < kCount; ++i) socket.send("datagram " + std::to_string(i));
  for (int next = 0; next < kCount;) {
    loop.turn(Duration::zero());
    const auto bytes = receive_raw(peer);
    if (!bytes) continue;
    ASSERT_EQ(*bytes, "datagram " + std::to_string(next));
    ++next;
  }
}

TEST_F(SocketSendTest, AReceiverThatIsNotConnectedToCostsNoEndlessLoop) {
  const SocketAddress address =
      SocketAddress::unix_path("@ioa-socket-test-" + std::to_string(::getpid()));
  const UniqueFd receiver = open_bound_socket(address);
  Socket& sender = add(open_socket(AF_UNIX));
  while (sender.pending_datagrams() == 0) sender.send("filler", address);
  sender.send("last", address);
  int turns = 0;
  const auto begin = Clock::now();
  while (Clock::now() - begin < 20ms) {
    loop.turn(20ms);
    ++turns;
  }
  EXPECT_LT(turns, 100) << "poll(2) says that it is writable";
  std::string last;
  turn_until(
      loop,
      [&] {
        while (auto bytes = receive_raw(receiver.get())) last = *bytes;
        return last == "last";
      },
      "the last datagram");
}

TEST_F(SocketSendTest, IsNotWritableFromTheHighMarkUntilBelowTheLowOne) {
  socket.set_send_marks(10 * Socket::kDatagramCost, 20 * Socket::kDatagramCost);
  socket.on_writable(note("writable"));
  EXPECT_TRUE(socket.writable().ready());
  fill_kernel(socket);
  while (socket.is_writable()) socket.send("");
  EXPECT_LE(socket.pending_datagrams(), 20U) << "empty datagrams count too";
  Future<> writable = socket.writable();
  socket.writable().cancel();
  EXPECT_FALSE(settles(writable));
  turn_until(
      loop,
      [&] {
        while (receive_raw(peer)) continue;
        return writable.ready();
      },
      "the low mark");
  EXPECT_TRUE(socket.is_writable());
  EXPECT_THAT(calls, ElementsAre("writable"));
}

TEST_F(SocketSendTest, ADatagramThatCannotBeSentIsToldAndTheNextOneGoes) {
  Socket& udp = add(loopback_socket());
  const UniqueFd receiver = loopback_socket();
  const SocketAddress address = SocketAddress::local_of(receiver.get());
  udp.on_send_error([&](Socket&, const Error& error) { calls.emplace_back(error.what()); });
  Future<> flushed;
  udp.send(std::string(70'000, 'x'), address);
  EXPECT_THAT(calls, ElementsAre()) << "a callback inside send()";
  Future<> done = udp.send_done("next", address);
  run(udp.flushed());
  turn_some();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0], "send " + address.to_string() + ": Message too long (EMSGSIZE)");
  EXPECT_EQ(receive_raw(receiver.get()), "next");
  run(std::move(done));
  EXPECT_TRUE(udp.is_open());
}

TEST_F(SocketSendTest, AFailureIsTheFuturesOfThatDatagramAndOfNoOther) {
  Socket& udp = add(loopback_socket());
  const UniqueFd receiver = loopback_socket();
  const SocketAddress address = SocketAddress::local_of(receiver.get());
  Future<> failed = udp.send_done(std::string(70'000, 'x'), address);
  Future<> sent = udp.send_done("next", address);
  run(std::move(sent));
  const std::optional<Error> error = failure(std::move(failed));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), EMSGSIZE);
  EXPECT_TRUE(udp.is_open()) << "somebody has heard of it";
}

TEST_F(SocketSendTest, AFailureThatNobodyHandlesCloses) {
  socket.on_closed([&](Socket&) { calls.emplace_back("closed"); });
  pair.second.reset();
  socket.send("x");
  Future<> flushed = socket.flushed();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("closed"));
  EXPECT_TRUE(failure(std::move(flushed)));
  socket.send("too late");
  EXPECT_TRUE(failure(socket.send_done("too late")));
  EXPECT_EQ(socket.pending_datagrams(), 0U);
}

TEST_F(SocketSendTest, AnIcmpErrorThatASendIsToldDoesNotCostItsDatagram) {
  Socket& udp = add(loopback_socket());
  udp.on_receive_error([&](Socket&, const Error& error) { calls.emplace_back(error.what()); });
  udp.on_send_error(note("send error"));
  SocketAddress address;
  {
    const UniqueFd gone = loopback_socket();
    address = SocketAddress::local_of(gone.get());
  }
  udp.connect(address);
  udp.send("refused");  // on the loopback interface the answer is there at once
  const UniqueFd back = open_bound_socket(address);
  Future<> done = udp.send_done("second");
  run(std::move(done));
  EXPECT_THAT(calls, ElementsAre("receive: Connection refused (ECONNREFUSED)"));
  EXPECT_EQ(receive_raw(back.get()), "second");
}

TEST_F(SocketSendTest, ClosesWhenTheQueueIsSent) {
  fill_kernel(socket);
  socket.send("last");
  Future<> closed = socket.closed();
  socket.on_receive(note_datagrams());
  socket.close();
  socket.close();
  socket.send("too late");
  EXPECT_FALSE(settles(closed));
  std::string last;
  turn_until(
      loop,
      [&] {
        while (auto bytes = receive_raw(peer)) last = *bytes;
        return closed.ready();
      },
      "the queue to be sent");
  while (auto bytes = receive_raw(peer)) last = *bytes;
  EXPECT_EQ(last, "last");
}

TEST_F(SocketSendTest, ClosingNowFailsWhatIsQueued) {
  fill_kernel(socket);
  Future<> done = socket.send_done("x");
  Future<> flushed = socket.flushed();
  socket.close_now();
  EXPECT_TRUE(failure(std::move(done)));
  EXPECT_TRUE(failure(std::move(flushed)));
  EXPECT_TRUE(failure(socket.writable()));
}

TEST_F(SocketSendTest, WaitsForADescriptorAndForALoop) {
  auto owned = std::make_unique<Socket>();
  owned->send("one");
  SocketPair other = packet_pair(SOCK_DGRAM);
  owned->set_handle(std::move(other.first));
  Future<> done = owned->send_done("two");
  EXPECT_FALSE(receive_raw(other.second.get()));
  loop.add(std::move(owned));
  run(std::move(done));
  EXPECT_EQ(receive_raw(other.second.get()), "one");
  EXPECT_EQ(receive_raw(other.second.get()), "two");
}

TEST_F(SocketSendTest, ASeqpacketPeerThatHasGoneIsAnErrorAndNoSignal) {
  ::signal(SIGPIPE, SIG_DFL);
  SocketPair packets = packet_pair(SOCK_SEQPACKET);
  Socket& connection = add(std::move(packets.first));
  connection.on_send_error([&](Socket&, const Error& error) { calls.push_back(error.reason()); });
  packets.second.reset();
  connection.send("x");
  turn_some();
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_THAT(calls, ElementsAre("Broken pipe (EPIPE)"));
}

/// A Socket whose system calls fail as it is told.
class ScriptedSocket : public Socket {
 public:
  using Socket::Socket;
  std::deque<int> errors;  // 0: do it
  int attempts = 0;

 protected:
  int send_messages(int fd, std::span<mmsghdr> messages) override {
    ++attempts;
    if (!errors.empty()) {
      const int error = errors.front();
      errors.pop_front();
      errno = error;
      if (error != 0) return -1;
    }
    return Socket::send_messages(fd, messages);
  }
};

class ScriptedSocketTest : public FakeLoopTest {
 protected:
  ScriptedSocketTest() { fake.set_real_descriptors(true); }
  SocketPair pair = packet_pair(SOCK_DGRAM);
  ScriptedSocket& socket = loop.add(std::make_unique<ScriptedSocket>(std::move(pair.first)));
};

TEST_F(ScriptedSocketTest, AFullInterfaceIsTriedAgainLaterAndLosesNothing) {
  socket.errors = {ENOBUFS, ENOBUFS, ENOMEM};
  const TimePoint begin = loop.now();
  Future<> done = socket.send_done("x");
  run(std::move(done));
  EXPECT_EQ(socket.attempts, 4);
  EXPECT_GE(loop.now() - begin, 3 * std::chrono::milliseconds(2));
  char byte = 0;
  EXPECT_EQ(::recv(pair.second.get(), &byte, 1, 0), 1);
}

TEST_F(ScriptedSocketTest, ClosedWhileItWaitsItDoesNotTryAgain) {
  socket.errors = {ENOBUFS, ENOBUFS};
  socket.set_leaves_when_closed(false);
  socket.send("x");
  loop.turn(Duration::zero());
  socket.close_now();
  loop.turn(std::chrono::milliseconds(50));
  EXPECT_EQ(socket.attempts, 1);
}

/// Each callback with each deed.
class SocketCallbackTest : public SocketTest {
 protected:
  using Set = void (*)(Socket&, std::function<void(Socket&)>);
  using Deed = void (*)(Socket&);
};

TEST_F(SocketCallbackTest, MayDoAnythingToItsSocket) {
  const std::vector<Set> events = {
      [](Socket& s, std::function<void(Socket&)> deed) {
        s.on_receive([deed](Socket& self, const Datagram&) { deed(self); });
      },
      [](Socket& s, std::function<void(Socket&)> deed) {
        s.on_send_error([deed](Socket& self, const Error&) { deed(self); });
      },
      [](Socket& s, std::function<void(Socket&)> deed) {
        s.on_receive_error([deed](Socket& self, const Error&) { deed(self); });
      },
      [](Socket& s, std::function<void(Socket&)> deed) { s.on_outgoing_empty(deed); },
      [](Socket& s, std::function<void(Socket&)> deed) {
        s.on_send_error([](Socket&, const Error&) {});
        s.on_writable(deed);
      },
      [](Socket& s, std::function<void(Socket&)> deed) { s.on_closed(deed); },
  };
  const std::vector<Deed> deeds = {
      [](Socket& s) { s.remove(); },
      [](Socket& s) { s.close(); },
      [](Socket& s) { s.close_now(); },
      [](Socket& s) { s.send("more"); },
      [](Socket& s) { s.loop()->turn(Duration::zero()); },
      [](Socket& s) { s.loop()->stop(); },
      [](Socket& s) { s.receive().cancel(); },
      [](Socket& s) {
        s.on_receive(nullptr);
        s.on_send_error(nullptr);
        s.on_receive_error(nullptr);
        s.on_outgoing_empty(nullptr);
        s.on_writable(nullptr);
        s.on_closed(nullptr);
      },
      [](Socket&) { throw std::runtime_error("thrown"); },
  };
  for (std::size_t event = 0; event < events.size(); ++event) {
    for (std::size_t deed = 0; deed < deeds.size(); ++deed) {
      SCOPED_TRACE(std::to_string(event) + " " + std::to_string(deed));
      Socket& udp = loop.add(std::make_unique<Socket>(loopback_socket()));
      const WeakRef<Socket> weak(udp);
      UniqueFd other = loopback_socket();
      udp.connect(SocketAddress::local_of(other.get()));
      const SocketAddress own = SocketAddress::local_of(udp.read_fd());
      int count = 0;
      events[event](udp, [&, run = deeds[deed]](Socket& self) {
        if (++count == 1) run(self);
      });
      udp.set_send_marks(1, 1);
      const auto turn_through = [&] {
        for (int i = 0; i < 8; ++i) try {
            loop.turn(Duration::zero());
          } catch (const std::runtime_error&) {
          }
      };
      udp.pause_receiving();
      udp.resume_receiving();
      udp.send("x");
      for (int i = 0; i < 3; ++i) ::sendto(other.get(), "y", 1, 0, own.data(), own.size());
      turn_through();
      if (Socket* left = weak.get()) left->send(std::string(70'000, 'x'));
      if (Socket* left = weak.get()) left->send("x");
      turn_through();
      other.reset();
      if (Socket* left = weak.get()) left->send("refused");
      turn_through();
      if (Socket* left = weak.get()) try {
          left->close_now();
        } catch (const std::runtime_error&) {
        }
      turn_through();
      if (Socket* left = weak.get()) left->remove();
      turn_through();
      EXPECT_EQ(weak.get(), nullptr);
      if (event != 2) {
        EXPECT_GT(count, 0) << "the event did not come";
      }
    }
  }
}

}  // namespace
}  // namespace ioa::test
