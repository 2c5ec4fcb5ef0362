#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "ioa/loop/time_queue.hpp"

namespace ioa {

// Reaches the counter that would need 2^31 armings to get far.
struct TimeQueuePeer {
  static void skip_sequences(TimeQueue& queue, std::uint32_t count) {
    queue.next_sequence_ += count;
  }
};

namespace {

constexpr int kTimers = 60;
constexpr std::size_t kNoLimit = 1'000'000;

TimePoint at(std::int64_t tick) { return TimePoint(Duration(tick)); }

// A list of timers, searched from end to end: slow and obviously right.
class Model {
 public:
  struct Entry {
    std::int64_t due = 0;
    std::uint64_t sequence = 0;
    bool is_armed = false;
    bool is_new = false;  // armed since fire() began
  };

  explicit Model(std::size_t count) : entries(count) {}

  void arm(std::size_t index, std::int64_t due) {
    entries[index] = {std::max(due, fired_until), ++sequence, true, true};
  }
  void disarm(std::size_t index) { entries[index].is_armed = false; }

  std::optional<std::size_t> first() const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Entry& entry = entries[i];
      if (!entry.is_armed) continue;
      if (!best || entry.due < entries[*best].due ||
          (entry.due == entries[*best].due && entry.sequence < entries[*best].sequence))
        best = i;
    }
    return best;
  }
  void begin_fire(std::int64_t now) {
    fired_until = now;
    for (Entry& entry : entries) entry.is_new = false;
  }
  // The timer that fire() has to call next, taken out.
  std::optional<std::size_t> take(std::int64_t now) {
    const auto index = first();
    if (!index || entries[*index].due > now || entries[*index].is_new) return std::nullopt;
    entries[*index].is_armed = false;
    return index;
  }

  std::vector<Entry> entries;
  std::uint64_t sequence = 0;
  std::int64_t fired_until = INT64_MIN;
};

class TimeQueueModelTest : public ::testing::TestWithParam<unsigned> {
 protected:
  TimeQueueModelTest() {
    for (std::size_t i = 0; i < kTimers; ++i)
      timers.push_back(std::make_unique<TimeWatch>(queue, [this, i] { fired(i); }));
  }

  void change(std::size_t index) {
    if (random() % 4 == 0) {
      timers[index]->disarm();
      model.disarm(index);
    } else if (random() % 20 == 0) {
      timers[index] = std::make_unique<TimeWatch>(queue, [this, index] { fired(index); });
      model.disarm(index);
    } else {
      const std::int64_t due = now + static_cast<std::int64_t>(random() % 60) - 10;
      timers[index]->arm(at(due));
      model.arm(index, due);
    }
  }

  void fired(std::size_t index) {
    const auto expected = model.take(now);
    ASSERT_TRUE(expected.has_value()) << "timer " << index << " fired, none should";
    ASSERT_EQ(index, *expected);
    // Callbacks change themselves and others.
    if (random() % 2 == 0) change(index);
    if (random() % 2 == 0) change(random() % kTimers);
  }

  void compare() {
    const auto first = model.first();
    ASSERT_EQ(queue.next().has_value(), first.has_value());
    if (first) {
      ASSERT_EQ(queue.next(), at(model.entries[*first].due));
    }
    for (std::size_t i = 0; i < kTimers; ++i)
      ASSERT_EQ(timers[i]->is_armed(), model.entries[i].is_armed) << "timer " << i;
  }

  std::mt19937 random{GetParam()};
  std::int64_t now = 1000;
  Model model{kTimers};
  TimeQueue queue;
  std::vector<std::unique_ptr<TimeWatch>> timers;
};

TEST_P(TimeQueueModelTest, BehavesAsASortedListUnderRandomOperations) {
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 5 != 0) {
      change(random() % kTimers);
    } else {
      now += static_cast<std::int64_t>(random() % 12);
      model.begin_fire(now);
      queue.fire(at(now), kNoLimit);
      ASSERT_EQ(model.take(now), std::nullopt) << "a due timer did not fire";
    }
    compare();
    if (HasFatalFailure()) FAIL() << "after operation " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimeQueueModelTest, ::testing::Values(1U, 2U, 3U, 4U));

TEST(TimeQueueWrapTest, EqualDeadlinesStayInOrderAcrossTheWrap) {
  TimeQueue queue;
  TimeQueuePeer::skip_sequences(queue, UINT32_MAX - 1);
  std::vector<int> fired;
  std::vector<std::unique_ptr<TimeWatch>> timers;
  for (int i = 0; i < 4; ++i) {
    timers.push_back(std::make_unique<TimeWatch>(queue, [&fired, i] { fired.push_back(i); }));
    timers.back()->arm(at(5));
  }
  queue.fire(at(5), kNoLimit);
  EXPECT_EQ(fired, (std::vector<int>{0, 1, 2, 3}));
}

TEST(TimeQueueWrapTest, ATimerThatWasArmedLongAgoFiresAllTheSame) {
  // 2^31 armings after it: what a busy server does in an hour.
  for (const std::uint32_t armings : {0x7fff'ffffU, 0x8000'0000U, 0xc000'0000U, 0xffff'fffeU}) {
    TimeQueue queue;
    int fired = 0;
    TimeWatch old(queue, [&fired] { ++fired; });
    old.arm(at(100));
    TimeQueuePeer::skip_sequences(queue, armings);
    TimeWatch young(queue, [&fired] { ++fired; });
    young.arm(at(100));
    queue.fire(at(100), kNoLimit);
    queue.fire(at(101), kNoLimit);
    EXPECT_EQ(fired, 2) << armings << " armings later";
  }
}

}  // namespace
}  // namespace ioa
