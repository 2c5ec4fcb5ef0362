#include "ioa/timer/periodic_timer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

class PeriodicTimerTest : public test::FakeLoopTest {
 protected:
  PeriodicTimer& add(Duration interval, MissedTicks policy = MissedTicks::skip) {
    auto& timer = loop.add(std::make_unique<PeriodicTimer>(interval, policy));
    timer.on_tick([this](PeriodicTimer& self) { note(self); });
    return timer;
  }
  /// Writes down when it ticks, in milliseconds since the start.
  void note(PeriodicTimer& self) {
    at.push_back((fake.now() - begin) / 1ms);
    missed.push_back(self.missed());
    if (at.size() == stall_at) fake.advance(stall);
  }
  void pass(Duration time) {
    const TimePoint end = fake.now() + time;
    while (fake.now() < end) loop.turn(end - fake.now());
    test::turn_while_busy(loop);
  }
  /// Interval 100 ms; the second tick takes 250 ms.
  void run_with_a_stall(MissedTicks policy) {
    stall_at = 2;
    stall = 250ms;
    add(100ms, policy).start();
    while (at.size() < 6) loop.turn();
  }

  using Times = std::vector<std::int64_t>;
  using Counts = std::vector<std::uint64_t>;
  TimePoint begin = fake.now();
  Times at;
  Counts missed;
  std::size_t stall_at = 0;
  Duration stall{};
};

TEST_F(PeriodicTimerTest, TicksAtEveryInterval) {
  auto& timer = add(100ms);
  EXPECT_EQ(&timer.start(), &timer);
  pass(350ms);
  EXPECT_EQ(at, (Times{100, 200, 300}));
  EXPECT_EQ(timer.ticks(), 3U);
  EXPECT_TRUE(timer.is_running());
  timer.stop();
  pass(1s);
  EXPECT_EQ(at.size(), 3U);
}

TEST_F(PeriodicTimerTest, SkippingDropsWhatIsMissedAndKeepsThePhase) {
  run_with_a_stall(MissedTicks::skip);
  EXPECT_EQ(at, (Times{100, 200, 500, 600, 700, 800}));
  EXPECT_EQ(missed, (Counts{0, 0, 2, 0, 0, 0}));
}

TEST_F(PeriodicTimerTest, CatchingUpDeliversWhatIsOverdueBackToBack) {
  run_with_a_stall(MissedTicks::catch_up);
  EXPECT_EQ(at, (Times{100, 200, 450, 450, 500, 600}));
  EXPECT_EQ(missed, (Counts{0, 0, 0, 0, 0, 0}));
}

TEST_F(PeriodicTimerTest, DriftingCountsFromTheEndOfTheCallback) {
  run_with_a_stall(MissedTicks::drift);
  EXPECT_EQ(at, (Times{100, 200, 550, 650, 750, 850}));
}

TEST_F(PeriodicTimerTest, ATickThatIsLateByAWholeIntervalIsNotFollowedAtOnce) {
  // Exactly on the next one's time: a step of zero, by the obvious formula.
  stall_at = 2;
  stall = 100ms;
  add(100ms).start();
  while (at.size() < 4) loop.turn();
  EXPECT_EQ(at, (Times{100, 200, 400, 500}));
  EXPECT_EQ(missed, (Counts{0, 0, 1, 0}));
}

TEST_F(PeriodicTimerTest, ALateLoopIsAsALateCallback) {
  auto& timer = add(100ms);
  timer.start();
  fake.advance(250ms);
  loop.turn();
  EXPECT_EQ(timer.due(), begin + 100ms);
  EXPECT_EQ(loop.now() - timer.due(), 150ms);
  while (at.size() < 3) loop.turn();
  EXPECT_EQ(at, (Times{250, 300, 400}));
  EXPECT_EQ(missed, (Counts{0, 1, 0}));
}

TEST_F(PeriodicTimerTest, OverdueTicksLeaveTheKernelItsTurn) {
  add(100ms, MissedTicks::catch_up).start();
  fake.advance(1s);
  const std::size_t waits = fake.waits();
  EXPECT_EQ(loop.turn(0s), 1U) << "one a turn";
  EXPECT_EQ(fake.waits(), waits + 1);
  while (at.size() < 10) loop.turn(0s);
  EXPECT_EQ(fake.now(), begin + 1s);
  EXPECT_EQ(fake.waits(), waits + 10);
}

TEST_F(PeriodicTimerTest, TheFirstIntervalCountsAfterEveryStart) {
  auto& timer = add(100ms);
  timer.set_first_interval(10ms);
  timer.start();
  pass(250ms);
  EXPECT_EQ(at, (Times{10, 110, 210}));
  timer.stop();
  timer.start();
  EXPECT_EQ(timer.ticks(), 0U);
  pass(150ms);
  EXPECT_EQ(at, (Times{10, 110, 210, 260, 360}));
}

TEST_F(PeriodicTimerTest, AFirstIntervalOfZeroMeansTheNextTurn) {
  auto& timer = add(100ms);
  timer.set_first_interval(0s);
  timer.start();
  EXPECT_EQ(at, (Times{}));
  loop.turn(0s);
  EXPECT_EQ(at, (Times{0}));
  pass(200ms);
  EXPECT_EQ(at, (Times{0, 100, 200}));
}

TEST_F(PeriodicTimerTest, SettingsOfARunningOneCannotChange) {
  auto& timer = add(100ms);
  timer.start();
  EXPECT_THROW(timer.start(), std::logic_error);
  EXPECT_THROW(timer.set_interval(1s), std::logic_error);
  EXPECT_THROW(timer.set_first_interval(1s), std::logic_error);
  EXPECT_THROW(timer.set_missed_ticks(MissedTicks::drift), std::logic_error);
  timer.stop();
  timer.set_interval(50ms);
  timer.set_missed_ticks(MissedTicks::drift);
  timer.start();
  pass(100ms);
  EXPECT_EQ(at, (Times{50, 100}));
  EXPECT_THROW(PeriodicTimer(0s), std::logic_error);
  EXPECT_THROW(PeriodicTimer(-1s), std::logic_error);
  timer.stop();
  EXPECT_THROW(timer.set_interval(0s), std::logic_error);
  EXPECT_THROW(timer.set_first_interval(-1ns), std::logic_error);
}

TEST_F(PeriodicTimerTest, AStopInsideItsCallbackIsHonoured) {
  for (const MissedTicks policy : {MissedTicks::skip, MissedTicks::catch_up, MissedTicks::drift}) {
    auto& timer = add(100ms, policy);
    timer.on_tick([](PeriodicTimer& self) {
      if (self.ticks() == 5) self.stop();
    });
    timer.start();
    pass(2s);
    EXPECT_EQ(timer.ticks(), 5U);
    EXPECT_FALSE(timer.is_running());
  }
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(PeriodicTimerTest, AStartAfterAStopInsideItsCallbackBeginsAnew) {
  auto& timer = add(100ms);
  timer.set_first_interval(30ms);
  timer.on_tick([this](PeriodicTimer& self) {
    note(self);
    if (at.size() != 2) return;
    self.stop();
    self.start();
  });
  timer.start();
  pass(280ms);
  EXPECT_EQ(at, (Times{30, 130, 160, 260}));
}

TEST_F(PeriodicTimerTest, AnExceptionLeavesTheLoopAndTheTicksGoOn) {
  auto& timer = add(100ms);
  timer.on_tick([this](PeriodicTimer& self) {
    note(self);
    if (at.size() == 2) throw std::runtime_error("no");
  });
  timer.start();
  Future<> second = timer.next_tick();
  loop.turn();
  EXPECT_THROW(loop.run(), std::runtime_error);
  while (at.size() < 10) loop.turn();
  EXPECT_EQ(at, (Times{100, 200, 300, 400, 500, 600, 700, 800, 900, 1000}));
}

TEST_F(PeriodicTimerTest, ItsTicksAreFutures) {
  auto& timer = add(100ms);
  timer.start();
  Future<> first = timer.next_tick();
  timer.next_tick().cancel();
  EXPECT_FALSE(settles(first));
  run(std::move(first));
  EXPECT_EQ(at, (Times{100}));
  std::optional<Future<>> in_callback;
  timer.on_tick([&](PeriodicTimer& self) {
    note(self);
    if (!in_callback) in_callback = self.next_tick();
  });
  run(timer.next_tick());
  EXPECT_FALSE(in_callback->ready()) << "the next one is not this one";
  run(std::move(*in_callback));
  EXPECT_EQ(at, (Times{100, 200, 300}));
}

TEST_F(PeriodicTimerTest, ACallbackMayRemoveItsTimer) {
  auto& timer = add(100ms);
  timer.on_tick([this](PeriodicTimer& self) {
    note(self);
    self.remove();
  });
  timer.start();
  pass(1s);
  EXPECT_EQ(at, (Times{100}));
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(PeriodicTimerTest, ItsCallbackIsNotCalledInATurnInsideItself) {
  auto& timer = add(100ms);
  timer.on_tick([this](PeriodicTimer& self) {
    note(self);
    if (at.size() == 1) pass(500ms);
  });
  timer.start();
  loop.turn();
  EXPECT_EQ(at, (Times{100}));
  pass(100ms);
  EXPECT_EQ(at, (Times{100, 700}));
  EXPECT_EQ(missed.back(), 5U);
}

TEST_F(PeriodicTimerTest, LeavingTheLoopStopsIt) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& timer = parent.add_child(std::make_unique<PeriodicTimer>(1s));
  timer.start();
  parent.add_child(parent.release_child(timer));
  EXPECT_FALSE(timer.is_running());
}

TEST_F(PeriodicTimerTest, AnEndlessIntervalDoesNotOverflow) {
  auto& timer = add(Duration::max());
  timer.set_first_interval(0s);
  timer.start();
  pass(1h);
  EXPECT_EQ(timer.ticks(), 1U);
}

}  // namespace
}  // namespace ioa
