#include "ioa/loop/function_queue.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/lifetime_tracker.hpp"

namespace ioa {
namespace {

class FunctionQueueTest : public ::testing::Test {
 protected:
  FunctionQueue::Ticket push(char name) {
    return queue.push([this, name] { log += name; });
  }
  std::string run() {
    log.clear();
    queue.run_generation();
    return log;
  }

  std::string log;
  FunctionQueue queue;
};

TEST_F(FunctionQueueTest, RunsInTheOrderOfPushing) {
  EXPECT_TRUE(queue.empty());
  std::string expected;
  for (int round = 0; round < 5; ++round) {  // past the end of the ring, and of the first one
    expected.clear();
    for (char name = 'a'; name <= 'z'; ++name) {
      push(name);
      expected += name;
    }
    EXPECT_EQ(queue.size(), 26U);
    EXPECT_EQ(run(), expected);
  }
  EXPECT_TRUE(queue.empty());
}

TEST_F(FunctionQueueTest, WhatIsPushedWhileItRunsWaitsForTheNextGeneration) {
  queue.push([this] {
    log += 'a';
    for (int i = 0; i < 100; ++i) push('x');
  });
  push('b');
  EXPECT_EQ(run(), "ab");
  EXPECT_EQ(run(), std::string(100, 'x'));
}

TEST_F(FunctionQueueTest, ACancelledFunctionIsDestroyedAtOnceAndDoesNotRun) {
  const test::LifetimeTracker tracker;
  push('a');
  const auto ticket = queue.push([this, object = tracker.make()] { log += '!'; });
  push('c');
  queue.cancel(ticket);
  EXPECT_EQ(tracker.alive(), 0);
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(run(), "ac");
  EXPECT_EQ(queue.size(), 0U);
}

TEST_F(FunctionQueueTest, ATicketHoldsWhileTheRingGrows) {
  for (int i = 0; i < 10; ++i) push('-');
  run();
  const auto ticket = push('!');
  for (int i = 0; i < 1000; ++i) push('x');
  queue.cancel(ticket);
  EXPECT_EQ(run(), std::string(1000, 'x'));
}

TEST_F(FunctionQueueTest, IsEmptyWhenAllThatIsLeftWasCancelled) {
  queue.cancel(push('!'));
  EXPECT_TRUE(queue.empty());
  push('a');
  EXPECT_EQ(run(), "a");
}

TEST_F(FunctionQueueTest, AFunctionMayCancelALaterOne) {
  FunctionQueue::Ticket ticket = 0;
  queue.push([&] { queue.cancel(ticket); });
  ticket = push('!');
  push('c');
  EXPECT_EQ(run(), "c");
  EXPECT_TRUE(queue.empty());
}

TEST_F(FunctionQueueTest, ANestedGenerationRunsTheRestAndTheOuterOneEnds) {
  queue.push([this] {
    log += 'a';
    push('c');
    queue.run_generation();
    log += ')';
    push('d');
  });
  push('b');
  EXPECT_EQ(run(), "abc)");
  EXPECT_EQ(run(), "d");
}

TEST_F(FunctionQueueTest, AnExceptionLeavesTheOthersQueued) {
  queue.push([] { throw std::runtime_error("no"); });
  push('b');
  EXPECT_THROW(queue.run_generation(), std::runtime_error);
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(run(), "b");
}

TEST_F(FunctionQueueTest, ClearingDestroysWhatIsPushedMeanwhileToo) {
  struct PushesAtItsEnd {
    explicit PushesAtItsEnd(FunctionQueue& its_queue) : queue(&its_queue) {}
    PushesAtItsEnd(PushesAtItsEnd&& other) noexcept : queue(std::exchange(other.queue, nullptr)) {}
    ~PushesAtItsEnd() {
      if (queue != nullptr) queue->push([] { ADD_FAILURE() << "it ran"; });
    }
    void operator()() {}
    FunctionQueue* queue;
  };
  queue.push(PushesAtItsEnd(queue));
  queue.clear();
  EXPECT_TRUE(queue.empty());
  queue.run_generation();
}

TEST_F(FunctionQueueTest, AFunctionIsDestroyedOnceItHasRun) {
  const test::LifetimeTracker tracker;
  queue.push([this, object = tracker.make()] { log += 'a'; });
  EXPECT_EQ(run(), "a");
  EXPECT_EQ(tracker.alive(), 0);
  EXPECT_TRUE(tracker.is_clean());
}

}  // namespace
}  // namespace ioa
