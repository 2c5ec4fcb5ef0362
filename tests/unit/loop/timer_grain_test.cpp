// Timers that come due soon after others are fired together: Loop::kTimerGrain.
#include <chrono>
#include <memory>
#include <vector>

#include "tests/support/loop_fixture.hpp"

namespace ioa::test {
namespace {

using namespace std::chrono_literals;

class TimerGrainTest : public FakeLoopTest {
 protected:
  /// A timer due after `delay`, which notes when it fires.
  std::unique_ptr<TimeWatch> timer(Duration delay) {
    auto watch =
        std::make_unique<TimeWatch>(loop.timers(), [this] { fired.push_back(loop.now() - begin); });
    watch->arm(begin + delay);
    return watch;
  }

  const TimePoint begin = loop.now();
  std::vector<Duration> fired;
};

TEST_F(TimerGrainTest, ATimerThatComesAloneIsNotLate) {
  const auto a = timer(10ms);
  const auto b = timer(10ms + Loop::kTimerGrain + 1ns);
  while (fired.size() < 2) loop.turn();
  EXPECT_EQ(fired, (std::vector<Duration>{10ms, 10ms + Loop::kTimerGrain + 1ns}));
}

TEST_F(TimerGrainTest, TimersThatFollowAnotherOneSoonFireTogether) {
  const auto a = timer(10ms);
  const auto b = timer(10ms + 1us);
  const auto c = timer(10ms + 20us);
  loop.turn();
  EXPECT_EQ(fired, (std::vector<Duration>{10ms}));
  loop.turn();
  const Duration together = 10ms + Loop::kTimerGrain;
  EXPECT_EQ(fired, (std::vector<Duration>{10ms, together, together}));
}

TEST_F(TimerGrainTest, WhatIsDueAlreadyDoesNotWait) {
  int count = 0;
  TimeWatch again(loop.timers());
  again.set_callback([&] {
    if (++count < 5) again.arm(loop.now());
  });
  again.arm(begin);
  for (int i = 0; i < 5; ++i) loop.turn();
  EXPECT_EQ(count, 5);
  EXPECT_EQ(loop.now(), begin);
}

}  // namespace
}  // namespace ioa::test
