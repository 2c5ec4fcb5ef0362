#include "ioa/loop/callback_monitor.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ioa/loop/timeout.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/recording_sink.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class SlowCallbackTest : public test::FakeLoopTest {
 protected:
  SlowCallbackTest() {
    loop.set_event_sink(&sink);
    loop.set_slow_callback_limit(10ms);
  }
  ~SlowCallbackTest() override { loop.set_event_sink(nullptr); }

  test::RecordingSink sink;
};

TEST_F(SlowCallbackTest, IsReportedWithWhatItWas) {
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { fake.advance(11ms); });
  watch.start(5, IoEvent::read);
  fake.set_ready(5, IoEvent::read);
  const SignalWatch signal(loop, SIGUSR1, [&] { fake.advance(12ms); });
  fake.raise(SIGUSR1);
  loop.post([&] { fake.advance(13ms); });
  TimeWatch timer(loop.timers(), [&] { fake.advance(14ms); });
  timer.arm(loop.now());
  loop.later([&] { fake.advance(15ms); });
  loop.turn();
  fake.set_ready(5, {});
  EXPECT_THAT(sink.lines(),
              ElementsAre("callback.slow kind=signal signal=10 duration_ms=* limit_ms=*",
                          "callback.slow kind=descriptor descriptor=5 duration_ms=* limit_ms=*",
                          "callback.slow kind=posted duration_ms=* limit_ms=*",
                          "callback.slow kind=timer duration_ms=* limit_ms=*",
                          "callback.slow kind=deferred duration_ms=* limit_ms=*"));
}

TEST_F(SlowCallbackTest, AQuickOneIsNot) {
  loop.later([&] { fake.advance(10ms); });
  TimeWatch timer(loop.timers(), [&] { fake.advance(10ms); });
  timer.arm(loop.now() + 1h);
  loop.turn();
  loop.turn();
  EXPECT_THAT(sink.lines(), ElementsAre());
}

TEST_F(SlowCallbackTest, AReactionIsACallbackToo) {
  auto& notifier = loop.add(std::make_unique<Notifier>());
  struct Slow {
    static Future<> work(Loop& loop, test::FakeBackend& fake) {
      co_await loop.next_turn();
      fake.advance(1s);
    }
  };
  notifier.adopt(Slow::work(loop, fake));
  test::turn_while_busy(loop);
  EXPECT_THAT(sink.lines(), ElementsAre("callback.slow kind=reaction duration_ms=* limit_ms=*"));
}

TEST_F(SlowCallbackTest, OneThatThrowsIsReportedToo) {
  loop.later([&] {
    fake.advance(1s);
    throw std::runtime_error("no");
  });
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_EQ(sink.lines().size(), 1U);
}

TEST_F(SlowCallbackTest, ASinkThatThrowsDoesNotEndTheProgram) {
  sink.on_event = [](std::string_view) { throw std::runtime_error("thrown by the sink"); };
  bool has_run = false;
  loop.later([&] { fake.advance(1s); });
  loop.later([&] { has_run = true; });
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_TRUE(has_run);
}

TEST_F(SlowCallbackTest, TimeInTurnsInsideItIsTheirs) {
  loop.later([&] {
    loop.run(sleep_for(loop, 1h));
    TimeWatch timer(loop.timers(), [&] { fake.advance(1s); });
    timer.arm(loop.now());
    loop.turn();
  });
  loop.turn();
  EXPECT_THAT(sink.lines(), ElementsAre("callback.slow kind=timer duration_ms=* limit_ms=*"));
}

TEST_F(SlowCallbackTest, MayDestroyWhatItIsCalledFor) {
  auto watch = std::make_unique<IoWatch>(loop);
  watch->set_callback([&](IoEvent) {
    fake.advance(1s);
    watch.reset();
  });
  watch->start(5, IoEvent::read);
  fake.set_ready(5, IoEvent::read);
  loop.turn();
  EXPECT_EQ(sink.lines().size(), 1U);
}

TEST_F(SlowCallbackTest, MayTurnTheReportsOffAndOn) {
  loop.later([&] {
    loop.set_slow_callback_limit(std::nullopt);
    fake.advance(1s);
  });
  loop.later([&] { fake.advance(1s); });
  loop.turn();
  EXPECT_EQ(loop.monitor(), nullptr);
  loop.later([&] {
    loop.set_slow_callback_limit(1ms);
    fake.advance(1s);
  });
  loop.turn();
  EXPECT_THAT(sink.lines(), ElementsAre());
  loop.later([&] { fake.advance(1s); });
  loop.turn();
  EXPECT_EQ(sink.lines().size(), 1U);
}

TEST_F(SlowCallbackTest, TheTurnGoesOnAsWithoutIt) {
  std::string log;
  int timers = 0;
  TimeWatch again(loop.timers());
  again.set_callback([&] {
    log += 't';
    if (++timers < 3) again.arm(loop.now() - 1s);
  });
  again.arm(loop.now());
  loop.later([&] {
    log += 'd';
    loop.later([&] { log += 'e'; });
  });
  EXPECT_EQ(loop.turn(), 2U);
  EXPECT_EQ(log, "td");
  EXPECT_EQ(loop.turn(), 2U);
  EXPECT_EQ(log, "tdte");
  EXPECT_EQ(loop.metrics().timer_callbacks, 2U);
}

}  // namespace
}  // namespace ioa
