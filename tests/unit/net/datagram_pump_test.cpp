#include "ioa/net/datagram_pump.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/net/socket_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A pump with a pipe at either near end on a time that the test moves; real descriptors.
class DatagramPumpTest : public test::FakeLoopTest {
 protected:
  DatagramPumpTest() { fake.set_real_descriptors(true); }
  ~DatagramPumpTest() override {
    if (pump != nullptr && !is_over()) pump->remove();
    test::turn_while_busy(loop);  // buries it before the fixture counts descriptors
  }

  /// UDP on the loopback interface, connected to the test's end.
  void start_udp(DatagramPumpOptions options) {
    peer = test::loopback_socket();
    UniqueFd far = test::loopback_socket();
    const SocketAddress ours = SocketAddress::local_of(far.get());
    const SocketAddress theirs = SocketAddress::local_of(peer.get());
    ASSERT_EQ(::connect(far.get(), theirs.data(), theirs.size()), 0);
    ASSERT_EQ(::connect(peer.get(), ours.data(), ours.size()), 0);
    options.far_name = theirs.to_string();
    start(std::move(far), std::move(options));
  }
  void start_pair(int socktype, DatagramPumpOptions options) {
    test::SocketPair pair = test::packet_pair(socktype);
    peer = std::move(pair.second);
    start(std::move(pair.first), std::move(options));
  }
  void start(UniqueFd far, DatagramPumpOptions options) {
    test::SocketPair in = test::pipe_pair();
    test::SocketPair out = test::pipe_pair();
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
  void type(std::string_view text) { test::write_all(input.get(), text); }
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
  std::string written() { return test::read_available(output.get()); }
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

TEST_F(DatagramPumpTest, EachLineIsADatagramAndEachDatagramIsWritten) {
  start_udp(options());
  type("one\ntwo\nthr");
  settle();
  EXPECT_THAT(heard(), ElementsAre("one\n", "two\n"));
  say("answer");
  say("");
  settle();
  EXPECT_EQ(written(), "answer");
  EXPECT_EQ(pump->datagrams_received(), 2U);
  input.reset();
  const DatagramPumpResult outcome = result();
  EXPECT_THAT(heard(), ElementsAre("thr"));
  EXPECT_EQ(outcome.end, PumpEnd::quit);
  EXPECT_EQ(outcome.sent, 11U);
  EXPECT_EQ(outcome.datagrams_sent, 3U);
  EXPECT_EQ(outcome.received, 6U);
  EXPECT_EQ(outcome.datagrams_received, 2U);
  EXPECT_EQ(outcome.undelivered, 0U);
  EXPECT_THAT(ends, ElementsAre(DatagramPump::Side::near));
}

TEST_F(DatagramPumpTest, EndsAfterASilenceThatEachDatagramBeginsAnew) {
  start_udp(options(1s));
  input.reset();
  settle();
  fake.advance(900ms);
  say("late");
  settle();
  fake.advance(900ms);
  settle();
  EXPECT_FALSE(is_over());
  EXPECT_EQ(result().end, PumpEnd::quit);
  EXPECT_EQ(elapsed(), 1900ms);
  EXPECT_EQ(written(), "late");
}

TEST_F(DatagramPumpTest, ASilenceBeforeTheInputHasEndedCountsNothing) {
  start_udp(options(1s));
  settle();
  fake.advance(1h);
  settle();
  EXPECT_FALSE(is_over());
}

TEST_F(DatagramPumpTest, AnIcmpErrorIsAFailureThatTellsTheBytes) {
  start_udp(options());
  type("one\n");
  peer.reset();  // nobody is there: the kernel answers for it
  settle();
  ASSERT_TRUE(is_over());
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->code().value(), ECONNREFUSED);
  EXPECT_EQ(outcome.sent, 4U);
}

TEST_F(DatagramPumpTest, AnIcmpErrorThatComesLateCountsUntilTheEnd) {
  start_udp(options(0s));
  type("one\n");
  input.reset();
  peer.reset();
  EXPECT_EQ(result().end, PumpEnd::far_failed);
}

TEST_F(DatagramPumpTest, CloseEndsWhenAllIsSent) {
  DatagramPumpOptions closing = options();
  closing.near_eof = NearEof::close;
  start_udp(std::move(closing));
  type("one\n");
  input.reset();
  EXPECT_EQ(result().end, PumpEnd::complete);
  EXPECT_EQ(elapsed(), 0s);
  EXPECT_THAT(heard(), ElementsAre("one\n"));
}

TEST_F(DatagramPumpTest, AfterReplyWaitsForTheFirstOneHoweverLong) {
  DatagramPumpOptions waiting = options(1s);
  waiting.near_eof = NearEof::after_reply;
  start_udp(std::move(waiting));
  input.reset();
  settle();
  fake.advance(1h);
  settle();
  EXPECT_FALSE(is_over());
  say("reply");
  settle();
  EXPECT_FALSE(is_over());
  EXPECT_EQ(result().end, PumpEnd::quit);
  EXPECT_EQ(elapsed(), 1h + 1s);
}

TEST_F(DatagramPumpTest, IdleTimeCountsDatagramsOfBothWays) {
  DatagramPumpOptions idle = options();
  idle.idle_timeout = 10s;
  start_udp(std::move(idle));
  settle();
  fake.advance(9s);
  type("x\n");
  settle();
  fake.advance(9s);
  say("");
  settle();
  EXPECT_FALSE(is_over());
  EXPECT_EQ(result().end, PumpEnd::idle_timeout);
  EXPECT_EQ(elapsed(), 28s);
}

TEST_F(DatagramPumpTest, ATruncatedDatagramIsCounted) {
  DatagramPumpOptions small = options();
  small.longest = 4;
  start_udp(std::move(small));
  say("12345");
  say("1234");
  settle();
  EXPECT_EQ(written(), "12341234");
  input.reset();
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.truncated, 1U);
  EXPECT_EQ(outcome.received, 8U);
}

TEST_F(DatagramPumpTest, ARecordThatIsTooLongEndsIt) {
  DatagramPumpOptions small = options();
  small.longest = 4;
  start_udp(std::move(small));
  type("ok\n12345\n");
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::near_failed);
  EXPECT_EQ(outcome.error->code().value(), EMSGSIZE);
  EXPECT_EQ(outcome.sent, 3U);
  EXPECT_EQ(outcome.undelivered, 6U);
}

TEST_F(DatagramPumpTest, ADatagramThatTheKernelRefusesEndsIt) {
  DatagramPumpOptions large = options();
  large.longest = 100'000;
  start_udp(std::move(large));
  type("ok\n" + std::string(40'000, 'x'));
  settle();
  type(std::string(40'000, 'x') + "\n");
  const DatagramPumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.error->code().value(), EMSGSIZE);
  EXPECT_EQ(outcome.sent, 3U);
  EXPECT_EQ(outcome.datagrams_sent, 1U);
}

TEST_F(DatagramPumpTest, FramesOfLengthsGoBothWays) {
  DatagramPumpOptions counted = options();
  counted.framing = DatagramFraming::len32;
  start_udp(std::move(counted));
  type("\0\0\0\2hi\0\0\0\0"sv);
  settle();
  EXPECT_THAT(heard(), ElementsAre("hi", ""));
  say("abc");
  say("");
  settle();
  EXPECT_EQ(written(), "\0\0\0\3abc\0\0\0\0"sv);
}

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

  peer = test::loopback_socket();
  UniqueFd far = test::loopback_socket();
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
}  // namespace ioa
