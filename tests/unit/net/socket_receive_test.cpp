#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "tests/unit/net/socket_fixture.hpp"

namespace ioa::test {
namespace {

using Received = std::optional<ReceivedDatagram>;

class SocketReceiveTest : public SocketTest {
 protected:
  Socket& socket = add(std::move(pair.first));
  const int peer = pair.second.get();
};

TEST_F(SocketReceiveTest, TellsEachDatagramEmptyOnesToo) {
  socket.on_receive(note_datagrams());
  for (const char* bytes : {"one", "", "three"}) send_raw(peer, bytes);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "", "three"));
  EXPECT_TRUE(socket.is_open());
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(SocketReceiveTest, AFutureGetsTheNextOne) {
  Future<Received> first = socket.receive();
  Future<Received> second = socket.receive();
  EXPECT_FALSE(settles(first));
  send_raw(peer, "one");
  send_raw(peer, "");
  send_raw(peer, "three");
  EXPECT_EQ(run(std::move(first))->bytes, "one");
  EXPECT_EQ(run(std::move(second))->bytes, "");
  turn_some();
  EXPECT_EQ(run(socket.receive())->bytes, "three");
}

TEST_F(SocketReceiveTest, FuturesComeBeforeTheCallback) {
  socket.on_receive(note_datagrams());
  Future<Received> first = socket.receive();
  send_raw(peer, "one");
  send_raw(peer, "two");
  EXPECT_EQ(run(std::move(first))->bytes, "one");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("two"));
}

TEST_F(SocketReceiveTest, ADroppedFutureLosesNothing) {
  Future<Received> dropped = socket.receive();
  Future<Received> next = socket.receive();
  dropped.cancel();
  send_raw(peer, "one");
  EXPECT_EQ(run(std::move(next))->bytes, "one");
  socket.receive().cancel();
  send_raw(peer, "two");
  turn_some();
  EXPECT_EQ(run(socket.receive())->bytes, "two");
}

TEST_F(SocketReceiveTest, ReceivesNothingWhileNobodyAsks) {
  send_raw(peer, "one");
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
  EXPECT_EQ(receive_raw(socket.read_fd()), "one") << "it was taken from the kernel";
}

TEST_F(SocketReceiveTest, PausesAndResumes) {
  socket.on_receive(note_datagrams());
  socket.pause_receiving();
  EXPECT_TRUE(socket.is_receiving_paused());
  send_raw(peer, "one");
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "a paused Socket costs turns";
  socket.resume_receiving();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one"));
}

TEST_F(SocketReceiveTest, PausedInTheMiddleOfABatchItLosesNothing) {
  socket.on_receive([&](Socket& self, const Datagram& datagram) {
    calls.emplace_back(datagram.bytes);
    self.pause_receiving();
  });
  for (const char* bytes : {"one", "two", "three", "four"}) send_raw(peer, bytes);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one"));
  socket.resume_receiving();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "two"));
  socket.on_receive(nullptr);
  EXPECT_EQ(socket.receive().get()->bytes, "three");
  socket.on_receive(note_datagrams());
  socket.resume_receiving();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "two", "four"));
}

TEST_F(SocketReceiveTest, ATurnTakesOnlySoMany) {
  socket.on_receive(note_datagrams());
  // More than a Unix socket queues comes by UDP.
  Socket& udp = add(loopback_socket());
  udp.on_receive(note_datagrams());
  const SocketAddress address = SocketAddress::local_of(udp.read_fd());
  const UniqueFd sender = loopback_socket();
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, address.data(), address.size()), 1);
  loop.turn(Duration::zero());
  EXPECT_EQ(calls.size(), Socket::kBatch);
  turn_until(
      loop, [&] { return calls.size() == 100; }, "all datagrams");
}

TEST_F(SocketReceiveTest, SaysWhoSentItAndToWhom) {
  for (const int family : {AF_INET, AF_INET6}) {
    UniqueFd fd;
    try {
      fd = loopback_socket(family);
    } catch (const Error&) {
      continue;  // this host has no IPv6
    }
    Socket& receiver = add(std::move(fd));
    const SocketAddress address = SocketAddress::local_of(receiver.read_fd());
    const UniqueFd sender = loopback_socket(family);
    const auto send = [&] {
      ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, address.data(), address.size()), 1);
    };
    send();
    Received plain = run(receiver.receive());
    EXPECT_EQ(plain->from, SocketAddress::local_of(sender.get()));
    EXPECT_TRUE(plain->to.empty());
    receiver.set_wants_local_address(true);
    send();
    Received told = run(receiver.receive());
    EXPECT_EQ(told->to, address) << told->to.to_string();
    EXPECT_EQ(told->bytes, "x");
    receiver.set_wants_local_address(false);
    send();
    EXPECT_TRUE(run(receiver.receive())->to.empty());
  }
}

TEST_F(SocketReceiveTest, ADualStackSocketSaysIpv4AddressesMapped) {
  UniqueFd fd;
  try {
    fd = open_bound_socket(SocketAddress::any(AF_INET6, 0));
  } catch (const Error&) {
    GTEST_SKIP() << "no IPv6";
  }
  const int off = 0;
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  auto owned = std::make_unique<Socket>();
  owned->set_wants_local_address(true);  // counts for the descriptor that comes later
  owned->set_handle(std::move(fd));
  Socket& receiver = loop.add(std::move(owned));
  const std::uint16_t port = SocketAddress::local_of(receiver.read_fd()).port();
  const SocketAddress address = *SocketAddress::from_numeric("127.0.0.1", port);
  const UniqueFd sender = loopback_socket();
  ASSERT_EQ(::sendto(sender.get(), "x", 1, 0, address.data(), address.size()), 1)
      << "bound before it became dual";
  EXPECT_EQ(run(receiver.receive())->to.host(), "::ffff:127.0.0.1");
}

TEST_F(SocketReceiveTest, AskingForTheLocalAddressOfAUnixSocketIsAnError) {
  EXPECT_THROW(socket.set_wants_local_address(true), Error);
}

TEST_F(SocketReceiveTest, SaysThatADatagramIsTruncatedAndHowLongItWas) {
  socket.set_receive_size(4);
  send_raw(peer, "1234");
  Received whole = run(socket.receive());
  EXPECT_EQ(whole->bytes, "1234");
  EXPECT_FALSE(whole->is_truncated);
  send_raw(peer, "123456789");
  send_raw(peer, "next");
  Received cut = run(socket.receive());
  EXPECT_EQ(cut->bytes, "1234");
  EXPECT_TRUE(cut->is_truncated);
  EXPECT_EQ(cut->size, 9U);
  EXPECT_EQ(run(socket.receive())->bytes, "next");
}

TEST_F(SocketReceiveTest, DescriptorsThatAPeerPassesDoNotLeak) {
  const int passed = 0;
  iovec piece{const_cast<char*>("x"), 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  ASSERT_EQ(::sendmsg(peer, &message, 0), 1);
  EXPECT_EQ(run(socket.receive())->bytes, "x");
}  // the fixture counts

TEST_F(SocketReceiveTest, AnIcmpErrorIsAnErrorOfReceiving) {
  Socket& udp = add(loopback_socket());
  udp.on_receive(note_datagrams());
  udp.on_receive_error([&](Socket&, const Error& error) { calls.emplace_back(error.what()); });
  {
    const UniqueFd gone = loopback_socket();
    udp.connect(SocketAddress::local_of(gone.get()));
  }
  udp.send("x");
  turn_until(
      loop, [&] { return !calls.empty(); }, "the error");
  EXPECT_THAT(calls, ElementsAre("receive: Connection refused (ECONNREFUSED)"));
  EXPECT_TRUE(udp.is_open());
  turn_some();
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(SocketReceiveTest, AnErrorThatNobodyHandlesCloses) {
  Socket& udp = add(loopback_socket());
  udp.on_receive(note_datagrams());
  {
    const UniqueFd gone = loopback_socket();
    udp.connect(SocketAddress::local_of(gone.get()));
  }
  Future<> closed = udp.closed();
  udp.send("x");
  run(std::move(closed));
}

TEST_F(SocketReceiveTest, AnErrorThatAFutureGetsLeavesItOpen) {
  Socket& udp = add(loopback_socket());
  {
    const UniqueFd gone = loopback_socket();
    udp.connect(SocketAddress::local_of(gone.get()));
  }
  Future<Received> first = udp.receive();
  Future<Received> second = udp.receive();
  udp.send("x");
  turn_until(
      loop, [&] { return first.ready(); }, "the error");
  const std::optional<Error> error = failure(std::move(first));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code().value(), ECONNREFUSED);
  EXPECT_TRUE(failure(std::move(second)));
  EXPECT_TRUE(udp.is_open());
}

TEST_F(SocketReceiveTest, AnErrorThatStaysIsToldOnce) {
  Socket& broken = add(UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)));
  broken.on_receive_error([&](Socket&, const Error& error) { calls.emplace_back(error.reason()); });
  broken.on_receive(note_datagrams());
  turn_some();
  EXPECT_EQ(calls.size(), 1U);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "it tries for ever";
}

TEST_F(SocketReceiveTest, ClosingFailsTheFutures) {
  Future<Received> first = socket.receive();
  socket.close_now();
  const std::optional<Error> error = failure(std::move(first));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::disconnected);
  EXPECT_TRUE(failure(socket.receive()));
}

TEST_F(SocketReceiveTest, FuturesOfADestroyedSocketAreAbandoned) {
  Future<Received> first = socket.receive();
  Future<Received> second = socket.receive();
  socket.remove();
  loop.turn(Duration::zero());
  const std::optional<Error> error = failure(std::move(first));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::abandoned);
  second.cancel();
}

TEST_F(SocketReceiveTest, WhatEndsItInTheMiddleOfABatchIsTheLastThatIsTold) {
  for (const auto deed : {+[](Socket& s) { s.remove(); }, +[](Socket& s) { s.close_now(); },
                          +[](Socket& s) { s.close(); }}) {
    SocketPair other = packet_pair(SOCK_DGRAM);
    Socket& short_lived = loop.add(std::make_unique<Socket>(std::move(other.first)));
    short_lived.on_receive([&, deed](Socket& self, const Datagram& datagram) {
      calls.emplace_back(datagram.bytes);
      deed(self);
    });
    for (const char* bytes : {"one", "two", "three"}) send_raw(other.second.get(), bytes);
    turn_some();
    EXPECT_THAT(calls, ElementsAre("one"));
    calls.clear();
  }
}

TEST_F(SocketReceiveTest, OpenedAnewInTheMiddleOfABatchTheRestIsGone) {
  SocketPair other = packet_pair(SOCK_DGRAM);
  socket.on_receive([&](Socket& self, const Datagram& datagram) {
    calls.emplace_back(datagram.bytes);
    if (!other.first) return;
    self.close_now();
    self.set_handle(std::move(other.first));
  });
  send_raw(peer, "old 1");
  send_raw(peer, "old 2");
  send_raw(other.second.get(), "new");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("old 1", "new"));
}

TEST_F(SocketReceiveTest, AnExceptionLosesNoDatagram) {
  socket.on_receive([&](Socket&, const Datagram& datagram) {
    calls.emplace_back(datagram.bytes);
    if (calls.size() == 1) throw std::runtime_error("thrown");
  });
  for (const char* bytes : {"one", "two", "three"}) send_raw(peer, bytes);
  EXPECT_THROW(loop.run(), std::runtime_error);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "two", "three"));
}

TEST_F(SocketReceiveTest, ATurnInsideTheCallbackReceivesForOthersOnly) {
  SocketPair other = packet_pair(SOCK_DGRAM);
  Socket& second = add(std::move(other.first));
  second.on_receive(note_datagrams());
  socket.on_receive([&](Socket&, const Datagram& datagram) {
    const std::string before(datagram.bytes);
    send_raw(peer, "later");
    send_raw(other.second.get(), "other");
    turn_some();
    EXPECT_EQ(loop.turn(Duration::zero()), 0U) << "a turn that never waits";
    EXPECT_EQ(datagram.bytes, before);
    calls.push_back(before);
    socket.on_receive(note_datagrams());
  });
  send_raw(peer, "first");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("other", "first", "later"));
}

TEST_F(SocketReceiveTest, AReceiveMadeInTheCallbackGetsTheNextOfTheBatch) {
  std::optional<Future<Received>> next;
  socket.on_receive([&](Socket& self, const Datagram& datagram) {
    calls.emplace_back(datagram.bytes);
    if (!next) next = self.receive();
  });
  for (const char* bytes : {"one", "two", "three"}) send_raw(peer, bytes);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "three"));
  ASSERT_TRUE(next && next->ready());
  EXPECT_EQ(next->get()->bytes, "two");
}

TEST_F(SocketReceiveTest, DescriptorsMayComeLate) {
  Socket& late = loop.add(std::make_unique<Socket>());
  Future<Received> first = late.receive();
  EXPECT_FALSE(settles(first));
  SocketPair other = packet_pair(SOCK_DGRAM);
  late.set_handle(std::move(other.first));
  send_raw(other.second.get(), "late");
  EXPECT_EQ(run(std::move(first))->bytes, "late");
}

class SeqpacketTest : public SocketTest {
 protected:
  SeqpacketTest() { pair = packet_pair(SOCK_SEQPACKET); }
};

TEST_F(SeqpacketTest, KeepsPacketsApartEmptyOnesToo) {
  Socket& socket = add(std::move(pair.first));
  socket.on_receive(note_datagrams());
  for (const char* bytes : {"one", "", "three"}) send_raw(pair.second.get(), bytes);
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "", "three"));
  EXPECT_TRUE(socket.is_open());
  socket.send("");
  socket.send("answer");
  EXPECT_EQ(receive_raw(pair.second.get()), "");
  EXPECT_EQ(receive_raw(pair.second.get()), "answer");
}

TEST_F(SeqpacketTest, ThePeersEndComesAfterItsPackets) {
  Socket& socket = add(std::move(pair.first));
  socket.on_receive(note_datagrams());
  socket.on_receive_eof([&](Socket& self) {
    EXPECT_TRUE(self.is_open());
    calls.emplace_back("eof");
  });
  socket.on_closed([&](Socket&) { calls.emplace_back("closed"); });
  for (const char* bytes : {"one", "", "three"}) send_raw(pair.second.get(), bytes);
  pair.second.reset();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "", "three", "eof", "closed"));
}

TEST_F(SeqpacketTest, AFutureGetsNothingAtTheEnd) {
  Socket& socket = add(std::move(pair.first));
  send_raw(pair.second.get(), "");
  send_raw(pair.second.get(), "last");
  pair.second.reset();
  EXPECT_EQ(run(socket.receive())->bytes, "");
  EXPECT_EQ(run(socket.receive())->bytes, "last");
  EXPECT_FALSE(run(socket.receive()));
  EXPECT_FALSE(run(socket.receive()));
}

TEST_F(SeqpacketTest, PausedItTellsTheEndWhenItIsResumed) {
  Socket& socket = add(std::move(pair.first));
  socket.on_receive([&](Socket& self, const Datagram& datagram) {
    calls.emplace_back(datagram.bytes);
    self.pause_receiving();
  });
  socket.on_receive_eof(note("eof"));
  send_raw(pair.second.get(), "one");
  send_raw(pair.second.get(), "two");
  pair.second.reset();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one"));
  socket.resume_receiving();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "two"));
  socket.resume_receiving();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("one", "two", "eof"));
}

TEST_F(SocketReceiveTest, ThatDoesNotCloseAtTheEndIsToldItOnceAndGoesOnSending) {
  SocketPair packets = packet_pair(SOCK_SEQPACKET);
  Socket& sending = add(std::move(packets.first));
  sending.set_closes_at_eof(false);
  sending.on_receive(note_datagrams());
  sending.on_receive_eof(note("eof"));
  ::shutdown(packets.second.get(), SHUT_WR);
  turn_some();
  sending.pause_receiving();
  sending.resume_receiving();
  turn_some();
  EXPECT_THAT(calls, ElementsAre("eof"));
  EXPECT_TRUE(sending.is_open());
  sending.send("more");
  EXPECT_EQ(receive_raw(packets.second.get()), "more");
}

}  // namespace
}  // namespace ioa::test
