#include "ioa/future/ready_queue.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace ioa {
namespace {

class FunctionJob : public Job {
 public:
  explicit FunctionJob(std::function<void()> function) : function_(std::move(function)) {
    run_ = [](void* self) { static_cast<FunctionJob*>(self)->function_(); };
    argument_ = this;
  }

 private:
  std::function<void()> function_;
};

class ReadyQueueTest : public ::testing::Test {
 protected:
  ReadyQueue queue;
  std::string log;
  FunctionJob a{[this] { log += "a"; }};
  FunctionJob b{[this] { log += "b"; }};
};

TEST_F(ReadyQueueTest, RunsJobsInTheirOrder) {
  queue.push(b);
  queue.push(a);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.drain(10), 2U);
  EXPECT_EQ(log, "ba");
  EXPECT_TRUE(queue.empty());
}

TEST_F(ReadyQueueTest, RunsJobsThatJobsQueue) {
  FunctionJob first([&] { queue.push(a); });
  queue.push(first);
  queue.push(b);
  EXPECT_EQ(queue.drain(10), 3U);
  EXPECT_EQ(log, "ba");
}

TEST_F(ReadyQueueTest, StopsAtTheLimit) {
  FunctionJob endless([&] {
    log += ".";
    queue.push(endless);
  });
  queue.push(endless);
  EXPECT_EQ(queue.drain(5), 5U);
  EXPECT_EQ(log, ".....");
  EXPECT_FALSE(queue.empty());
}

TEST_F(ReadyQueueTest, AnExceptionLeavesTheRestQueued) {
  FunctionJob failing([] { throw std::runtime_error("no"); });
  queue.push(failing);
  queue.push(a);
  EXPECT_THROW(queue.drain(10), std::runtime_error);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.drain(10), 1U);
  EXPECT_EQ(log, "a");
}

TEST_F(ReadyQueueTest, DoomedJobsRunAfterTheCurrentJob) {
  FunctionJob dooming([&] {
    queue.doom(b);
    log += "x";
  });
  queue.push(dooming);
  queue.push(a);
  EXPECT_EQ(queue.drain(10), 2U);  // the doomed one is not counted
  EXPECT_EQ(log, "xba");
}

TEST_F(ReadyQueueTest, ReapingRunsWhatDoomedJobsDoom) {
  FunctionJob dooming([&] { queue.doom(b); });
  queue.doom(dooming);
  queue.reap();
  EXPECT_EQ(log, "b");
}

TEST(ReadyQueueLifetimeTest, RunsDoomedJobsBeforeItEnds) {
  bool has_run = false;
  FunctionJob job([&] { has_run = true; });
  {
    ReadyQueue queue;
    queue.doom(job);
  }
  EXPECT_TRUE(has_run);
}

TEST(ReadyQueueLifetimeTest, TheNewestQueueOfAThreadIsTheCurrentOne) {
  ReadyQueue outer;
  EXPECT_EQ(&ReadyQueue::current(), &outer);
  {
    ReadyQueue inner;
    EXPECT_EQ(&ReadyQueue::current(), &inner);
  }
  EXPECT_EQ(&ReadyQueue::current(), &outer);
}

TEST(ReadyQueueDeathTest, AThreadWithoutAQueueHasNoReactions) {
  EXPECT_DEATH(ReadyQueue::current(), "no Loop");
}

}  // namespace
}  // namespace ioa
