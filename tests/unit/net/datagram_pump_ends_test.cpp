// A DatagramPump whose ends are slow, leave, or are packet connections; and what it does with the
// datagrams on their way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/net/datagram_pump_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;

TEST_F(DatagramPumpTest, NothingIsReceivedWhileNobodyReads) {
  start_pair(SOCK_DGRAM, options());
  settle();
  std::size_t said = 0;
  const std::string kilobyte(1024, 'x');
  for (int rounds = 0; rounds < 100; ++rounds) {
    while (::send(peer.get(), kilobyte.data(), kilobyte.size(), MSG_DONTWAIT) > 0) ++said;
    settle();
  }
  // A pipe, two write sizes, and what the kernel's queues hold.
  EXPECT_LT(said, 700U);
  std::size_t read = 0;
  for (int rounds = 0; rounds < 100; ++rounds) {
    read += written().size();
    settle();
  }
  EXPECT_EQ(read, said * 1024);
  input.reset();
  EXPECT_EQ(result().received, said * 1024);
}

TEST_F(DatagramPumpTest, DatagramsThatWaitForASlowReaderAreNoSilence) {
  start_pair(SOCK_DGRAM, options(1s));
  input.reset();
  settle();
  const std::string kilobyte(1024, 'x');
  std::size_t said = 0;
  for (int rounds = 0; rounds < 100; ++rounds) {
    while (::send(peer.get(), kilobyte.data(), kilobyte.size(), MSG_DONTWAIT) > 0) ++said;
    settle();
  }
  fake.advance(1h);
  settle();
  EXPECT_FALSE(is_over());
  std::size_t read = 0;
  for (int rounds = 0; rounds < 100; ++rounds) {
    read += written().size();
    settle();
  }
  EXPECT_EQ(read, said * 1024);
  const Duration before = elapsed();
  EXPECT_EQ(result().end, PumpEnd::quit);
  EXPECT_EQ(elapsed() - before, 1s);
}

TEST_F(DatagramPumpTest, NothingIsReadWhileTheSocketIsFull) {
  start_pair(SOCK_DGRAM, options());
  const std::string line = std::string(1000, 'x') + "\n";
  std::size_t typed = 0;
  for (int rounds = 0; rounds < 50; ++rounds) {
    while (::write(input.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()))
      ++typed;
    settle();
  }
  EXPECT_LT(typed, 1500U);
  input.reset();
  std::size_t count = 0;
  for (std::size_t before = 1; before != count || count == 0;) {
    before = count;
    count += heard().size();
    settle();
  }
  EXPECT_GE(count, typed) << "lines that a full pipe cut short make two of one";
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::quit);
  EXPECT_EQ(outcome.undelivered, 0U);
}

TEST_F(DatagramPumpTest, APacketConnectionIsShutDownAndEndsWithItsPeer) {
  DatagramPumpOptions packets = options();
  packets.quit_after.reset();
  start_pair(SOCK_SEQPACKET, std::move(packets));
  type("one\n");
  input.reset();
  settle();
  const std::vector<std::string> at_peer = heard();
  ASSERT_GE(at_peer.size(), 2U);
  EXPECT_EQ(at_peer[0], "one\n");
  EXPECT_EQ(at_peer[1], "") << "the end";
  EXPECT_FALSE(is_over());
  say("late answer");
  peer.reset();
  EXPECT_EQ(result().end, PumpEnd::complete);
  EXPECT_EQ(written(), "late answer");
  EXPECT_THAT(ends, ElementsAre(DatagramPump::Side::near, DatagramPump::Side::far));
}

TEST_F(DatagramPumpTest, APacketPeersEndEndsARunWhoseInputIsOpenAndEmpty) {
  start_pair(SOCK_SEQPACKET, options());
  say("bye");
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(result().end, PumpEnd::complete);
  EXPECT_EQ(written(), "bye");
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(DatagramPumpTest, FinishGoesOnSendingToAPacketPeerThatHasEnded) {
  DatagramPumpOptions finishing = options();
  finishing.far_eof = FarEof::finish;
  start_pair(SOCK_SEQPACKET, std::move(finishing));
  ::shutdown(peer.get(), SHUT_WR);
  settle();
  EXPECT_FALSE(is_over());
  EXPECT_THAT(ends, ElementsAre(DatagramPump::Side::far));
  char byte = 0;
  EXPECT_EQ(::read(output.get(), &byte, 1), 0) << "the near sink is closed at once";
  type("more\n");
  input.reset();
  EXPECT_EQ(result().end, PumpEnd::complete);
  EXPECT_EQ(heard().front(), "more\n");
}

TEST_F(DatagramPumpTest, AReaderThatHasLeftEndsIt) {
  std::signal(SIGPIPE, SIG_IGN);
  start_udp(options());
  output.reset();
  say("unread");
  EXPECT_EQ(result().end, PumpEnd::near_left);
  std::signal(SIGPIPE, SIG_DFL);
}

TEST_F(DatagramPumpTest, InterruptedItWritesWhatItHas) {
  start_udp(options());
  say("before");
  settle();
  pump->interrupt();
  EXPECT_EQ(result().end, PumpEnd::interrupted);
  EXPECT_EQ(written(), "before");
}

/// Makes text of capital letters, and notes each whole datagram.
class Capitals : public ByteFilter {
 public:
  std::string_view transform(std::string_view bytes) override {
    text_.clear();
    for (const char c : bytes) text_ += static_cast<char>(std::toupper(c));
    return text_;
  }
  void delivered(std::string_view bytes) override { seen.emplace_back(bytes); }
  std::vector<std::string> seen;

 private:
  std::string text_;
};

TEST_F(DatagramPumpTest, FiltersSeeWhatIsReadAndEachDatagram) {
  Capitals sent;
  Capitals received;
  filters = {&sent, &received};
  start_udp(options());
  type("one\ntwo\n");
  settle();
  EXPECT_THAT(heard(), ElementsAre("ONE\n", "TWO\n"));
  EXPECT_THAT(sent.seen, ElementsAre("ONE\n", "TWO\n"));
  say("three");
  say("");
  settle();
  EXPECT_EQ(written(), "THREE");
  EXPECT_THAT(received.seen, ElementsAre("THREE", ""));
}

TEST_F(DatagramPumpTest, ARateHoldsBothWays) {
  DatagramPumpOptions paced = options();
  paced.rate = 1000;
  start_udp(std::move(paced));
  const std::string line = std::string(99, 'x') + "\n";
  for (int i = 0; i < 20; ++i) type(line);
  for (int i = 0; i < 20; ++i) say(line);
  input.reset();
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.datagrams_sent, 20U);
  EXPECT_EQ(outcome.datagrams_received, 20U);
  // 2,000 bytes, save those of the first and the last datagram, and the second of silence.
  EXPECT_GE(elapsed(), 1800ms);
  EXPECT_LE(elapsed(), 3200ms);
}

TEST_F(DatagramPumpTest, ANearSideThatGoesHasWhatItHasReadySent) {
  start_udp(options());
  type("one\ntwo");
  pump->end_near();
  EXPECT_EQ(result().end, PumpEnd::complete);
  EXPECT_THAT(heard(), ElementsAre("one\n", "two"));
  EXPECT_EQ(elapsed(), 0s);
}

TEST_F(DatagramPumpTest, AReaderThatMayLeaveIsForgotten) {
  std::signal(SIGPIPE, SIG_IGN);
  DatagramPumpOptions leaving = options();
  leaving.near_reader_may_leave = true;
  start_udp(std::move(leaving));
  output.reset();
  say("unread");
  settle();
  EXPECT_FALSE(is_over());
  input.reset();
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::quit);
  EXPECT_EQ(outcome.unwanted, 6U);
  std::signal(SIGPIPE, SIG_DFL);
}

TEST_F(DatagramPumpTest, MayBeRemovedByItsOwnCallbacks) {
  start_pair(SOCK_SEQPACKET, options());
  pump->on_eof([this](DatagramPump::Side) { std::exchange(pump, nullptr)->remove(); });
  peer.reset();
  settle();
  EXPECT_TRUE(future.has_failed()) << "abandoned";
  start_udp(options());
  pump->on_eof([this](DatagramPump::Side) { std::exchange(pump, nullptr)->remove(); });
  input.reset();
  settle();
  EXPECT_TRUE(future.has_failed());
}

TEST_F(DatagramPumpTest, DropsOfTheKernelAreCounted) {
  start_udp(options());
  settle();
  pump->cut_off();
  EXPECT_EQ(result().dropped, 0U);

  peer = loopback_socket();
  UniqueFd far = loopback_socket();
  const int smallest = 1;
  ::setsockopt(far.get(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest);
  const SocketAddress ours = SocketAddress::local_of(far.get());
  ASSERT_EQ(::connect(peer.get(), ours.data(), ours.size()), 0);
  for (int i = 0; i < 100; ++i) say(std::string(1000, 'x'));
  start(std::move(far), options());
  settle();
  input.reset();
  const DatagramPumpResult outcome = result();
  EXPECT_GT(outcome.dropped, 0U);
  EXPECT_EQ(outcome.dropped + outcome.datagrams_received, 100U);
}

}  // namespace
}  // namespace ioa::test
