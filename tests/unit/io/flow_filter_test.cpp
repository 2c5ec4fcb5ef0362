// Flows whose bytes are seen, changed, or held to a rate.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <csignal>
#include <string>

#include "ioa/io/flow.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/io/flow_fixture.hpp"

namespace ioa::test {
namespace {

using Method = Flow::Method;
using State = Flow::State;

/// Doubles every byte, and keeps what was delivered.
class Doubler final : public ByteFilter {
 public:
  std::string_view transform(std::string_view bytes) override {
    doubled.clear();
    for (const char c : bytes) doubled.append(2, c);
    return doubled;
  }
  void delivered(std::string_view bytes) override { seen += bytes; }
  std::string doubled;
  std::string seen;
};

class FlowFilterTest : public FlowTest {
 protected:
  void prepare(EndKind from, EndKind to, std::string bytes) {
    source.emplace(from, std::move(bytes));
    sink.emplace(to);
    flow.emplace(loop, source->end(), sink->end(), pool);
  }
  void start() {
    flow->start([this] { ++changes; });
  }
  static std::string twice(const std::string& bytes) {
    std::string doubled;
    for (const char c : bytes) doubled.append(2, c);
    return doubled;
  }
};

TEST_F(FlowFilterTest, ShowsEveryByteInItsOrderOnEveryPath) {
  const std::string bytes = bulk_bytes(1'000'000);
  for (const EndKind from : {EndKind::file, EndKind::pipe, EndKind::tcp}) {
    for (const EndKind to : {EndKind::pipe, EndKind::tcp}) {
      Doubler filter;
      prepare(from, to, bytes);
      flow->add_filter(filter);
      start();
      run_to_end();
      EXPECT_EQ(flow->state(), State::ended);
      EXPECT_EQ(flow->method(), Method::copy);
      const std::string arrived = sink->arrived();
      EXPECT_TRUE(arrived == twice(bytes));
      EXPECT_TRUE(filter.seen == arrived);
      EXPECT_EQ(flow->bytes_read(), 2'000'000U);
      EXPECT_EQ(flow->bytes_written(), 2'000'000U);
    }
  }
}

TEST_F(FlowFilterTest, DeliveredIsWhatTheSinkHasTakenAndNoMore) {
  Doubler filter;
  prepare(EndKind::file, EndKind::tcp, bulk_bytes(20'000'000));
  flow->add_filter(filter);
  start();
  run_until_stuck();
  EXPECT_EQ(filter.seen.size(), flow->bytes_written());
  EXPECT_LT(flow->bytes_written(), flow->bytes_read());
}

TEST_F(FlowFilterTest, SeveralSeeTheBytesInTurn) {
  Doubler first;
  Doubler second;
  prepare(EndKind::pipe, EndKind::pipe, "ab");
  flow->add_filter(first);
  flow->add_filter(second);
  start();
  run_to_end();
  EXPECT_EQ(sink->arrived(), "aaaabbbb");
  EXPECT_EQ(first.seen, "aaaabbbb");
}

// --- rates ---------------------------------------------------------------------------------------

TEST_F(FlowFilterTest, ARateHoldsOnEveryPath) {
  using Clock = std::chrono::steady_clock;
  const std::string bytes = bulk_bytes(50'000);
  for (const EndKind from : {EndKind::file, EndKind::pipe, EndKind::tcp}) {
    prepare(from, EndKind::tcp, bytes);
    loop.refresh_now();  // a rate counts in the loop's time, which may be old on a busy machine
    const auto began = Clock::now();
    flow->limit_rate(1'000'000);
    start();
    run_to_end();
    EXPECT_GE(Clock::now() - began, std::chrono::milliseconds(35));
    EXPECT_EQ(flow->state(), State::ended);
    EXPECT_TRUE(sink->arrived() == bytes);
  }
}

TEST_F(FlowFilterTest, StoppingDoesNotWaitForTheRate) {
  prepare(EndKind::file, EndKind::tcp, bulk_bytes(50'000));
  flow->limit_rate(1);
  start();
  for (int i = 0; i < 5; ++i) loop.turn(std::chrono::milliseconds(1));
  EXPECT_EQ(flow->state(), State::moving);
  flow->stop();
  run_to_end();
  EXPECT_EQ(flow->state(), State::stopped);
  EXPECT_EQ(flow->bytes_written(), flow->bytes_read());
}

TEST_F(FlowFilterTest, DrainingTakesAllThatIsReadyAtTheRate) {
  prepare(EndKind::pipe, EndKind::tcp, bulk_bytes(30'000));
  flow->limit_rate(1'000'000);
  source->ends = false;
  source->step(0);
  start();
  flow->drain();
  run_to_end();
  EXPECT_EQ(flow->state(), State::stopped);
  EXPECT_EQ(flow->bytes_written(), 30'000U);
}

// --- readers that leave --------------------------------------------------------------------------

class LeavingReaderTest : public RealLoopTest {
 protected:
  LeavingReaderTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~LeavingReaderTest() override { std::signal(SIGPIPE, SIG_DFL); }
};

TEST_F(LeavingReaderTest, IsForgivenAndTheSourceIsReadToItsEnd) {
  SocketPair in = pipe_pair();
  SocketPair out = pipe_pair();
  ByteEnd source = ByteEnd::own(std::move(in.first));
  ByteEnd sink = ByteEnd::own(std::move(out.second));
  PipePool pool;
  Flow flow(loop, source, sink, pool);
  flow.forgive_leaving_reader();
  flow.start([] {});
  write_all(in.second.get(), "taken");
  loop.turn(std::chrono::milliseconds(10));
  EXPECT_EQ(flow.bytes_written(), 5U);
  out.first.reset();
  write_all(in.second.get(), "for nobody");
  loop.turn(std::chrono::milliseconds(10));
  loop.turn(std::chrono::milliseconds(10));
  EXPECT_TRUE(flow.is_for_nobody());
  EXPECT_FALSE(flow.is_over());
  write_all(in.second.get(), "nor this");
  in.second.reset();
  for (int i = 0; i < 10 && !flow.is_over(); ++i) loop.turn(std::chrono::milliseconds(10));
  EXPECT_EQ(flow.state(), State::ended);
  EXPECT_EQ(flow.bytes_written(), 5U);
  EXPECT_EQ(flow.bytes_read(), 23U);
}

}  // namespace
}  // namespace ioa::test
