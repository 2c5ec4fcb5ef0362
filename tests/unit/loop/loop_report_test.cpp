#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "ioa/future/promise.hpp"
#include "ioa/loop/notifier_text.hpp"
#include "ioa/loop/timeout.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

/// A notifier with a state.
class Door : public Notifier {
 public:
  explicit Door(std::string state) : state_(std::move(state)) {}
  std::string describe() const override { return state_; }

 private:
  std::string state_;
};

template <class T>
class Box : public Notifier {};

class NotifierTextTest : public test::FakeLoopTest {};

TEST_F(NotifierTextTest, IsTheClassWithNameAndState) {
  Notifier plain;
  EXPECT_EQ(notifier_text(plain), "Notifier");
  plain.set_name("root");
  EXPECT_EQ(notifier_text(plain), "Notifier{root}");
  Door door("open");
  EXPECT_EQ(notifier_text(door), "Door{open}");
  door.set_name("front");
  EXPECT_EQ(notifier_text(door), "Door{front,open}");
}

TEST_F(NotifierTextTest, LeavesNamespacesOut) {
  class Local : public Notifier {};
  EXPECT_EQ(notifier_text(Local()), "Local");
  EXPECT_EQ(notifier_text(Box<int>()), "Box<int>");
}

TEST_F(NotifierTextTest, ShowsTheChainOfParents) {
  auto& house = loop.add(std::make_unique<Notifier>());
  house.set_name("house");
  auto& door = house.add_child(std::make_unique<Door>("shut"));
  EXPECT_EQ(notifier_chain(door), "Door{shut}<-Notifier{house}");
  EXPECT_EQ(notifier_chain(house), "Notifier{house}");
}

class LoopReportTest : public test::FakeLoopTest {};

TEST_F(LoopReportTest, TheDumpOfAnEmptyLoopSaysSo) {
  EXPECT_EQ(loop.dump(),
            "loop on fake, not running\n"
            "notifiers: 0\n"
            "descriptors: 0\n"
            "signals: 0\n"
            "timers: 0\n"
            "queued: 0 ready, 0 posted, 0 deferred, 0 reactions, 0 removed\n");
}

TEST_F(LoopReportTest, TheDumpShowsTheTreeAndWhatItWaitsFor) {
  auto& house = loop.add(std::make_unique<Door>("open"));
  house.set_name("house");
  auto& room = house.add_child(std::make_unique<Notifier>());
  Promise<> pending;
  room.adopt(pending.future());
  loop.add(std::make_unique<Notifier>()).remove();
  IoWatch both(loop);
  both.start(7, IoEvents(IoEvent::read).with(IoEvent::write));
  IoWatch reading(loop);
  reading.start(5, IoEvent::read);
  const SignalWatch terminate(loop, SIGTERM, [] {});
  TimeWatch late(loop.timers(), [] {});
  late.arm(loop.now() + 90s);
  late.arm(loop.now() + 100s);
  TimeWatch early(loop.timers(), [] {});
  early.arm(loop.now() + 250ms);
  loop.later([] {});
  EXPECT_EQ(loop.dump(),
            "loop on fake, not running\n"
            "notifiers: 2\n"
            "  Door{house,open}\n"
            "    Notifier, 1 task\n"
            "descriptors: 2 5:r 7:rw\n"
            "signals: 1 TERM\n"
            "timers: 2, due in 250ms, 100s\n"
            "queued: 0 ready, 0 posted, 1 deferred, 0 reactions, 1 removed\n");
}

TEST_F(LoopReportTest, TheDumpOfManyTimersIsCutShort) {
  std::vector<std::unique_ptr<TimeWatch>> timers;
  for (int i = 0; i < 100; ++i) {
    timers.push_back(std::make_unique<TimeWatch>(loop.timers(), [] {}));
    timers.back()->arm(loop.now() + 1s);
  }
  const std::string dump = loop.dump();
  EXPECT_NE(dump.find("timers: 100, due in 1s, 1s"), std::string::npos) << dump;
  EXPECT_NE(dump.find(", ...\n"), std::string::npos) << dump;
  EXPECT_LT(dump.size(), 500U);
}

TEST_F(LoopReportTest, CountsCallbacksByTheirKind) {
  IoWatch watch(loop);
  watch.start(5, IoEvent::read);
  fake.set_ready(5, IoEvent::read);
  const SignalWatch one(loop, SIGUSR1, [] {});
  const SignalWatch two(loop, SIGUSR1, [] {});
  fake.raise(SIGUSR1);
  TimeWatch timer(loop.timers(), [] {});
  timer.arm(loop.now());
  loop.later([] {});
  loop.post([] {});
  Future<> turn = loop.next_turn();
  const LoopMetrics before = loop.metrics();
  EXPECT_EQ(before.turns, 0U);
  EXPECT_EQ(before.descriptors, 1U);
  EXPECT_EQ(before.signals, 1U);
  EXPECT_EQ(before.timers, 1U);
  loop.turn();
  const LoopMetrics after = loop.metrics();
  EXPECT_EQ(after.turns, 1U);
  EXPECT_EQ(after.descriptor_callbacks, 1U);
  EXPECT_EQ(after.signal_callbacks, 2U);
  EXPECT_EQ(after.posted_calls, 1U);
  EXPECT_EQ(after.timer_callbacks, 1U);
  EXPECT_EQ(after.deferred_calls, 2U);
  EXPECT_EQ(after.timers, 0U);
}

TEST_F(LoopReportTest, CountsTheReactionsOfFutures) {
  auto& notifier = loop.add(std::make_unique<Notifier>());
  notifier.adopt(loop.next_turn());
  test::turn_while_busy(loop);
  EXPECT_EQ(loop.metrics().reactions, 1U);
  EXPECT_EQ(loop.metrics().notifiers, 1U);
}

TEST_F(LoopReportTest, CountsACallbackThatThrowsToo) {
  loop.later([] { throw std::runtime_error("no"); });
  EXPECT_THROW(loop.turn(), std::runtime_error);
  TimeWatch timer(loop.timers(), [] { throw std::runtime_error("no"); });
  timer.arm(loop.now());
  EXPECT_THROW(loop.turn(), std::runtime_error);
  EXPECT_EQ(loop.metrics().deferred_calls, 1U);
  EXPECT_EQ(loop.metrics().timer_callbacks, 1U);
}

TEST_F(LoopReportTest, MeasuresHowLongTurnsTakeWhenItIsAskedTo) {
  loop.later([this] { fake.advance(10ms); });
  loop.turn();
  EXPECT_EQ(loop.metrics().busy_time, 0ms) << "it does not measure at first";
  loop.set_measuring(true);
  run(sleep_for(loop, 1h));  // waiting is not being busy
  for (const Duration work : {20ms, 50ms, 30ms}) {
    loop.later([this, work] { fake.advance(work); });
    loop.turn();
  }
  EXPECT_EQ(loop.metrics().busy_time, 100ms);
  EXPECT_EQ(loop.metrics().longest_turn, 50ms);
  loop.set_measuring(false);
  loop.later([this] { fake.advance(10ms); });
  loop.turn();
  EXPECT_EQ(loop.metrics().busy_time, 100ms);
}

TEST_F(LoopReportTest, SortsTurnsByHowLongTheyTook) {
  loop.set_measuring(true);
  for (const Duration work :
       {Duration(), Duration(1ms), Duration(1001us), Duration(1s), Duration(2s)}) {
    loop.later([this, work] { fake.advance(work); });
    loop.turn();
  }
  const TurnHistogram::Buckets buckets = loop.metrics().turn_times.buckets();
  EXPECT_EQ(buckets.front(), 2U) << "a bound belongs to the bucket below it";
  EXPECT_EQ(buckets[1], 1U);
  EXPECT_EQ(buckets[TurnHistogram::kBounds.size() - 1], 1U);
  EXPECT_EQ(buckets.back(), 1U) << "longer than all bounds";
}

TEST_F(LoopReportTest, ATurnInsideATurnIsNotCountedTwice) {
  loop.set_measuring(true);
  loop.later([this] {
    fake.advance(10ms);
    TimeWatch timer(loop.timers(), [this] { fake.advance(5ms); });
    timer.arm(loop.now() + 1h);
    while (timer.is_armed()) loop.turn();
    fake.advance(20ms);
  });
  loop.turn();
  EXPECT_EQ(loop.metrics().busy_time, 35ms);
  EXPECT_EQ(loop.metrics().longest_turn, 30ms);
}

TEST_F(LoopReportTest, HooksAreCalledAroundTheWait) {
  std::string log;
  TimePoint seen{};
  loop.on_wait([&] { log += '<'; },
               [&] {
                 log += '>';
                 seen = loop.now();
               });
  TimeWatch timer(loop.timers(), [&] { log += 't'; });
  timer.arm(loop.now() + 1s);
  loop.turn();
  EXPECT_EQ(log, "<>t");
  EXPECT_EQ(seen, loop.now());
  loop.on_wait(nullptr, nullptr);
  loop.turn(0s);
  EXPECT_EQ(log, "<>t");
}

TEST_F(LoopReportTest, WhatTheHookBeforeTheWaitDefersIsNotWaitedFor) {
  bool has_run = false;
  loop.on_wait([&] { loop.later([&] { has_run = true; }); }, nullptr);
  const TimePoint begin = fake.now();
  loop.turn(1h);
  EXPECT_TRUE(has_run);
  EXPECT_EQ(fake.now(), begin);
}

}  // namespace
}  // namespace ioa
