#include "ioa/timer/absolute_timer.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/child.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

class AbsoluteTimerTest : public test::FakeLoopTest {
 protected:
  AbsoluteTimer& add(WallTime time) {
    auto owned = std::make_unique<AbsoluteTimer>(time);
    owned->on_expire([this](AbsoluteTimer&) { log += 'x'; });
    return loop.add(std::move(owned));
  }
  void pass(Duration time) {
    const TimePoint end = fake.now() + time;
    while (fake.now() < end) loop.turn(end - fake.now());
    test::turn_while_busy(loop);
  }

  const WallTime wall = fake.wall_now();
  std::string log;
};

TEST_F(AbsoluteTimerTest, StartsByItselfAndCallsAtItsTime) {
  auto& timer = add(wall + 10s);
  EXPECT_TRUE(timer.is_running());
  pass(9999ms);
  EXPECT_EQ(log, "");
  pass(1ms);
  EXPECT_EQ(log, "x");
  EXPECT_TRUE(timer.is_expired());
  EXPECT_FALSE(timer.is_running());
  EXPECT_EQ(fake.wall_clock_targets(), 0U) << "an expired one need not know of steps";
}

TEST_F(AbsoluteTimerTest, ATimeThatHasPassedMeansTheNextTurn) {
  add(wall - 1h);
  EXPECT_EQ(log, "");
  loop.turn(0s);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, ANewTimeCountsAlsoAfterItsExpiry) {
  auto& timer = add(wall + 10s);
  timer.set_time(wall + 5s);
  pass(5s);
  EXPECT_EQ(log, "x");
  timer.set_time(wall + 8s);
  EXPECT_FALSE(timer.is_expired());
  EXPECT_TRUE(timer.is_running());
  timer.set_time(wall + 9s);
  pass(3s);
  EXPECT_EQ(log, "x");
  pass(1s);
  EXPECT_EQ(log, "xx");
  EXPECT_EQ(timer.time(), wall + 9s);
}

TEST_F(AbsoluteTimerTest, MayBeSetAnewInItsCallback) {
  auto& timer = add(wall + 1s);
  timer.on_expire([this](AbsoluteTimer& self) {
    log += 'x';
    if (log.size() < 3) self.set_time(self.time() + 1s);
  });
  pass(10s);
  EXPECT_EQ(log, "xxx");
}

TEST_F(AbsoluteTimerTest, AClockThatIsSetForwardBringsItsTime) {
  add(wall + 1h);
  pass(1s);
  fake.set_wall_clock(wall + 1h);
  loop.turn(0s);
  EXPECT_EQ(log, "x");
  EXPECT_EQ(fake.now().time_since_epoch(), 1001s) << "no waiting";
}

TEST_F(AbsoluteTimerTest, AClockThatIsSetForwardHalfWayShortensTheWait) {
  add(wall + 1h);
  fake.set_wall_clock(wall + 30min);
  pass(30min - 1ms);
  EXPECT_EQ(log, "");
  pass(1ms);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, AClockThatIsSetBackMakesItWaitLonger) {
  add(wall + 10s);
  pass(5s);
  fake.set_wall_clock(wall - 1h);
  pass(1h + 9999ms);
  EXPECT_EQ(log, "");
  pass(1ms);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, AStepMovesNoOtherTimer) {
  bool fired = false;
  TimeWatch watch(loop.timers(), [&] { fired = true; });
  watch.arm(loop.now() + 10s);
  add(wall + 1h);
  fake.set_wall_clock(wall + 2h);
  loop.turn(0s);
  EXPECT_EQ(log, "x");
  EXPECT_FALSE(fired);
}

TEST_F(AbsoluteTimerTest, WhereTheSystemDoesNotTellItLooksEverySecond) {
  fake.set_tells_wall_clock(false);
  add(wall + 1h);
  pass(10s);
  EXPECT_EQ(log, "");
  fake.set_wall_clock(wall + 1h);
  pass(AbsoluteTimer::kLookInterval);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, WhereTheSystemDoesNotTellAClockThatIsSetBackIsSeenToo) {
  fake.set_tells_wall_clock(false);
  add(wall + 500ms);
  fake.set_wall_clock(wall - 10s);
  pass(10s);
  EXPECT_EQ(log, "");
  pass(500ms);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, StoppedItStaysSoUntilItGetsATime) {
  auto owned = std::make_unique<AbsoluteTimer>(wall + 1s);
  owned->stop();
  auto& timer = loop.add(std::move(owned));
  timer.on_expire([this](AbsoluteTimer&) { log += 'x'; });
  fake.set_wall_clock(wall + 1h);
  pass(2s);
  EXPECT_EQ(log, "");
  timer.set_time(wall);
  loop.turn(0s);
  EXPECT_EQ(log, "x");
  timer.set_time(wall + 3h);
  timer.stop();
  fake.set_wall_clock(wall + 4h);
  pass(2s);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, StartsAgainInTheNextLoop) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& timer = parent.add_child(std::make_unique<AbsoluteTimer>(wall + 10s));
  timer.on_expire([this](AbsoluteTimer&) { log += 'x'; });
  auto released = parent.release_child(timer);
  EXPECT_FALSE(timer.is_running());
  EXPECT_EQ(fake.wall_clock_targets(), 0U);
  pass(20s);
  parent.add_child(std::move(released));
  loop.turn(0s);
  EXPECT_EQ(log, "x");
}

TEST_F(AbsoluteTimerTest, ItsExpiryIsAFuture) {
  auto& timer = add(wall + 1s);
  Future<> expired = timer.expired();
  EXPECT_FALSE(settles(expired));
  run(std::move(expired));
  EXPECT_EQ(fake.wall_now(), wall + 1s);
  EXPECT_TRUE(timer.expired().ready());
}

TEST_F(AbsoluteTimerTest, ACallbackMayRemoveItsTimer) {
  auto& timer = add(wall + 1s);
  timer.on_expire([this](AbsoluteTimer& self) {
    log += 'x';
    self.remove();
  });
  pass(5s);
  EXPECT_EQ(log, "x");
  EXPECT_EQ(fake.wall_clock_targets(), 0U);
}

TEST_F(AbsoluteTimerTest, TimesBeyondReckoningDoNotOverflow) {
  add(WallTime::max());
  pass(1h);
  EXPECT_EQ(log, "");
  add(WallTime::min());
  loop.turn(0s);
  EXPECT_EQ(log, "x");
}

// What needs no step of the real clock.
class AbsoluteTimerRealTest : public test::RealLoopTest {};

TEST_F(AbsoluteTimerRealTest, CallsWhenTheSystemsClockShowsItsTime) {
  const WallTime time = loop.backend().wall_now() + 20ms;
  auto& timer = loop.add(std::make_unique<AbsoluteTimer>(time));
  run(timer.expired());
  EXPECT_GE(loop.backend().wall_now(), time);
}

TEST_F(AbsoluteTimerRealTest, TheSystemTellsOfStepsAndCostsADescriptorOnlyMeanwhile) {
  struct Target final : WallClockTarget {
    void wall_clock_set() noexcept override { ++steps; }
    int steps = 0;
  } first, second;
  auto one = loop.backend().register_wall_clock(first);
  auto two = loop.backend().register_wall_clock(second);
  EXPECT_NE(one, nullptr);
  loop.turn(0s);
  EXPECT_EQ(first.steps + second.steps, 0);
  one.reset();
  loop.turn(0s);
  two.reset();  // GuardedTest looks whether the descriptor is gone
}

// What a step of the real clock does to the kernel's timer: it is readable, and reading it fails
// with ECANCELED, as setting it does (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). The clock of a
// shared machine is not to be set, so the timer is made readable by expiring, and the calls are
// made to fail.
class WallClockStepTest : public AbsoluteTimerRealTest {
 protected:
  struct Target final : WallClockTarget {
    void wall_clock_set() noexcept override { ++steps; }
    int steps = 0;
  } target;

  /// The backend's timer, which is the only descriptor opened since `before`, having expired.
  static int expired_timer(const std::set<int>& before) {
    std::set<int> fds = test::open_fds();
    for (const int fd : before) fds.erase(fd);
    const itimerspec past{{0, 0}, {0, 1}};
    if (fds.size() != 1 || ::timerfd_settime(*fds.begin(), TFD_TIMER_ABSTIME, &past, nullptr) != 0)
      throw std::runtime_error("no timerfd was opened");
    return *fds.begin();
  }
  /// How many steps are told, in a child, where reading the timer fails with `error`.
  bool tells(int steps, int error) {
    return test::in_child([&] {
      const std::set<int> before = test::open_fds();
      const auto registration = loop.backend().register_wall_clock(target);
      const int timer = expired_timer(before);
      test::refuse({{SYS_read, error, timer}, {SYS_timerfd_settime, ECANCELED, timer}});
      loop.turn(Duration::zero());
      return target.steps == steps;
    });
  }
};

TEST_F(WallClockStepTest, ACancelledTimerIsAStep) { EXPECT_TRUE(tells(1, ECANCELED)); }

TEST_F(WallClockStepTest, AWakeUpWithNothingToReadIsNone) { EXPECT_TRUE(tells(0, EAGAIN)); }

TEST_F(WallClockStepTest, AStepHasTheTimerLookAtTheClockAgainAndWaitForTheNext) {
  const std::set<int> before = test::open_fds();
  auto& timer = loop.add(std::make_unique<AbsoluteTimer>(loop.backend().wall_now() + 1h));
  const int fd = expired_timer(before);
  loop.turn(Duration::zero());
  EXPECT_TRUE(timer.is_running());
  EXPECT_FALSE(timer.is_expired());
  itimerspec left{};
  ::timerfd_gettime(fd, &left);
  EXPECT_GT(left.it_value.tv_sec, 1'000'000'000) << "it is set anew, not to expire";
  timer.remove();
}

}  // namespace
}  // namespace ioa
