#include "ioa/loop/time_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/lifetime_tracker.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAllThatAreDue = 1'000'000;

TimePoint at(int milliseconds) { return TimePoint(std::chrono::milliseconds(milliseconds)); }

class TimeQueueTest : public ::testing::Test {
 protected:
  // A timer that logs its name.
  TimeWatch& timer(char name) {
    return timers.emplace_back(queue, [this, name] { log += name; });
  }
  std::string fire(int milliseconds, std::size_t limit = kAllThatAreDue) {
    log.clear();
    queue.fire(at(milliseconds), limit);
    return log;
  }

  std::string log;
  TimeQueue queue;
  std::deque<TimeWatch> timers;
};

TEST_F(TimeQueueTest, IsEmptyAtFirst) {
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.next(), std::nullopt);
  EXPECT_EQ(fire(1000), "");
}

TEST_F(TimeQueueTest, FiresInTheOrderOfTheDeadlines) {
  timer('c').arm(at(30));
  timer('a').arm(at(10));
  timer('b').arm(at(20));
  EXPECT_EQ(queue.next(), at(10));
  EXPECT_EQ(fire(100), "abc");
  EXPECT_TRUE(queue.empty());
}

TEST_F(TimeQueueTest, FiresAtTheDeadlineNotBefore) {
  timer('a').arm(at(10));
  queue.fire(at(10) - 1ns, kAllThatAreDue);
  EXPECT_EQ(log, "");
  EXPECT_EQ(fire(10), "a");
}

TEST_F(TimeQueueTest, FiresOnce) {
  TimeWatch& a = timer('a');
  a.arm(at(10));
  EXPECT_TRUE(a.is_armed());
  EXPECT_EQ(a.due(), at(10));
  EXPECT_EQ(fire(10), "a");
  EXPECT_FALSE(a.is_armed());
  EXPECT_EQ(fire(20), "");
}

TEST_F(TimeQueueTest, EqualDeadlinesAreFirstInFirstOut) {
  std::string expected;
  for (char name = 'a'; name <= 'z'; ++name) {
    timer(name).arm(at(10));
    expected += name;
  }
  EXPECT_EQ(fire(10), expected);
}

TEST_F(TimeQueueTest, ArmingAnewGoesBehindItsEquals) {
  TimeWatch& a = timer('a');
  a.arm(at(10));
  timer('b').arm(at(10));
  a.arm(at(10));
  EXPECT_EQ(fire(10), "ba");
}

TEST_F(TimeQueueTest, MovingLaterIsLazyButExact) {
  TimeWatch& a = timer('a');
  a.arm(at(10));
  timer('b').arm(at(20));
  a.arm(at(30));
  EXPECT_EQ(a.due(), at(30));
  EXPECT_EQ(queue.next(), at(20));
  EXPECT_EQ(fire(20), "b");
  EXPECT_EQ(fire(29), "");
  EXPECT_EQ(fire(30), "a");
}

TEST_F(TimeQueueTest, MovingEarlierTakesEffect) {
  TimeWatch& a = timer('a');
  a.arm(at(30));
  timer('b').arm(at(20));
  a.arm(at(10));
  EXPECT_EQ(queue.next(), at(10));
  EXPECT_EQ(fire(100), "ab");
}

TEST_F(TimeQueueTest, MovingLaterAndBackEarlierTakesEffect) {
  TimeWatch& a = timer('a');
  a.arm(at(10));
  a.arm(at(50));
  a.arm(at(20));
  timer('b').arm(at(15));
  EXPECT_EQ(fire(19), "b");
  EXPECT_EQ(fire(20), "a");
}

TEST_F(TimeQueueTest, ADisarmedTimerDoesNotFire) {
  TimeWatch& a = timer('a');
  a.arm(at(10));
  a.disarm();
  a.disarm();
  EXPECT_FALSE(a.is_armed());
  EXPECT_EQ(queue.next(), std::nullopt);
  EXPECT_EQ(fire(100), "");
  a.arm(at(200));
  EXPECT_EQ(fire(200), "a");
}

TEST_F(TimeQueueTest, ADestroyedTimerDoesNotFire) {
  auto gone = std::make_unique<TimeWatch>(queue, [this] { log += "!"; });
  gone->arm(at(10));
  timer('b').arm(at(10));
  gone.reset();
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(fire(10), "b");
}

TEST_F(TimeQueueTest, ACallbackMayDisarmAnother) {
  TimeWatch& b = timer('b');
  TimeWatch a(queue, [&] {
    log += 'a';
    b.disarm();
  });
  a.arm(at(10));
  b.arm(at(11));
  timer('c').arm(at(12));
  EXPECT_EQ(fire(100), "ac");
}

TEST_F(TimeQueueTest, ACallbackMayDisarmItself) {
  TimeWatch a(queue);
  a.set_callback([&] {
    log += 'a';
    a.disarm();
  });
  a.arm(at(10));
  timer('b').arm(at(11));
  EXPECT_EQ(fire(100), "ab");
}

TEST_F(TimeQueueTest, ACallbackMayDestroyItself) {
  const test::LifetimeTracker tracker;
  std::optional<TimeWatch> a(std::in_place, queue);
  a->set_callback([&, object = tracker.make()] {
    a.reset();
    EXPECT_EQ(tracker.alive(), 1);
  });
  a->arm(at(10));
  timer('b').arm(at(11));
  EXPECT_EQ(fire(100), "b");
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(TimeQueueTest, ACallbackMayDestroyAllOthers) {
  std::vector<std::unique_ptr<TimeWatch>> others;
  TimeWatch a(queue, [&] {
    log += 'a';
    others.clear();
  });
  a.arm(at(10));
  for (int i = 0; i < 20; ++i) {
    others.push_back(std::make_unique<TimeWatch>(queue, [this] { log += '!'; }));
    others.back()->arm(at(10 + i));
  }
  EXPECT_EQ(fire(100), "a");
  EXPECT_TRUE(queue.empty());
}

TEST_F(TimeQueueTest, ArmingInACallbackWaitsForTheNextCall) {
  TimeWatch a(queue);
  a.set_callback([&] {
    log += 'a';
    a.arm(at(-1000));  // WTM-3: into the past too
  });
  a.arm(at(10));
  timer('b').arm(at(10));
  timer('c').arm(at(20));
  EXPECT_EQ(fire(20), "abc");
  EXPECT_EQ(fire(20), "a");
  EXPECT_EQ(fire(21), "a");
}

TEST_F(TimeQueueTest, ArmingAnotherInACallbackWaitsForTheNextCall) {
  TimeWatch& late = timer('x');
  TimeWatch a(queue, [&] {
    log += 'a';
    late.arm(at(5));
  });
  a.arm(at(10));
  timer('b').arm(at(30));
  EXPECT_EQ(fire(30), "ab");
  EXPECT_EQ(fire(30), "x");
}

TEST_F(TimeQueueTest, MovingADueTimerInACallbackTakesItOutOfThisCall) {
  TimeWatch& b = timer('b');
  TimeWatch a(queue, [&] {
    log += 'a';
    b.arm(at(50));
  });
  a.arm(at(10));
  b.arm(at(20));
  EXPECT_EQ(fire(30), "a");
  EXPECT_EQ(fire(50), "b");
}

TEST_F(TimeQueueTest, StopsAtTheLimitAndGoesOnFromThere) {
  for (char name = 'a'; name <= 'f'; ++name) timer(name).arm(at(10));
  EXPECT_EQ(fire(10, 4), "abcd");
  EXPECT_EQ(queue.next(), at(10));
  EXPECT_EQ(fire(10, 4), "ef");
}

TEST_F(TimeQueueTest, AnExceptionLeavesTheOthersQueued) {
  TimeWatch a(queue, [] { throw std::runtime_error("no"); });
  a.arm(at(10));
  timer('b').arm(at(11));
  EXPECT_THROW(fire(100), std::runtime_error);
  EXPECT_FALSE(a.is_armed());
  EXPECT_EQ(fire(100), "b");
}

TEST_F(TimeQueueTest, ANestedCallRunsWhatIsDueAndTheOuterOneGoesOn) {
  TimeWatch a(queue, [&] {
    log += 'a';
    queue.fire(at(20), kAllThatAreDue);
    log += ')';
  });
  a.arm(at(10));
  timer('b').arm(at(12));
  timer('c').arm(at(20));
  timer('d').arm(at(30));
  EXPECT_EQ(fire(15), "abc)");
  EXPECT_EQ(fire(30), "d");
}

TEST_F(TimeQueueTest, ATimerThatRunsANestedCallMayFireInIt) {
  int calls = 0;
  TimeWatch a(queue);
  a.set_callback([&] {
    if (++calls > 1) return;
    a.arm(at(20));
    queue.fire(at(20), kAllThatAreDue);
    EXPECT_EQ(calls, 2);
  });
  a.arm(at(10));
  fire(10);
  EXPECT_EQ(calls, 2);
}

TEST_F(TimeQueueTest, TimersMayOutliveTheQueue) {
  auto brief = std::make_unique<TimeQueue>();
  TimeWatch a(*brief, [this] { log += 'a'; });
  TimeWatch b(*brief, [this] { log += 'b'; });
  a.arm(at(10));
  b.arm(at(10));
  brief.reset();
  EXPECT_FALSE(a.is_armed());
  a.disarm();
}

TEST_F(TimeQueueTest, TheLastTimeIsADeadlineToo) {
  timer('a').arm(TimePoint::max());
  timer('b').arm(TimePoint::min());
  EXPECT_EQ(fire(1), "b");
  EXPECT_EQ(queue.next(), TimePoint::max());
}

TEST_F(TimeQueueTest, AHundredTimersInRandomOrderFireSorted) {
  std::vector<int> due(101);
  for (int i = 0; i < 101; ++i) due[static_cast<std::size_t>(i)] = i;
  std::shuffle(due.begin(), due.end(), std::mt19937(3));
  std::vector<int> fired;
  for (const int when : due)
    timers.emplace_back(queue, [&fired, when] { fired.push_back(when); }).arm(at(when));
  queue.fire(at(1000), kAllThatAreDue);
  EXPECT_EQ(fired.size(), 101U);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

}  // namespace
}  // namespace ioa
