#include "ioa/net/datagram_pump.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "tests/unit/net/datagram_pump_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::string_view_literals;
using ::testing::ElementsAre;

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

}  // namespace
}  // namespace ioa::test
