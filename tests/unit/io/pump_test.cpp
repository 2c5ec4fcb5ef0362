#include "ioa/io/pump.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <tuple>

#include "tests/unit/io/end_kinds.hpp"
#include "tests/unit/io/pump_fixture.hpp"

namespace ioa::test {
namespace {

using Side = Pump::Side;

TEST_F(PumpTest, CarriesAQuestionAndItsAnswer) {
  start(tcp_pair());
  write_all(stdin_writer.get(), "question");
  stdin_writer.reset();
  wait_for_peers_end();
  EXPECT_EQ(at_peer, "question");
  EXPECT_FALSE(is_over());

  write_all(peer.get(), "answer");
  peer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.error, std::nullopt);
  EXPECT_EQ(outcome.sent, 8U);
  EXPECT_EQ(outcome.received, 6U);
  EXPECT_EQ(outcome.undelivered, 0U);
  EXPECT_EQ(stdout_gets(), "answer");
  EXPECT_TRUE(stdout_saw_end);
  EXPECT_EQ(ends, (std::vector{Side::near, Side::far}));
}

TEST_F(PumpTest, CarriesMuchBothWaysAtOnce) {
  for (const bool is_tcp : {true, false}) {
    PumpOptions options;
    options.far_eof = FarEof::finish;
    start(is_tcp ? tcp_pair() : unix_pair(), options);
    const std::string up = bulk_bytes(8 << 20);
    const std::string down(up.rbegin(), up.rend());
    std::size_t up_fed = 0;
    std::size_t down_fed = 0;
    at_peer.clear();
    at_stdout.clear();
    wait([&] {
      const auto feed = [](UniqueFd& to, const std::string& bytes, std::size_t& fed, bool half) {
        if (!to || fed == bytes.size()) return;
        const ssize_t size = ::write(to.get(), bytes.data() + fed, bytes.size() - fed);
        if (size > 0) fed += static_cast<std::size_t>(size);
        if (fed < bytes.size()) return;
        half ? static_cast<void>(::shutdown(to.get(), SHUT_WR)) : to.reset();
      };
      feed(stdin_writer, up, up_fed, false);
      feed(peer, down, down_fed, true);
      peer_reads();
      stdout_gets();
      return is_over();
    });
    const PumpResult outcome = future.get();
    EXPECT_EQ(outcome.end, PumpEnd::complete);
    EXPECT_EQ(outcome.sent, up.size());
    EXPECT_EQ(outcome.received, down.size());
    EXPECT_TRUE(peer_reads() == up);
    EXPECT_TRUE(stdout_gets() == down);
  }
}

// --- the ends of standard input ------------------------------------------------------------------

class NearEofTest : public PumpTest {
 protected:
  void start_with(NearEof policy, SocketPair far) {
    PumpOptions options;
    options.near_eof = policy;
    start(std::move(far), options);
    write_all(stdin_writer.get(), "all");
    stdin_writer.reset();
    wait_for_peer_to_get("all");
    settle();
    peer_reads();
  }
};

TEST_F(NearEofTest, HalfCloseTellsThePeerAndGoesOnReceiving) {
  start_with(NearEof::half_close, tcp_pair());
  EXPECT_TRUE(peer_saw_end);
  EXPECT_FALSE(is_over());
}

TEST_F(NearEofTest, AfterReplyTellsThePeerOnceItHasSpoken) {
  start_with(NearEof::after_reply, tcp_pair());
  EXPECT_FALSE(peer_saw_end);
  write_all(peer.get(), "yes?");
  wait_for_peers_end();
  peer.reset();
  EXPECT_EQ(result().end, PumpEnd::complete);
}

TEST_F(NearEofTest, AfterReplyTellsThePeerAtOnceIfItHasSpokenBefore) {
  PumpOptions options;
  options.near_eof = NearEof::after_reply;
  start(tcp_pair(), options);
  write_all(peer.get(), "220 ready");
  wait([&] { return stdout_gets() == "220 ready"; });
  stdin_writer.reset();
  wait_for_peers_end();
}

TEST_F(NearEofTest, CloseEndsWithoutWaitingForThePeer) {
  start_with(NearEof::close, tcp_pair());
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, 3U);
}

TEST_F(NearEofTest, KeepLeavesTheWritingSideOpen) {
  start_with(NearEof::keep, tcp_pair());
  EXPECT_FALSE(peer_saw_end);
  EXPECT_FALSE(is_over());
  write_all(peer.get(), "news");
  peer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.received, 4U);
}

TEST_F(NearEofTest, QuitAfterEndsTheWaitForThePeer) {
  for (const auto policy : {NearEof::half_close, NearEof::after_reply, NearEof::keep}) {
    PumpOptions options;
    options.near_eof = policy;
    options.quit_after = std::chrono::milliseconds(20);
    start(tcp_pair(), options);
    write_all(stdin_writer.get(), "all");
    stdin_writer.reset();
    const PumpResult outcome = result();
    EXPECT_EQ(outcome.end, PumpEnd::quit);
    EXPECT_EQ(outcome.sent, 3U);
  }
}

TEST_F(NearEofTest, QuitAfterDoesNotCutOffWhatIsStillToBeSent) {
  PumpOptions options;
  options.quit_after = Duration::zero();
  start(tcp_pair(), options);
  const std::string bytes = bulk_bytes(4 << 20);
  std::size_t fed = 0;
  wait([&] {
    const ssize_t size = ::write(stdin_writer.get(), bytes.data() + fed, bytes.size() - fed);
    if (size > 0) fed += static_cast<std::size_t>(size);
    peer_reads();
    return fed == bytes.size();
  });
  stdin_writer.reset();
  settle();  // the peer does not read
  wait([&] { return peer_reads(), is_over(); });
  const PumpResult outcome = future.get();
  EXPECT_EQ(outcome.end, PumpEnd::quit);
  EXPECT_EQ(outcome.sent, bytes.size());
  EXPECT_TRUE(peer_reads() == bytes);
}

TEST_F(NearEofTest, QuitAfterStillWritesWhatItHasReceived) {
  PumpOptions options;
  options.quit_after = std::chrono::milliseconds(1);
  start(tcp_pair(), options);
  fill(peer.get());
  settle();  // standard output is full, and the pump holds some
  stdin_writer.reset();
  settle();
  wait([&] { return stdout_gets(), is_over(); });
  const PumpResult outcome = future.get();
  EXPECT_EQ(outcome.end, PumpEnd::quit);
  EXPECT_EQ(outcome.received, stdout_gets().size());
}

// --- the peer ends -------------------------------------------------------------------------------

class FarEofTest : public PumpTest, public ::testing::WithParamInterface<FarEof> {
 protected:
  FarEofTest() { options.far_eof = GetParam(); }
  void peer_ends() {
    write_all(peer.get(), "bye");
    ::shutdown(peer.get(), SHUT_WR);
  }
  PumpOptions options;
};

TEST_P(FarEofTest, ClosesStandardOutputAtOnce) {
  start(tcp_pair(), options);
  peer_ends();
  wait([&] { return stdout_gets(), stdout_saw_end; });
  EXPECT_EQ(at_stdout, "bye");
}

TEST_P(FarEofTest, DependsOnThePolicyIfStandardInputIsOpenAndEmpty) {
  start(tcp_pair(), options);
  peer_ends();
  settle();
  EXPECT_EQ(is_over(), GetParam() == FarEof::exit);
  if (GetParam() == FarEof::exit) {
    EXPECT_EQ(result().end, PumpEnd::complete);
    return;
  }
  write_all(stdin_writer.get(), "one more thing");
  wait_for_peer_to_get("one more thing");
  stdin_writer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, 14U);
}

TEST_P(FarEofTest, SendsWhatStandardInputHasReady) {
  start(tcp_pair(), options);
  const std::string bytes = bulk_bytes(60'000);
  write_all(stdin_writer.get(), bytes);
  peer_ends();
  wait([&] { return peer_reads().size() == bytes.size(); });
  if (GetParam() == FarEof::finish) stdin_writer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, bytes.size());
  EXPECT_TRUE(at_peer == bytes);
}

TEST_P(FarEofTest, EndsIfStandardInputHasEndedBefore) {
  start(unix_pair(), options);
  stdin_writer.reset();
  wait_for_peers_end();
  peer_ends();
  EXPECT_EQ(result().end, PumpEnd::complete);
}

INSTANTIATE_TEST_SUITE_P(Policies, FarEofTest, ::testing::Values(FarEof::exit, FarEof::finish),
                         [](const auto& policy) {
                           return policy.param == FarEof::exit ? "exit" : "finish";
                         });

TEST_F(PumpTest, StandardInputsPolicyHoldsWhenThePeerHasEndedFirst) {
  for (const auto policy :
       {NearEof::half_close, NearEof::after_reply, NearEof::close, NearEof::keep}) {
    PumpOptions options;
    options.near_eof = policy;
    options.far_eof = FarEof::finish;
    at_peer.clear();
    start(tcp_pair(), options);
    ::shutdown(peer.get(), SHUT_WR);
    settle();
    ASSERT_FALSE(is_over());
    write_all(stdin_writer.get(), "late");
    stdin_writer.reset();
    const PumpResult outcome = result();
    EXPECT_EQ(outcome.end, PumpEnd::complete);
    EXPECT_EQ(outcome.sent, 4U);
    EXPECT_EQ(peer_reads(), "late");
  }
}

// --- one direction only --------------------------------------------------------------------------

TEST_F(PumpTest, LeavesStandardInputAloneIfItOnlyReceives) {
  PumpOptions options;
  options.sends = false;
  start(tcp_pair(), options);
  write_all(stdin_writer.get(), "not yours");
  write_all(peer.get(), "news");
  wait([&] { return stdout_gets() == "news"; });
  peer_reads();
  EXPECT_FALSE(peer_saw_end);
  EXPECT_EQ(at_peer, "");
  peer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.undelivered, 0U);
}

TEST_F(PumpTest, ThrowsAwayWhatItReceivesIfItOnlySends) {
  PumpOptions options;
  options.receives = false;
  start(tcp_pair(), options);
  const std::string noise = bulk_bytes(1 << 20);
  std::size_t fed = 0;
  wait([&] {
    const ssize_t size = ::write(peer.get(), noise.data() + fed, noise.size() - fed);
    if (size > 0) fed += static_cast<std::size_t>(size);
    return fed == noise.size();
  });
  write_all(stdin_writer.get(), "all");
  stdin_writer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, 3U);
  EXPECT_EQ(stdout_gets(), "");
}

TEST_F(PumpTest, GoesOnSendingAfterThePeersEndIfItOnlySends) {
  PumpOptions options;
  options.receives = false;
  options.far_eof = FarEof::finish;
  start(tcp_pair(), options);
  ::shutdown(peer.get(), SHUT_WR);
  settle();
  ASSERT_FALSE(is_over());
  write_all(stdin_writer.get(), "all");
  wait_for_peer_to_get("all");
  stdin_writer.reset();
  EXPECT_EQ(result().end, PumpEnd::complete);
}

// --- limits and interruptions --------------------------------------------------------------------

TEST_F(PumpTest, EndsAfterSilence) {
  PumpOptions options;
  options.idle_timeout = std::chrono::milliseconds(30);
  const auto begin = loop.now();
  start(tcp_pair(), options);
  EXPECT_EQ(result().end, PumpEnd::idle_timeout);
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(30));
}

TEST_F(PumpTest, CountsSilenceFromTheLastByteEitherWay) {
  PumpOptions options;
  options.idle_timeout = std::chrono::milliseconds(100);
  const auto begin = loop.now();
  start(tcp_pair(), options);
  for (int i = 0; i < 10; ++i) {
    const auto next = Clock::now() + std::chrono::milliseconds(20);
    write_all(i % 2 == 0 ? stdin_writer.get() : peer.get(), ".");
    wait([&] { return Clock::now() >= next || is_over(); });
  }
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::idle_timeout);
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(280));
  EXPECT_EQ(outcome.sent, 5U);
  EXPECT_EQ(outcome.received, 5U);
}

TEST_F(PumpTest, AnInterruptWritesWhatWasReceived) {
  SocketPair in = pipe_pair();
  SocketPair out = unix_pair();
  stdout_reader = std::move(out.first);
  // An inherited socket is written to by copying, so that the pump holds bytes.
  start(tcp_pair(), ByteEnd::own(std::move(in.first)),
        ByteEnd::inherited(out.second.release(), ByteEnd::Access::write));
  fill(peer.get());
  wait([&] { return pump->down()->bytes_read() > pump->down()->bytes_written(); });
  const std::uint64_t read = pump->down()->bytes_read();
  pump->interrupt();
  settle();
  EXPECT_FALSE(is_over());
  wait([&] { return stdout_gets(), is_over(); });
  const PumpResult outcome = future.get();
  EXPECT_EQ(outcome.end, PumpEnd::interrupted);
  EXPECT_EQ(outcome.received, read);
  EXPECT_EQ(stdout_gets().size(), read);
}

TEST_F(PumpTest, AnInterruptEndsAtOnceIfThereIsNothingToWrite) {
  start(tcp_pair());
  settle();
  pump->interrupt();
  EXPECT_EQ(result().end, PumpEnd::interrupted);
}

TEST_F(PumpTest, AnInterruptEndsTheWaitForStandardInput) {
  PumpOptions options;
  options.far_eof = FarEof::finish;
  start(tcp_pair(), options);
  peer.reset();
  wait([&] { return stdout_gets(), stdout_saw_end; });
  pump->interrupt();
  EXPECT_EQ(result().end, PumpEnd::interrupted);
}

TEST_F(PumpTest, CutOffEndsNow) {
  start(tcp_pair());
  fill(peer.get());
  settle();
  pump->cut_off();
  ASSERT_TRUE(is_over());
  const PumpResult outcome = future.get();
  EXPECT_EQ(outcome.end, PumpEnd::cut_off);
  turn_while_busy(loop);
  EXPECT_EQ(outcome.received, stdout_gets().size());
}

// --- life ----------------------------------------------------------------------------------------

TEST_F(PumpTest, MayBeRemovedWhenASideEnds) {
  for (const Side side : {Side::near, Side::far}) {
    start(tcp_pair());
    int calls = 0;
    pump->on_eof([&](Side ended) {
      EXPECT_EQ(ended, side);
      ++calls;
      std::exchange(pump, nullptr)->remove();
    });
    side == Side::near ? stdin_writer.reset() : peer.reset();
    wait([&] { return calls > 0; });
    turn_while_busy(loop);
    ASSERT_TRUE(future.ready());
    EXPECT_THROW(future.get(), Error);
    EXPECT_EQ(calls, 1);
  }
}

TEST_F(PumpTest, MayBeRemovedByOthersAtAnyTime) {
  start(tcp_pair());
  fill(peer.get());
  write_all(stdin_writer.get(), "bytes");
  settle();
  std::exchange(pump, nullptr)->remove();
  EXPECT_NO_THROW(turn_while_busy(loop));
  ASSERT_TRUE(future.ready());
  EXPECT_THROW(future.get(), Error);
}

TEST_F(PumpTest, MayBeRemovedBeforeItsFirstTurn) {
  start(tcp_pair());
  std::exchange(pump, nullptr)->remove();
  EXPECT_NO_THROW(turn_while_busy(loop));
}

TEST_F(PumpTest, NeedsNobodyToWaitForItsResult) {
  start(tcp_pair());
  future = {};
  stdin_writer.reset();
  peer.reset();
  pump = nullptr;
  settle();
  EXPECT_TRUE(stdout_gets().empty() && stdout_saw_end);
}

TEST_F(PumpTest, NamesItsMethodsForThoseWhoReportThem) {
  start(tcp_pair());
  settle();
  EXPECT_EQ(Flow::name(pump->up()->method()), "splice");
  EXPECT_EQ(Flow::name(pump->down()->method()), "splice");
}

}  // namespace
}  // namespace ioa::test
