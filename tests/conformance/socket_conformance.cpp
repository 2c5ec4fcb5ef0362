#include "tests/conformance/socket_conformance.hpp"

#include <optional>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/lifetime_tracker.hpp"

namespace ioa::test {
namespace {

Socket& add(Loop& loop, std::unique_ptr<Socket> owned) {
  Socket& socket = loop.add(std::move(owned));
  socket.set_leaves_when_closed(false);  // the test holds references
  return socket;
}

/// Collects what `socket` receives.
void collect(Socket& socket, std::vector<std::string>& all) {
  socket.on_receive(
      [&all](Socket&, const Datagram& datagram) { all.emplace_back(datagram.bytes); });
}

Future<std::size_t> count_until_empty(Socket& socket) {
  std::size_t count = 0;
  for (;;) {
    std::optional<ReceivedDatagram> datagram = co_await socket.receive();
    if (!datagram || datagram->bytes.empty()) break;
    ++count;
  }
  co_return count;
}

}  // namespace

SocketConformance::SocketConformance() : loop(std::get<1>(GetParam()).make()) {}

void SocketConformance::SetUp() {
  PacketPair pair = kind().make();
  if (!pair.first) GTEST_SKIP() << "not on this host";
  first = &add(loop, std::move(pair.first));
  second = &add(loop, std::move(pair.second));
  first_address = pair.first_address;
  second_address = pair.second_address;
}

TEST_P(SocketConformance, DatagramsKeepTheirBoundsAndTheirOrderBothWays) {
  std::vector<std::string> there;
  std::vector<std::string> back;
  collect(*second, there);
  collect(*first, back);
  const std::vector<std::string> sent = {"one", "", std::string(8000, 'x'), "four"};
  for (const std::string& bytes : sent) {
    send_to_second(bytes);
    send_to_first(bytes + "!");
  }
  turn_until([&] { return there.size() == 4 && back.size() == 4; }, "all datagrams");
  EXPECT_EQ(there, sent);
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(back[i], sent[i] + "!");
  EXPECT_TRUE(first->is_open() && second->is_open());
}

TEST_P(AddressedSocketConformance, AnAnswerFindsItsWay) {
  second->on_receive([](Socket& self, const Datagram& datagram) {
    self.send("re: " + std::string(datagram.bytes), datagram.from);
  });
  send_to_second("x");
  std::optional<ReceivedDatagram> answer = run(loop, first->receive());
  EXPECT_EQ(answer->bytes, "re: x");
  EXPECT_EQ(answer->from, second_address);
}

TEST_P(ReliableSocketConformance, NoneOf2000IsLostThoughTheReaderIsSlow) {
  constexpr std::size_t kCount = 2000;
  for (std::size_t i = 0; i < kCount; ++i) send_to_second(std::to_string(i));
  std::size_t next = 0;
  second->on_receive([&](Socket& self, const Datagram& datagram) {
    EXPECT_EQ(datagram.bytes, std::to_string(next));
    ++next;
    self.pause_receiving();
    loop.later([&self] { self.resume_receiving(); });
  });
  turn_until([&] { return next == kCount; }, "all datagrams");
  EXPECT_EQ(first->pending_datagrams(), 0U);
}

TEST_P(SocketConformance, ACoroutineReceivesThemOneByOne) {
  constexpr std::size_t kCount = 100;
  Future<std::size_t> count = count_until_empty(*second);
  for (std::size_t i = 0; i < kCount; ++i) send_to_second("x");
  send_to_second("");
  EXPECT_EQ(run(loop, std::move(count)), kCount);
}

TEST_P(ReliableSocketConformance, ClosingSendsWhatIsQueued) {
  std::vector<std::string> got;
  while (first->pending_datagrams() == 0) send_to_second("filler");
  send_to_second("last");
  Future<> closed = first->closed();
  first->close();
  EXPECT_TRUE(first->is_open());
  collect(*second, got);
  run(loop, std::move(closed));
  turn_until([&] { return !got.empty() && got.back() == "last"; }, "the last datagram");
}

TEST_P(SocketConformance, DroppingAReceiveLosesNothingAtAnyStep) {
  for (int steps = 0; steps < 6; ++steps) {
    send_to_second("kept");
    Future<std::optional<ReceivedDatagram>> dropped = second->receive();
    for (int i = 0; i < steps; ++i) loop.turn(Duration::zero());
    const bool was_served = dropped.ready();
    dropped.cancel();
    if (was_served) continue;
    std::optional<ReceivedDatagram> datagram = run(loop, second->receive());
    EXPECT_EQ(datagram->bytes, "kept");
  }
}

TEST_P(SocketConformance, MayBeDestroyedInsideItsCallback) {
  LifetimeTracker tracker;
  int count = 0;
  second->on_receive([&, tracked = tracker.make()](Socket& self, const Datagram&) {
    ++count;
    self.remove();
  });
  send_to_second("one");
  send_to_second("two");
  turn_until([&] { return tracker.is_clean(); }, "its end");
  EXPECT_EQ(count, 1);
}

TEST_P(SocketConformance, AnIdlePairCostsNoTurns) {
  std::vector<std::string> got;
  collect(*first, got);
  collect(*second, got);
  send_to_second("x");
  turn_until([&] { return got.size() == 1; }, "the datagram");
  turn_while_busy(loop);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

}  // namespace ioa::test
