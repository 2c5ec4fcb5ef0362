#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/child.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

// A Loop that a forked child goes on with.
class LoopForkTest : public test::LoopConformance {};

TEST_P(LoopForkTest, SignalsWorkInTheChildAndInTheParent) {
  std::string log;
  const SignalWatch watch(loop, SIGUSR1, [&] { log += 'a'; });
  raise_signal(SIGUSR1);
  loop.turn();
  ASSERT_EQ(log, "a");
  EXPECT_TRUE(test::in_child([&] {
    loop.after_fork();
    log.clear();
    raise_signal(SIGUSR1);
    while (log.empty()) loop.turn();
    const SignalWatch late(loop, SIGUSR2, [&] { log += 'b'; });
    raise_signal(SIGUSR2);
    while (log.size() < 2) loop.turn();
    return log == "ab";
  }));
  EXPECT_EQ(log, "a") << "the child's signal is not the parent's";
  raise_signal(SIGUSR1);
  loop.turn();
  EXPECT_EQ(log, "aa");
}

TEST_P(LoopForkTest, DescriptorsWorkInTheChildAndAreNotTakenFromTheParent) {
  test::SocketPair pair = test::unix_pair();
  test::EventLog log;
  IoWatch watch(loop);
  watch.set_callback(log.callback());
  watch.start(pair.first.get(), IoEvent::read);
  EXPECT_EQ(turn_now(), 0U);
  test::write_all(pair.second.get(), "x");
  EXPECT_TRUE(test::in_child([&] {
    loop.after_fork();
    loop.turn();
    const bool has_come = log.take() == "r";
    watch.stop();
    return has_come && turn_now() == 0;
  }));
  loop.turn();
  EXPECT_EQ(log.take(), "r") << "what the child no longer watches, the parent still does";
}

class LoopRealForkTest : public LoopForkTest {};

TEST_P(LoopRealForkTest, TimersOfTheChildDoNotMoveThoseOfTheParent) {
  bool fired = false;
  TimeWatch watch(loop.timers(), [&] { fired = true; });
  watch.arm(clock() + 1h);
  loop.turn(1ms);
  const TimePoint due = clock() + 50ms;
  watch.arm(due);
  loop.post([] {});
  loop.turn();  // ends at once; the kernel's timer stays armed for `due`
  EXPECT_TRUE(test::in_child([&] {
    loop.after_fork();
    watch.arm(clock() + 1ms);
    while (!fired) loop.turn();
    watch.arm(clock() + 1h);
    loop.turn(1ms);
    return true;
  }));
  EXPECT_FALSE(fired);
  while (!fired) loop.turn(kMuchLater);
  EXPECT_GE(clock(), due);
  EXPECT_LT(clock(), due + kMuchLater);
}

TEST_P(LoopForkTest, WhatWasPostedBeforeRunsInTheChild) {
  bool has_run = false;
  loop.post([&] { has_run = true; });
  EXPECT_TRUE(test::in_child([&] {
    loop.after_fork();
    loop.turn();
    loop.post([] {});
    return has_run && loop.turn() == 1;
  }));
}

TEST_P(LoopForkTest, TheWallClockIsWatchedInTheChildAsWell) {
  struct Target final : WallClockTarget {
    void wall_clock_set() noexcept override {}
  } target;
  const auto registration = loop.backend().register_wall_clock(target);
  ASSERT_NE(registration, nullptr);
  EXPECT_TRUE(test::in_child([&] {
    loop.after_fork();
    return turn_now() == 0;
  }));
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopForkTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

INSTANTIATE_TEST_SUITE_P(Backends, LoopRealForkTest, ::testing::ValuesIn(test::real_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
