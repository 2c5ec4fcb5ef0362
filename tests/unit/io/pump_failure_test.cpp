// What a Pump says when things go wrong: counts that are true, errors that name the culprit.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/unit/io/end_kinds.hpp"
#include "tests/unit/io/pump_fixture.hpp"

namespace ioa::test {
namespace {

class PumpFailureTest : public PumpTest {
 protected:
  /// Writes to standard input until nobody takes more; returns how much was taken.
  std::uint64_t feed_until_stuck() {
    const std::string block = bulk_bytes(65536);
    std::uint64_t fed = 0;
    int idle = 0;
    while (idle < 10) {
      const ssize_t size = ::write(stdin_writer.get(), block.data(), block.size());
      if (size > 0) fed += static_cast<std::uint64_t>(size);
      idle = size > 0 ? 0 : idle + 1;
      loop.turn(std::chrono::milliseconds(1));
    }
    return fed;
  }
  std::uint64_t left_in_stdin() const {
    int count = 0;
    ::ioctl(stdin_writer.get(), FIONREAD, &count);
    return static_cast<std::uint64_t>(count);
  }
  /// The peer's program reads so many bytes, and its kernel tells us at once.
  void peer_takes(std::size_t size) {
    std::string space(size, '\0');
    std::size_t got = 0;
    wait([&] {
      const ssize_t more = ::recv(peer.get(), space.data(), size - got, MSG_DONTWAIT);
      if (more > 0) got += static_cast<std::size_t>(more);
      return got == size;
    });
    const int on = 1;
    ::setsockopt(peer.get(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
};

class ResetTest : public PumpFailureTest, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(ResetTest, CountsWhatThePeersKernelHasAndNoMore) {
  start(tcp_pair());
  std::uint64_t fed = feed_until_stuck();
  peer_takes(GetParam());
  fed += feed_until_stuck();
  const std::uint64_t at_peers_kernel = GetParam() + unread_at_peer();
  const std::uint64_t read = fed - left_in_stdin();
  reset_peer();

  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code().value(), ECONNRESET);
  EXPECT_LE(outcome.sent, at_peers_kernel);
  EXPECT_GE(outcome.sent, GetParam());
  EXPECT_GE(outcome.sent + outcome.undelivered, read);
  EXPECT_LE(outcome.sent + outcome.undelivered, fed);
}

INSTANTIATE_TEST_SUITE_P(Bytes, ResetTest,
                         ::testing::Values(0, 1, 1000, 65'536, 77'777, 1'000'000, 3'141'592));

TEST_F(PumpFailureTest, DoesNotCountAnEndThatWasNeverSentAsAByte) {
  SocketPair far = tcp_pair();
  const int small = 4096;
  ASSERT_EQ(::setsockopt(far.second.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  start(std::move(far));
  // Less than our kernel takes, more than the peer's does: all is written, not all acknowledged.
  write_all(stdin_writer.get(), bulk_bytes(60'000));
  wait([&] { return pump->sent() == 60'000U; });
  settle();
  const std::uint64_t at_peers_kernel = unread_at_peer();
  ASSERT_LT(at_peers_kernel, 60'000U) << "the peer's buffer is not small enough";
  reset_peer();
  stdin_writer.reset();  // both are found in the same turn
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_LE(outcome.sent, at_peers_kernel);
  EXPECT_EQ(outcome.sent + outcome.undelivered, 60'000U);
}

TEST_F(PumpFailureTest, DeliversWhatWasReceivedBeforeAReset) {
  start(tcp_pair());
  const std::string bytes = bulk_bytes(50'000);
  write_all(peer.get(), bytes);
  reset_peer();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.error->code().value(), ECONNRESET);
  EXPECT_EQ(outcome.received, bytes.size());
  EXPECT_TRUE(stdout_gets() == bytes);
}

TEST_F(PumpFailureTest, DeliversTheExplanationOfAPeerThatDoesNotReadOn) {
  for (const bool is_tcp : {true, false}) {
    start(is_tcp ? tcp_pair() : unix_pair());
    feed_until_stuck();
    write_all(peer.get(), "413 too large");
    peer.reset();  // with bytes unread: TCP says RST, a Unix socket ECONNRESET
    at_stdout.clear();
    const PumpResult outcome = result();
    EXPECT_EQ(outcome.end, PumpEnd::far_failed);
    EXPECT_EQ(stdout_gets(), "413 too large");
    // What a Unix socket has taken counts as sent: nobody tells what became of it.
    EXPECT_EQ(outcome.undelivered > 0, is_tcp);
  }
}

TEST_F(PumpFailureTest, ReportsInputThatCameAfterThePeerHadGone) {
  start(tcp_pair());
  write_all(peer.get(), "bye");
  peer.reset();
  write_all(stdin_writer.get(), "anybody there?");
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.sent, 0U);
  EXPECT_EQ(outcome.undelivered, 14U);
  EXPECT_EQ(stdout_gets(), "bye");
}

TEST_F(PumpFailureTest, NoticesAPeerThatHasGoneWhenItGoesOnSending) {
  PumpOptions options;
  options.far_eof = FarEof::finish;
  start(tcp_pair(), options);
  peer.reset();
  wait([&] { return stdout_gets(), stdout_saw_end; });
  write_all(stdin_writer.get(), "first");
  settle();
  if (!is_over()) {
    write_all(stdin_writer.get(), "second");
    stdin_writer.reset();
  }
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.sent, 0U);
  EXPECT_GE(outcome.undelivered, 5U);
}

TEST_F(PumpFailureTest, ReceivesFromAUnixPeerThatReadsNoMore) {
  start(unix_pair());
  ASSERT_EQ(::shutdown(peer.get(), SHUT_RD), 0);
  write_all(stdin_writer.get(), "refused");
  settle();
  ASSERT_FALSE(is_over());
  write_all(peer.get(), "still talking");
  wait([&] { return stdout_gets() == "still talking"; });
  peer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.error->code().value(), EPIPE);
  EXPECT_EQ(outcome.sent, 0U);
}

// --- acknowledgement -----------------------------------------------------------------------------

class AcknowledgementTest : public PumpFailureTest {
 protected:
  /// All that was read is written to the socket, standard input has ended, and the peer's window is
  /// full.
  void start_unacknowledged(PumpOptions options, int user_timeout_ms = 0) {
    SocketPair far = tcp_pair();
    const int small = 4096;
    ::setsockopt(far.second.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (user_timeout_ms > 0)
      ::setsockopt(far.first.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms,
                   sizeof user_timeout_ms);
    options.near_eof = NearEof::close;
    start(std::move(far), options);
    write_all(stdin_writer.get(), bulk_bytes(60'000));
    stdin_writer.reset();
    settle();
  }
};

TEST_F(AcknowledgementTest, IsWaitedForBeforeSuccess) {
  start_unacknowledged({});
  EXPECT_FALSE(is_over());
  wait([&] { return peer_reads(), is_over(); });
  const PumpResult outcome = future.get();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, 60'000U);
  EXPECT_TRUE(peer_reads() == bulk_bytes(60'000));
}

TEST_F(AcknowledgementTest, ThatNeverComesIsAFailure) {
  start_unacknowledged({}, 100);
  const std::uint64_t at_peers_kernel = unread_at_peer();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code().value(), ETIMEDOUT);
  EXPECT_LE(outcome.sent, at_peers_kernel + 1);  // a window probe may carry a byte
  EXPECT_EQ(outcome.sent + outcome.undelivered, 60'000U);
}

TEST_F(AcknowledgementTest, IsNotComingFromAPeerThatResets) {
  start_unacknowledged({});
  const std::uint64_t at_peers_kernel = unread_at_peer();
  reset_peer();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.error->code().value(), ECONNRESET);
  EXPECT_LE(outcome.sent, at_peers_kernel);
  EXPECT_EQ(outcome.sent + outcome.undelivered, 60'000U);
}

TEST_F(AcknowledgementTest, IsNotWaitedForAfterAnInterrupt) {
  start_unacknowledged({});
  pump->interrupt();
  ASSERT_TRUE(settles(future));
  is_over();
  const PumpResult outcome = future.get();
  EXPECT_EQ(outcome.end, PumpEnd::interrupted);
  EXPECT_EQ(outcome.sent + outcome.undelivered, 60'000U);
  EXPECT_GT(outcome.undelivered, 0U);
}

TEST_F(AcknowledgementTest, IsNotWaitedForLongerThanTheIdleTimeout) {
  PumpOptions options;
  options.idle_timeout = std::chrono::milliseconds(80);
  start_unacknowledged(options);
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::idle_timeout);
  EXPECT_GT(outcome.undelivered, 0U);
}

TEST_F(AcknowledgementTest, ThatComesBitByBitIsNoSilence) {
  PumpOptions options;
  options.idle_timeout = std::chrono::milliseconds(400);
  start_unacknowledged(options);
  const auto begin = Clock::now();
  while (!is_over()) {
    const auto next = Clock::now() + std::chrono::milliseconds(100);
    peer_reads();
    wait([&] { return is_over() || Clock::now() > next; });
  }
  EXPECT_EQ(future.get().end, PumpEnd::complete);
  EXPECT_GT(Clock::now() - begin, options.idle_timeout) << "too fast to prove anything";
}

// --- the near side -------------------------------------------------------------------------------

TEST_F(PumpFailureTest, EndsWhenTheReaderOfStandardOutputHasLeft) {
  start(tcp_pair());
  settle();
  stdout_reader.reset();
  settle();
  EXPECT_FALSE(is_over());
  write_all(peer.get(), "for nobody");
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::near_left);
  EXPECT_EQ(outcome.received, 0U);
}

TEST_F(PumpFailureTest, NamesTheOutputThatIsFull) {
  PumpOptions options;
  options.near_sink_name = "answers.txt";
  SocketPair in = pipe_pair();
  start(tcp_pair(), ByteEnd::own(std::move(in.first)),
        ByteEnd::inherited(::open("/dev/full", O_WRONLY | O_CLOEXEC), ByteEnd::Access::write),
        options);
  write_all(peer.get(), "answer");
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::near_failed);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->operation(), "write");
  EXPECT_EQ(outcome.error->subject(), "answers.txt");
  EXPECT_EQ(outcome.error->code().value(), ENOSPC);
}

TEST_F(PumpFailureTest, NamesTheInputThatCannotBeRead) {
  SocketPair out = pipe_pair();
  start(tcp_pair(), ByteEnd::inherited(::open("/", O_RDONLY | O_CLOEXEC), ByteEnd::Access::read),
        ByteEnd::own(std::move(out.second)));
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::near_failed);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->operation(), "read");
  EXPECT_EQ(outcome.error->subject(), "standard input");
  EXPECT_EQ(outcome.error->code().value(), EISDIR);
}

TEST_F(PumpFailureTest, BlamesThePeerWhoseReset_AFileMeetsWhileItIsSent) {
  const TempDir dir;
  SocketPair out = pipe_pair();
  stdout_reader = std::move(out.first);
  const std::string path = dir.write("big", bulk_bytes(20 << 20));
  start(tcp_pair(),
        ByteEnd::inherited(::open(path.c_str(), O_RDONLY | O_CLOEXEC), ByteEnd::Access::read),
        ByteEnd::own(std::move(out.second)));
  settle();
  const std::uint64_t at_peers_kernel = unread_at_peer();
  reset_peer();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::far_failed);
  EXPECT_EQ(outcome.error->code().value(), ECONNRESET);
  EXPECT_LE(outcome.sent, at_peers_kernel);
}

}  // namespace
}  // namespace ioa::test
