#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ioa/loop/timeout.hpp"
#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

class LoopTimerTest : public test::LoopConformance {
 protected:
  std::string log;
  TimeWatch timer(char name) {
    return TimeWatch(loop.timers(), [this, name] { log += name; });
  }
};

TEST_P(LoopTimerTest, FiresAtItsDeadlineNotBefore) {
  TimePoint fired{};
  TimeWatch watch(loop.timers(), [&] { fired = clock(); });
  for (const Duration delay : {Duration(20ms), Duration(1ms), Duration(1'234'567ns)}) {
    fired = {};
    const TimePoint due = clock() + delay;
    watch.arm(due);
    while (fired == TimePoint{}) loop.turn();
    EXPECT_GE(fired, due);
    EXPECT_LT(fired, due + kMuchLater);
  }
}

TEST_P(LoopTimerTest, OneTurnSufficesForATimerWithinItsTimeout) {
  TimeWatch watch = timer('a');
  const TimePoint begin = clock();
  watch.arm(begin + 100ms);
  EXPECT_EQ(loop.turn(30s), 1U);
  EXPECT_EQ(log, "a");
  EXPECT_GE(clock() - begin, 100ms);
  EXPECT_LT(clock() - begin, kMuchLater);
}

TEST_P(LoopTimerTest, ADeadlineThatIsNoLongerNeededEndsNoTurn) {
  // The backend may still have its alarm set for the earlier time.
  test::SocketPair pair = test::unix_pair();
  test::write_all(pair.second.get(), "x");
  TimeWatch early = timer('!');
  TimeWatch late = timer('a');
  {
    IoWatch readable(loop);
    readable.start(pair.first.get(), IoEvent::read);
    early.arm(clock() + 30ms);
    loop.turn();  // ended by the data
  }
  early.disarm();
  const TimePoint begin = clock();
  late.arm(begin + 80ms);
  EXPECT_EQ(loop.turn(30s), 1U);
  EXPECT_EQ(log, "a");
  EXPECT_GE(clock() - begin, 80ms);
}

TEST_P(LoopTimerTest, AnEarlierDeadlineTakesOverFromALaterOne) {
  test::SocketPair pair = test::unix_pair();
  test::write_all(pair.second.get(), "x");
  TimeWatch late = timer('!');
  TimeWatch early = timer('a');
  late.arm(clock() + 60s);
  {
    IoWatch readable(loop);
    readable.start(pair.first.get(), IoEvent::read);
    loop.turn();  // waits for the later deadline, ended by the data
  }
  const TimePoint begin = clock();
  early.arm(begin + 10ms);
  EXPECT_EQ(loop.turn(30s), 1U);
  EXPECT_EQ(log, "a");
  EXPECT_LT(clock() - begin, kMuchLater);
}

TEST_P(LoopTimerTest, ATurnEndsAtItsTimeoutBeforeTheDeadline) {
  TimeWatch watch = timer('a');
  watch.arm(clock() + 30s);
  const TimePoint begin = clock();
  EXPECT_EQ(loop.turn(20ms), 0U);
  EXPECT_GE(clock() - begin, 20ms);
  EXPECT_LT(clock() - begin, kMuchLater);
  EXPECT_TRUE(watch.is_armed());
}

TEST_P(LoopTimerTest, FiresInTheOrderOfTheDeadlines) {
  TimeWatch a = timer('a');
  TimeWatch b = timer('b');
  TimeWatch c = timer('c');
  const TimePoint begin = clock();
  c.arm(begin + 20ms);
  a.arm(begin + 5ms);
  b.arm(begin + 10ms);
  while (log.size() < 3) loop.turn();
  EXPECT_EQ(log, "abc");
}

TEST_P(LoopTimerTest, EqualDeadlinesAreFirstInFirstOut) {
  std::vector<std::unique_ptr<TimeWatch>> timers;
  const TimePoint due = clock() + 5ms;
  for (char name = 'a'; name <= 'j'; ++name) {
    timers.push_back(std::make_unique<TimeWatch>(loop.timers(), [this, name] { log += name; }));
    timers.back()->arm(due);
  }
  loop.turn(30s);
  EXPECT_EQ(log, "abcdefghij");
}

TEST_P(LoopTimerTest, ATimeThatHasPassedMeansTheNextTurn) {
  TimeWatch watch = timer('a');
  watch.arm(clock() - 1s);
  EXPECT_EQ(log, "");
  EXPECT_EQ(turn_now(), 1U);
  EXPECT_EQ(log, "a");
}

TEST_P(LoopTimerTest, ReArmingIntoThePastRunsOnceATurn) {
  int calls = 0;
  TimeWatch watch(loop.timers());
  watch.set_callback([&] {
    ++calls;
    watch.arm(loop.now() - 1s);
  });
  watch.arm(loop.now());
  for (int turns = 1; turns <= 5; ++turns) {
    EXPECT_EQ(loop.turn(), 1U);
    EXPECT_EQ(calls, turns);
  }
}

// Or it could starve what the kernel has to tell.
TEST_P(LoopTimerTest, ATimerThatIsArmedInATurnWaitsForTheNextOne) {
  for (const bool is_other_waiting : {false, true}) {
    log.clear();
    TimeWatch other(loop.timers(), [&] { log += 'o'; });
    if (is_other_waiting) other.arm(loop.now() - 1s);
    TimeWatch late(loop.timers(), [&] { log += 'l'; });
    loop.post([&] {
      loop.refresh_now();
      late.arm(loop.now() - 1s);
    });
    loop.turn();
    EXPECT_EQ(log, is_other_waiting ? "o" : "");
    loop.turn();
    EXPECT_EQ(log, is_other_waiting ? "ol" : "l");
  }
}

TEST_P(LoopTimerTest, ADisarmedTimerDoesNotFire) {
  TimeWatch a = timer('a');
  TimeWatch b = timer('b');
  a.arm(clock() + 5ms);
  b.arm(clock() + 10ms);
  a.disarm();
  loop.turn(30s);
  EXPECT_EQ(log, "b");
}

TEST_P(LoopTimerTest, AFiringTimerMayDisarmTheNext) {
  TimeWatch b = timer('b');
  TimeWatch a(loop.timers(), [&] {
    log += 'a';
    b.disarm();
  });
  a.arm(clock() - 2ms);
  b.arm(clock() - 1ms);
  turn_now();
  EXPECT_EQ(log, "a");
}

TEST_P(LoopTimerTest, MovingLaterAndEarlierTakesEffect) {
  TimeWatch a = timer('a');
  TimeWatch b = timer('b');
  const TimePoint begin = clock();
  a.arm(begin + 10ms);
  a.arm(begin + 60s);
  b.arm(begin + 60s);
  b.arm(begin + 20ms);
  loop.turn(30s);
  EXPECT_EQ(log, "b");
  EXPECT_GE(clock() - begin, 20ms);
}

TEST_P(LoopTimerTest, TheTimeStandsStillWithinATurn) {
  TimePoint first{};
  loop.later([&] {
    first = loop.now();
    const auto real = Clock::now();
    while (Clock::now() - real < 2ms) {
    }
    EXPECT_EQ(loop.now(), first);
    loop.refresh_now();
    EXPECT_GE(loop.now(), first);
  });
  loop.turn();
  EXPECT_NE(first, TimePoint{});
}

TEST_P(LoopTimerTest, TimersRunInsideANestedTurn) {
  TimeWatch b = timer('b');
  TimeWatch a(loop.timers(), [&] {
    log += '(';
    b.arm(clock() + 5ms);
    loop.turn(30s);
    log += ')';
  });
  a.arm(clock() + 1ms);
  loop.turn(30s);
  EXPECT_EQ(log, "(b)");
}

TEST_P(LoopTimerTest, APeriodicTimerGoesOnThroughItsOwnNestedTurn) {
  int calls = 0;
  TimeWatch watch(loop.timers());
  watch.set_callback([&] {
    watch.arm(loop.now() + 1ms);
    if (++calls != 2) return;
    while (calls < 4) loop.turn(30s);
  });
  watch.arm(loop.now());
  while (calls < 6) loop.turn(30s);
  EXPECT_EQ(calls, 6);
}

TEST_P(LoopTimerTest, MoreTimersThanATurnTakesAreRunWithoutWaiting) {
  constexpr std::size_t kMany = Loop::kTimersPerTurn + 100;
  std::size_t calls = 0;
  std::vector<std::unique_ptr<TimeWatch>> timers;
  for (std::size_t i = 0; i < kMany; ++i) {
    timers.push_back(std::make_unique<TimeWatch>(loop.timers(), [&calls] { ++calls; }));
    timers.back()->arm(loop.now());
  }
  EXPECT_EQ(loop.turn(), Loop::kTimersPerTurn);
  EXPECT_EQ(loop.turn(), 100U);
  EXPECT_EQ(calls, kMany);
}

TEST_P(LoopTimerTest, AnExceptionLeavesTheOthersQueued) {
  TimeWatch a(loop.timers(), [] { throw std::runtime_error("no"); });
  TimeWatch b = timer('b');
  a.arm(clock() - 2ms);
  b.arm(clock() - 1ms);
  EXPECT_THROW(turn_now(), std::runtime_error);
  EXPECT_EQ(log, "");
  turn_now();
  EXPECT_EQ(log, "b");
}

TEST_P(LoopTimerTest, SleepingTakesAtLeastItsTime) {
  const TimePoint begin = loop.now();
  loop.run(sleep_for(loop, 20ms));
  EXPECT_GE(clock() - begin, 20ms);
  EXPECT_LT(clock() - begin, kMuchLater);
}

TEST_P(LoopTimerTest, ADroppedSleepIsForgotten) {
  sleep_for(loop, 1h).cancel();
  EXPECT_TRUE(loop.timers().empty());
  Future<> none = sleep_for(loop, -1s);
  EXPECT_FALSE(none.ready());
  turn_now();
  EXPECT_TRUE(none.ready());
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopTimerTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
