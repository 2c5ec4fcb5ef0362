// Near sides that are no standard input and output: sockets, children, what only stores.
#include <gtest/gtest.h>

#include <string>

#include "ioa/io/pump.hpp"
#include "tests/unit/io/end_kinds.hpp"
#include "tests/unit/io/pump_fixture.hpp"

namespace ioa::test {
namespace {

class PumpNearTest : public PumpTest {
 protected:
  /// Joins two connections; `near_peer` is who is at the other end of the near one.
  void join(SocketPair near, PumpOptions options = {}) {
    near_peer = std::move(near.second);
    options.near_half_closes = true;
    ByteEnd sink = ByteEnd::borrow(near.first.get());
    start(tcp_pair(), ByteEnd::own(std::move(near.first)), std::move(sink), std::move(options));
  }
  std::string near_reads() {
    char chunk[65536];
    for (;;) {
      const ssize_t size = ::recv(near_peer.get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (size == 0) near_saw_end = true;
      if (size <= 0) return at_near;
      at_near.append(chunk, static_cast<std::size_t>(size));
    }
  }
  void reset_near() {
    const linger now{1, 0};
    ::setsockopt(near_peer.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    near_peer.reset();
  }

  UniqueFd near_peer;
  std::string at_near;
  bool near_saw_end = false;
};

TEST_F(PumpNearTest, PassesTheFarEndOnAndGoesOnTheOtherWay) {
  PumpOptions options;
  options.far_eof = FarEof::finish;
  join(tcp_pair(), options);
  write_all(peer.get(), "question");
  ::shutdown(peer.get(), SHUT_WR);
  wait([&] { return near_reads(), near_saw_end; }, "the near peer to see the end");
  EXPECT_EQ(at_near, "question");
  EXPECT_FALSE(is_over());
  write_all(near_peer.get(), "answer");
  near_peer.reset();
  wait_for_peers_end();
  EXPECT_EQ(at_peer, "answer");
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.received, 8U);
}

TEST_F(PumpNearTest, PassesTheNearEndOnAndGoesOnTheOtherWay) {
  join(unix_pair());
  write_all(near_peer.get(), "question");
  ::shutdown(near_peer.get(), SHUT_WR);
  wait_for_peers_end();
  write_all(peer.get(), "answer");
  peer.reset();
  wait([&] { return near_reads(), near_saw_end; }, "the near peer to see the end");
  EXPECT_EQ(at_near, "answer");
  EXPECT_EQ(result().end, PumpEnd::complete);
}

TEST_F(PumpNearTest, AFreshConnectionIsReadOnceItIsReadable) {
  for (const bool speaks : {true, false}) {
    SocketPair near = tcp_pair();
    near_peer = std::move(near.second);
    PumpOptions options;
    options.near_half_closes = true;
    ByteEnd sink = ByteEnd::borrow_socket(near.first.get());
    start(tcp_pair(), ByteEnd::connected(std::move(near.first)), std::move(sink), options);
    settle();
    if (speaks) {
      write_all(near_peer.get(), "220 ready");
      wait_for_peer_to_get("220 ready");
    }
    // What it has ready is looked for, which is nothing.
    peer.reset();
    EXPECT_EQ(result().end, PumpEnd::complete);
    at_peer.clear();
  }
}

TEST_F(PumpNearTest, WhereBothHaveEndedThePeerSeesItThoughTheNearOneHasNotGotAll) {
  PumpOptions options;
  options.far_eof = FarEof::finish;
  join(tcp_pair(), options);
  const std::string much = bulk_bytes(1 << 20);
  std::size_t fed = 0;
  wait([&] {
    const ssize_t size =
        ::send(peer.get(), much.data() + fed, much.size() - fed, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > 0) fed += static_cast<std::size_t>(size);
    return fed == much.size();
  });
  ::shutdown(peer.get(), SHUT_WR);
  ::shutdown(near_peer.get(), SHUT_WR);
  wait_for_peers_end();
  EXPECT_FALSE(is_over()) << "the near peer has read nothing";
  wait([&] { return near_reads(), near_saw_end; }, "the near peer to see the end");
  EXPECT_TRUE(at_near == much);
  EXPECT_EQ(result().end, PumpEnd::complete);
}

TEST_F(PumpNearTest, AResetOfTheNearPeerIsAFailureOfTheNearSide) {
  PumpOptions options;
  options.near_source_name = options.near_sink_name = "there";
  join(tcp_pair(), options);
  write_all(peer.get(), "12345");
  wait([&] { return near_reads() == "12345"; }, "the near peer to get its bytes");
  reset_near();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::near_failed);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->subject(), "there");
  EXPECT_EQ(outcome.received, 5U);
}

TEST_F(PumpNearTest, ANearSideThatHasGoneEndsItOnceWhatItLeftIsSent) {
  start(tcp_pair());
  write_all(stdin_writer.get(), "last words");
  pump->end_near();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, 10U);
  EXPECT_EQ(peer_reads(), "last words");
}

TEST_F(PumpNearTest, ANearSideThatHasGoneAfterItsEndEndsItAtOnce) {
  start(tcp_pair());
  stdin_writer.reset();
  wait_for_peers_end();
  EXPECT_FALSE(is_over());
  pump->end_near();
  EXPECT_EQ(result().end, PumpEnd::complete);
}

TEST_F(PumpNearTest, AReaderThatMayLeaveIsNoFailureAndWhatItMissedIsCounted) {
  PumpOptions options;
  options.near_reader_may_leave = true;
  options.near_half_closes = true;
  start(tcp_pair(), options);
  stdout_reader.reset();
  write_all(peer.get(), "for nobody");
  settle();
  EXPECT_FALSE(is_over());
  write_all(stdin_writer.get(), "still there");
  wait_for_peer_to_get("still there");
  stdin_writer.reset();
  peer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.received, 0U);
  EXPECT_EQ(outcome.unwanted, 10U);
}

TEST_F(PumpNearTest, ARateHoldsBothWays) {
  PumpOptions options;
  options.rate = 1'000'000;
  join(tcp_pair(), options);
  const std::string bytes = bulk_bytes(40'000);
  const auto began = Clock::now();
  write_all(near_peer.get(), bytes);
  write_all(peer.get(), bytes);
  wait([&] { return near_reads() == bytes && peer_reads() == bytes; }, "the bytes");
  EXPECT_GE(Clock::now() - began, std::chrono::milliseconds(25));
}

TEST_F(PumpNearTest, GeneratedBytesAreSentToTheirEnd) {
  PumpOptions options;
  options.far_eof = FarEof::finish;
  start(tcp_pair(), ByteEnd::generated(std::make_unique<ZeroGenerator>(3'000'000)),
        ByteEnd::discard(), options);
  wait_for_peers_end();
  EXPECT_EQ(at_peer.size(), 3'000'000U);
  peer.reset();
  const PumpResult outcome = result();
  EXPECT_EQ(outcome.end, PumpEnd::complete);
  EXPECT_EQ(outcome.sent, 3'000'000U);
}

}  // namespace
}  // namespace ioa::test
