#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

// post(): the door for other threads. These tests are also run under ThreadSanitizer.
class LoopPostTest : public test::LoopConformance {
 protected:
  // Threads are at work: the fake clock must not jump.
  LoopPostTest() {
    if (fake() != nullptr) fake()->set_autojump(false);
  }
  std::string log;
};

TEST_P(LoopPostTest, RunsInTheNextTurnInOrder) {
  loop.post([&] { log += 'a'; });
  loop.post([&] { log += 'b'; });
  EXPECT_EQ(log, "");
  EXPECT_EQ(loop.turn(), 2U);
  EXPECT_EQ(log, "ab");
  EXPECT_EQ(turn_now(), 0U);
}

TEST_P(LoopPostTest, FromAPostedFunctionMeansTheNextTurn) {
  loop.post([&] {
    log += 'a';
    loop.post([&] { log += 'b'; });
  });
  loop.turn();
  EXPECT_EQ(log, "a");
  loop.turn();
  EXPECT_EQ(log, "ab");
}

// The wake-up of the post is used up by the outer turn's wait.
TEST_P(LoopPostTest, ATurnInsideACallbackOfTheSameTurnDoesNotWait) {
  test::SocketPair pair = test::pipe_pair();
  if (fake() != nullptr) fake()->set_real_descriptors(true);
  bool has_run = false;
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) {
    watch.stop();
    const TimePoint began = clock();
    loop.turn(kMuchLater);
    EXPECT_TRUE(has_run);
    EXPECT_LT(clock() - began, kMuchLater);
  });
  watch.start(pair.first.get(), IoEvent::read);
  test::write_all(pair.second.get(), "x");
  loop.post([&] { has_run = true; });
  loop.turn();
  EXPECT_FALSE(watch.is_started());
}

TEST_P(LoopPostTest, FromAnotherThreadItEndsAWait) {
  const auto loop_thread = std::this_thread::get_id();
  bool has_run = false;
  std::thread poster([&] {
    loop.post([&] {
      EXPECT_EQ(std::this_thread::get_id(), loop_thread);
      has_run = true;
    });
  });
  while (!has_run) loop.turn(kMuchLater);
  poster.join();
}

TEST_P(LoopPostTest, ManyThreadsPostInTheirOwnOrder) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 2000;
  std::vector<int> next(kThreads, 0);
  int total = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < kPosts; ++n)
        loop.post([&, i, n] {
          EXPECT_EQ(next[i], n);
          ++next[i];
          ++total;
        });
    });
  while (total < kThreads * kPosts) loop.turn(kMuchLater);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(turn_now(), 0U);
}

TEST_P(LoopPostTest, NoWakeIsLostBetweenTwoThreads) {
  // Ping-pong: each side goes on only after it has heard from the other.
  constexpr int kRounds = 2000;
  std::atomic<int> heard{0};
  int sent = 0;
  std::thread partner([&] {
    for (int round = 1; round <= kRounds; ++round) {
      loop.post([&, round] {
        sent = round;
        heard.store(round);
        heard.notify_one();
      });
      heard.wait(round - 1);
    }
  });
  while (sent < kRounds) loop.turn();
  partner.join();
}

TEST_P(LoopPostTest, AnExceptionKeepsTheRest) {
  loop.post([] { throw std::runtime_error("no"); });
  loop.post([&] { log += 'b'; });
  EXPECT_THROW(loop.turn(), std::runtime_error);
  loop.turn();
  EXPECT_EQ(log, "b");
}

TEST_P(LoopPostTest, ANestedTurnGoesOnWithTheRest) {
  loop.post([&] {
    log += '(';
    loop.turn();
    log += ')';
  });
  loop.post([&] { log += 'b'; });
  loop.turn();
  EXPECT_EQ(log, "(b)");
}

TEST_P(LoopPostTest, AfterTheLoopsEndNothingIsTaken) {
  const test::LifetimeTracker tracker;
  std::shared_ptr<PostQueue> queue;
  {
    Loop brief(GetParam().make());
    queue = brief.post_queue();
    EXPECT_TRUE(queue->post([object = tracker.make()] {}));
  }
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(queue->post([object = tracker.make()] {}));
  EXPECT_TRUE(tracker.is_clean());
}

TEST_P(LoopPostTest, ThreadsMayOutliveTheLoop) {
  std::atomic<bool> is_posting{false};
  std::thread poster;
  {
    Loop brief(GetParam().make());
    poster = std::thread([&is_posting, queue = brief.post_queue()] {
      while (queue->post([] {})) {
        is_posting = true;
        is_posting.notify_one();
      }
    });
    is_posting.wait(false);
    brief.turn(Duration::zero());
  }
  poster.join();
}

TEST_P(LoopPostTest, EachThreadMayHaveALoop) {
  std::atomic<int> results{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&results, make = GetParam().make] {
      Loop own(make());
      const auto body = [](Loop& target) -> Future<int> {
        for (int turns = 0; turns < 10; ++turns) co_await target.next_turn();
        co_return 1;
      };
      results += own.run(body(own));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(results, 4);
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopPostTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
