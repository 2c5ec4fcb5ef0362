// Timers of every kind, and coroutines that wait for them, disturbed once at every one of their
// steps: nothing leaks, nothing is told to who has gone or was stopped, the rest goes on.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/loop/timeout.hpp"
#include "ioa/timer/absolute_timer.hpp"
#include "ioa/timer/countdown_timer.hpp"
#include "ioa/timer/periodic_timer.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using Tracked = test::LifetimeTracker::Object;

enum Kind { periodic, countdown, absolute, kinds };

class Schedule {
 public:
  using Act = std::function<void(Schedule&)>;

  Schedule(const test::LifetimeTracker& tracker, int at, Act act)
      : at_(at), act_(std::move(act)), holder(loop.add(std::make_unique<Notifier>())) {
    ticks = &holder.add_child(std::make_unique<PeriodicTimer>(10ms));
    idle = &holder.add_child(std::make_unique<CountdownTimer>(25ms));
    auto date = std::make_unique<AbsoluteTimer>(loop.backend().wall_now() + 35ms);
    alarm = date.get();
    ticks->on_tick([this, kept = tracker.make()](PeriodicTimer& self) {
      if (self.ticks() == 5) self.stop();
      told(periodic);
    });
    idle->on_expire([this, kept = tracker.make()](CountdownTimer& self) {
      if (counts[countdown] == 0) self.start();
      told(countdown);
    });
    alarm->on_expire([this, kept = tracker.make()](AbsoluteTimer&) { told(absolute); });
    holder.add_child(std::move(date));
    ticks->start();
    idle->start();
    task = wait(tracker.make());
  }

  void run() {
    for (; loop.timers().next() && turns_ < 1000; ++turns_) {
      try {
        step();
        if (loop.timers().next()) loop.turn();
      } catch (const std::runtime_error&) {
        // what a disturbance throws leaves the turn, and the loop goes on
      }
    }
    EXPECT_LT(turns_, 1000) << "it has no end";
    test::turn_while_busy(loop);
  }

  bool was_disturbed() const { return steps_ > at_; }
  /// No more events of this one from now on.
  void silence(Kind kind) { is_silent_[kind] = true; }

  Loop loop{std::make_unique<test::FakeBackend>()};
  PeriodicTimer* ticks = nullptr;
  CountdownTimer* idle = nullptr;
  AbsoluteTimer* alarm = nullptr;
  Future<> task;
  bool is_task_through = false;
  int counts[kinds] = {};

 private:
  void step() {
    if (steps_++ == at_) act_(*this);
  }

  void told(Kind kind) {
    EXPECT_FALSE(is_silent_[kind]) << "an event of one that was stopped, or has left";
    ++counts[kind];
    step();
  }

  Future<> wait(Tracked kept) {
    const Tracked local = kept;
    for (int i = 0; i < 3; ++i) {
      co_await sleep_for(loop, 7ms);
      step();
    }
    bool has_timed_out = false;
    try {
      co_await with_timeout(loop, sleep_for(loop, 1h), 5ms, "an hour");
    } catch (const Error& error) {
      has_timed_out = error.kind() == ErrorKind::timeout;
    }
    step();
    is_task_through = has_timed_out;
  }

  int steps_ = 0;
  int turns_ = 0;
  int at_;
  Act act_;
  bool is_silent_[kinds] = {};

 public:
  Notifier& holder;
};

struct Disturbance {
  const char* name;
  Schedule::Act act;
  bool changes_nothing = false;  // all events still come
};

const Disturbance kDisturbances[] = {
    {"RemovePeriodic",
     [](Schedule& all) {
       all.silence(periodic);
       all.ticks->remove();
       all.ticks = nullptr;
     }},
    {"RemoveCountdown",
     [](Schedule& all) {
       all.silence(countdown);
       all.idle->remove();
     }},
    {"RemoveAbsolute",
     [](Schedule& all) {
       all.silence(absolute);
       all.alarm->remove();
     }},
    {"RemoveAll",
     [](Schedule& all) {
       for (const Kind kind : {periodic, countdown, absolute}) all.silence(kind);
       all.holder.remove();
     }},
    {"StopPeriodic",
     [](Schedule& all) {
       all.silence(periodic);
       all.ticks->stop();
     }},
    {"StopCountdown",
     [](Schedule& all) {
       all.silence(countdown);
       all.idle->stop();
     }},
    {"StopAbsolute",
     [](Schedule& all) {
       all.silence(absolute);
       all.alarm->stop();
     }},
    {"ResetCountdown", [](Schedule& all) { all.idle->reset(); }, true},
    {"CancelTheTask", [](Schedule& all) { all.task.cancel(); }},
    {"Throw", [](Schedule&) { throw std::runtime_error("thrown by the test"); }},
    {"Nest", [](Schedule& all) { test::turn_while_busy(all.loop); }, true},
};

class TimerStopTest : public test::GuardedTest {};

class TimerBruteForceTest : public test::GuardedTest,
                            public ::testing::WithParamInterface<std::size_t> {
 protected:
  /// Returns whether step `at` was reached.
  bool disturb(int at, const Disturbance& disturbance) {
    bool was_disturbed = false;
    {
      Schedule all(tracker, at, disturbance.act);
      all.run();
      was_disturbed = all.was_disturbed();
      if (!was_disturbed || disturbance.changes_nothing) {
        EXPECT_EQ(all.counts[periodic], 5);
        EXPECT_EQ(all.counts[countdown], 2);
        EXPECT_EQ(all.counts[absolute], 1);
        EXPECT_TRUE(all.is_task_through);
      }
    }
    EXPECT_TRUE(tracker.is_clean()) << tracker.alive() << " left";
    return was_disturbed;
  }

  test::LifetimeTracker tracker;
};

TEST_P(TimerBruteForceTest, SurvivesItAtEveryStep) {
  const Disturbance& disturbance = kDisturbances[GetParam()];
  int at = 0;
  for (;; ++at) {
    SCOPED_TRACE("at step " + std::to_string(at));
    if (!disturb(at, disturbance) || HasFailure()) break;
  }
  EXPECT_GT(at, 20) << "too few steps to show anything";
}

// Stopping a run() and running on changes nothing at all.
TEST_F(TimerStopTest, GoesOnWhereItWasStopped) {
  const test::LifetimeTracker tracker;
  for (int at = 0; at < 15; ++at) {
    SCOPED_TRACE("at step " + std::to_string(at));
    Schedule all(tracker, at, [](Schedule& self) { self.loop.stop(); });
    while (all.loop.timers().next()) {
      TimeWatch end(all.loop.timers(), [&all] { all.loop.stop(); });
      end.arm(all.loop.now() + 3ms);
      all.loop.run();
    }
    EXPECT_EQ(all.counts[periodic], 5);
    EXPECT_EQ(all.counts[countdown], 2);
    EXPECT_EQ(all.counts[absolute], 1);
    EXPECT_TRUE(all.is_task_through);
  }
}

INSTANTIATE_TEST_SUITE_P(AllOf, TimerBruteForceTest,
                         ::testing::Range(std::size_t{0}, std::size(kDisturbances)),
                         [](const auto& of) { return std::string(kDisturbances[of.param].name); });

}  // namespace
}  // namespace ioa
