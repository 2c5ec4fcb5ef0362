#include "ioa/timer/countdown_timer.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

class CountdownTimerTest : public test::FakeLoopTest {
 protected:
  CountdownTimer& add(Duration delay) {
    auto& timer = loop.add(std::make_unique<CountdownTimer>(delay));
    timer.on_expire([this](CountdownTimer&) { log += 'x'; });
    return timer;
  }
  /// Turns for `time`, as long as there is anything to wait for.
  void pass(Duration time) {
    const TimePoint end = fake.now() + time;
    while (fake.now() < end) loop.turn(end - fake.now());
    test::turn_while_busy(loop);
  }

  std::string log;
};

TEST_F(CountdownTimerTest, CallsOnceAfterItsDelay) {
  auto& timer = add(2s);
  EXPECT_FALSE(timer.is_running());
  EXPECT_EQ(&timer.start(), &timer);
  EXPECT_TRUE(timer.is_running());
  EXPECT_FALSE(timer.is_expired());
  pass(1999ms);
  EXPECT_EQ(log, "");
  pass(1ms);
  EXPECT_EQ(log, "x");
  EXPECT_FALSE(timer.is_running());
  EXPECT_TRUE(timer.is_expired());
  pass(10s);
  EXPECT_EQ(log, "x");
}

TEST_F(CountdownTimerTest, StartedOutsideALoopItBeginsWhenItEntersOne) {
  auto owned = std::make_unique<CountdownTimer>(2s);
  owned->on_expire([this](CountdownTimer&) { log += 'x'; });
  owned->start();
  owned->start();  // twice while it waits is no mistake
  EXPECT_FALSE(owned->is_running());
  fake.advance(10s);
  test::turn_while_busy(loop);
  auto& timer = loop.add(std::move(owned));
  EXPECT_TRUE(timer.is_running());
  pass(1900ms);
  EXPECT_EQ(log, "");
  pass(100ms);
  EXPECT_EQ(log, "x");
}

TEST_F(CountdownTimerTest, StoppingTakesBackAStartThatWaitsForALoop) {
  auto owned = std::make_unique<CountdownTimer>(2s);
  owned->start();
  owned->stop();
  EXPECT_FALSE(loop.add(std::move(owned)).is_running());
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(CountdownTimerTest, StoppingEndsItAndTwiceIsNoMistake) {
  auto& timer = add(1s);
  timer.start();
  timer.stop();
  timer.stop();
  EXPECT_TRUE(loop.timers().empty());
  pass(5s);
  EXPECT_EQ(log, "");
  timer.start();
  pass(1s);
  EXPECT_EQ(log, "x");
}

TEST_F(CountdownTimerTest, LeavingTheLoopStopsItForGood) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& timer = parent.add_child(std::make_unique<CountdownTimer>(1s));
  timer.start();
  auto released = parent.release_child(timer);
  EXPECT_FALSE(timer.is_running());
  parent.add_child(std::move(released));
  EXPECT_FALSE(timer.is_running());
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(CountdownTimerTest, StartingARunningOneIsAMistake) {
  auto& timer = add(1s);
  timer.start();
  EXPECT_THROW(timer.start(), std::logic_error);
  EXPECT_THROW(timer.set_delay(2s), std::logic_error);
  EXPECT_TRUE(timer.is_running());
  timer.stop();
  timer.set_delay(2s);
  EXPECT_EQ(timer.delay(), 2s);
  EXPECT_THROW(timer.set_delay(-1ns), std::logic_error);
  EXPECT_THROW(CountdownTimer(-1ns), std::logic_error);
}

TEST_F(CountdownTimerTest, StartingOneThatWaitsForALoopAgainIsNoMistake) {
  auto owned = std::make_unique<CountdownTimer>(1s);
  owned->start();
  owned->start();
  owned->on_expire([this](CountdownTimer&) { log += 'x'; });
  loop.add(std::move(owned));
  loop.turn();
  EXPECT_EQ(log, "x");
  EXPECT_FALSE(loop.timers().next());
}

TEST_F(CountdownTimerTest, NoDelayMeansTheNextTurn) {
  auto& timer = add(0s);
  timer.start();
  EXPECT_EQ(log, "");
  loop.turn(0s);
  EXPECT_EQ(log, "x");
}

TEST_F(CountdownTimerTest, MayBeStartedAgainInItsCallback) {
  auto& timer = add(1s);
  timer.on_expire([&](CountdownTimer& self) {
    EXPECT_TRUE(self.is_expired());
    log += 'x';
    if (log.size() < 3) self.start();
  });
  timer.start();
  pass(10s);
  EXPECT_EQ(log, "xxx");
  EXPECT_TRUE(timer.is_expired());
  timer.start();
  EXPECT_FALSE(timer.is_expired());
}

TEST_F(CountdownTimerTest, ResettingSetsARunningOneBackToTheWholeDelay) {
  auto& timer = add(2s);
  timer.start();
  for (int i = 0; i < 5; ++i) {
    pass(1500ms);
    timer.reset();
  }
  EXPECT_EQ(log, "");
  pass(1999ms);
  EXPECT_EQ(log, "");
  pass(1ms);
  EXPECT_EQ(log, "x");
  timer.reset();  // not running: nothing
  EXPECT_FALSE(timer.is_running());
  EXPECT_THROW(CountdownTimer(1s).reset(), std::logic_error);
}

TEST_F(CountdownTimerTest, ResettingAsksTheBackendForNothing) {
  auto& timer = add(2s);
  timer.start();
  pass(1s);
  const std::size_t waits = fake.waits();
  for (int i = 0; i < 1000; ++i) timer.reset();
  EXPECT_EQ(fake.waits(), waits);
  EXPECT_EQ(loop.timers().size(), 1U) << "the lazy entry of the queue stays where it is";
  EXPECT_EQ(loop.timers().due_times(), std::vector<TimePoint>{loop.now() + 2s});
}

TEST_F(CountdownTimerTest, TheCallbackMayBeReplacedWhileItRuns) {
  auto& timer = add(1s);
  timer.start();
  timer.on_expire([this](CountdownTimer& self) {
    log += 'a';
    self.on_expire([this](CountdownTimer&) { log += 'b'; });
    self.start();
  });
  pass(2s);
  EXPECT_EQ(log, "ab");
}

TEST_F(CountdownTimerTest, MayLeaveTheTreeBeforeItsCallback) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& timer = parent.add_child(std::make_unique<CountdownTimer>(1s));
  timer.set_remove_on_expire(true);
  timer.on_expire([this](CountdownTimer& self) {
    EXPECT_EQ(self.parent(), nullptr);
    EXPECT_EQ(self.loop(), nullptr);
    log += 'x';
  });
  timer.start();
  pass(1s);
  EXPECT_EQ(log, "x");
  int children = 0;
  parent.for_each_child([&](Notifier&) { ++children; });
  EXPECT_EQ(children, 0);
}

TEST_F(CountdownTimerTest, ACallbackMayRemoveItsTimerOrItsParent) {
  auto& alone = add(1s);
  alone.on_expire([this](CountdownTimer& self) {
    log += 'a';
    self.remove();
  });
  alone.start();
  auto& parent = loop.add(std::make_unique<Notifier>());
  auto& child = parent.add_child(std::make_unique<CountdownTimer>(1s));
  child.on_expire([this, &parent](CountdownTimer&) {
    log += 'b';
    parent.remove();
  });
  child.start();
  pass(1s);
  EXPECT_EQ(log, "ab");
}

TEST_F(CountdownTimerTest, ACallbackMayStopTheLoop) {
  auto& timer = add(1s);
  timer.on_expire([this](CountdownTimer&) { loop.stop(); });
  timer.start();
  loop.run();
  EXPECT_TRUE(timer.is_expired());
}

TEST_F(CountdownTimerTest, ItsExpiryIsAFuture) {
  auto& timer = add(1s);
  timer.start();
  Future<> first = timer.expired();
  timer.expired().cancel();
  EXPECT_FALSE(settles(first));
  timer.stop();
  timer.start();
  run(std::move(first));
  EXPECT_EQ(log, "x");
  EXPECT_TRUE(timer.expired().ready()) << "it has expired";
  timer.start();
  EXPECT_FALSE(timer.expired().ready());
}

TEST_F(CountdownTimerTest, WhoWaitsIsToldAfterTheCallbackAlsoIfThatThrows) {
  auto& timer = add(1s);
  timer.on_expire([](CountdownTimer& self) {
    self.start();
    throw std::runtime_error("no");
  });
  timer.start();
  Future<> expired = timer.expired();
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_TRUE(expired.ready());
  EXPECT_TRUE(timer.is_running());
}

TEST_F(CountdownTimerTest, WhoWaitsForADestroyedOneHearsOfIt) {
  auto& timer = add(1s);
  timer.start();
  Future<> expired = timer.expired();
  timer.remove();
  test::turn_while_busy(loop);
  ASSERT_TRUE(expired.ready());
  try {
    expired.get();
    ADD_FAILURE() << "it expired";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::abandoned);
  }
}

TEST_F(CountdownTimerTest, DescribesItsState) {
  CountdownTimer outside(1s);
  EXPECT_EQ(outside.describe(), "stopped");
  outside.start();
  EXPECT_EQ(outside.describe(), "pending");
  auto& timer = add(1500ms);
  timer.start();
  EXPECT_EQ(timer.describe(), "due in 1.5s");
}

TEST_F(CountdownTimerTest, AnEndlessDelayDoesNotOverflow) {
  auto& timer = add(Duration::max());
  timer.start();
  pass(1h);
  EXPECT_EQ(log, "");
}

}  // namespace
}  // namespace ioa
