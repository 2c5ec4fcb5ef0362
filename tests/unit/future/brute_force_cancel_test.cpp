#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ioa/future/combine.hpp"
#include "ioa/future/task_set.hpp"
#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using Tracked = test::LifetimeTracker::Object;

// Operations that some event outside completes: each step() completes the oldest one.
class Steps {
 public:
  Future<int> next() {
    auto& promise = promises_.emplace_back();
    ++pending_;
    promise.on_cancel([this] { --pending_; });
    return promise.future();
  }
  bool step() {
    while (!promises_.empty()) {
      Promise<int> promise = std::move(promises_.front());
      promises_.pop_front();
      if (!promise.wanted()) continue;
      --pending_;
      if (++count_ % 5 == 0)
        promise.fail(test::broken());
      else
        promise.done(count_);
      return true;
    }
    return false;
  }
  /// Operations that somebody still waits for.
  int pending() const { return pending_; }

 private:
  std::deque<Promise<int>> promises_;
  int pending_ = 0;
  int count_ = 0;
};

// Each scenario is run to its end once, and then again and again, cancelled after 0, 1, 2, ...
// steps: nothing may leak, die twice, or stay pending.
class BruteForceCancelTest : public test::FutureTest {
 protected:
  using Scenario = std::function<Future<int>(Steps&, const test::LifetimeTracker&)>;

  // Returns the number of steps to the end.
  int check(const Scenario& scenario) {
    for (int limit = 0;; ++limit) {
      if (limit > 10'000) throw std::runtime_error("the scenario has no end");
      Steps steps;
      Future<int> future = scenario(steps, tracker);
      int done = 0;
      bool more = true;
      while (done < limit && more) {
        more = queue.drain(1) > 0 || steps.step();
        if (more) ++done;
      }
      const bool is_finished = future.ready();
      future.cancel();
      EXPECT_TRUE(tracker.is_clean()) << tracker.alive() << " left after " << done << " steps";
      EXPECT_EQ(steps.pending(), 0) << "after " << done << " steps";
      EXPECT_TRUE(queue.empty()) << "after " << done << " steps";
      if (is_finished || HasFailure()) return done;
    }
  }
};

Future<int> leaf(Steps& steps, Tracked parameter) {
  const Tracked local = parameter;
  const int value = co_await steps.next();
  const Tracked later = parameter;
  const int more = co_await steps.next();
  co_return value + more;
}

Future<int> tolerant(Steps& steps, Tracked parameter) {
  int sum = 0;
  for (int i = 0; i < 4; ++i) {
    try {
      const int value = co_await leaf(steps, parameter);
      sum += value;
    } catch (const Error&) {
      const Tracked in_handler = parameter;
      ++sum;
    }
  }
  co_return sum;
}

TEST_F(BruteForceCancelTest, NestedCoroutines) {
  const int steps = check([](Steps& source, const test::LifetimeTracker& counts) {
    return tolerant(source, counts.make());
  });
  EXPECT_GT(steps, 10);
}

TEST_F(BruteForceCancelTest, ResultsWithDestructors) {
  const auto inner = [](Steps& steps, Tracked parameter) -> Future<Tracked> {
    const int ignored = co_await steps.next();
    static_cast<void>(ignored);
    co_return parameter;
  };
  const auto outer = [&inner](Steps& steps, Tracked parameter) -> Future<int> {
    const Tracked first = co_await inner(steps, parameter);
    Tracked second = co_await inner(steps, first);
    second = co_await inner(steps, std::move(second));
    co_return 1;
  };
  const int steps = check([&](Steps& source, const test::LifetimeTracker& counts) {
    return outer(source, counts.make());
  });
  EXPECT_GT(steps, 5);
}

TEST_F(BruteForceCancelTest, ThenChains) {
  const int steps = check([](Steps& source, const test::LifetimeTracker& counts) {
    return source.next()
        .then([&source, object = counts.make()](int) { return leaf(source, object); })
        .then([object = counts.make()](int n) { return n + 1; })
        .then([&source, object = counts.make()](int) { return source.next(); });
  });
  EXPECT_GT(steps, 5);
}

TEST_F(BruteForceCancelTest, CoroutinesThatOwnTaskSets) {
  const auto parent = [](Steps& steps, Tracked parameter) -> Future<int> {
    int failures = 0;
    const auto count = [](void* counter, std::exception_ptr) { ++*static_cast<int*>(counter); };
    TaskSet tasks(count, &failures);
    const auto child = [](Steps& source, Tracked object) -> Future<> {
      const int value = co_await leaf(source, object);
      static_cast<void>(value);
    };
    for (int i = 0; i < 3; ++i) tasks.add(child(steps, parameter));
    const int value = co_await tolerant(steps, parameter);
    co_return value + failures;
  };
  const int steps = check([&](Steps& source, const test::LifetimeTracker& counts) {
    return parent(source, counts.make());
  });
  EXPECT_GT(steps, 10);
}

TEST_F(BruteForceCancelTest, FuturesHeldInLocals) {
  const auto body = [](Steps& steps, Tracked parameter) -> Future<int> {
    Future<int> first = leaf(steps, parameter);
    Future<int> second = leaf(steps, parameter);
    Future<int> third = leaf(steps, parameter);
    const int b = co_await std::move(second);
    third.cancel();
    const int a = co_await std::move(first);
    co_return a + b;
  };
  const int steps = check([&](Steps& source, const test::LifetimeTracker& counts) {
    return body(source, counts.make());
  });
  EXPECT_GT(steps, 5);
}

TEST_F(BruteForceCancelTest, CombinationsOfCoroutines) {
  const auto body = [](Steps& steps, Tracked parameter) -> Future<int> {
    Future<std::tuple<int, int>> pair = all(leaf(steps, parameter), tolerant(steps, parameter));
    int sum = 0;
    try {
      const std::tuple<int, int> both = co_await std::move(pair);
      sum += std::get<0>(both) + std::get<1>(both);
    } catch (const Error&) {
      ++sum;
    }
    std::vector<Future<int>> racers;
    for (int i = 0; i < 3; ++i) racers.push_back(leaf(steps, parameter));
    Future<Winner<int>> fastest = any_success(std::move(racers));
    const Winner<int> winner = co_await std::move(fastest);
    std::vector<Future<int>> rest;
    for (int i = 0; i < 3; ++i) rest.push_back(leaf(steps, parameter));
    std::vector<Future<int>> settled = co_await ioa::settle(std::move(rest));
    co_return sum + winner.value + static_cast<int>(settled.size());
  };
  const int steps = check([&](Steps& source, const test::LifetimeTracker& counts) {
    return body(source, counts.make());
  });
  EXPECT_GT(steps, 10);
}

}  // namespace
}  // namespace ioa
