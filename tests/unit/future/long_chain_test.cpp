#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

// Long chains must need neither stack nor time out of proportion. The depth of the stack is taken
// from the addresses of locals.
class StackDepth {
 public:
  void note() {
    const volatile char here = 0;
    const auto address = reinterpret_cast<std::uintptr_t>(&here);
    lowest_ = std::min(lowest_, address);
    highest_ = std::max(highest_, address);
  }
  std::uintptr_t bytes() const { return highest_ - lowest_; }

 private:
  std::uintptr_t lowest_ = UINTPTR_MAX;
  std::uintptr_t highest_ = 0;
};

class LongChainTest : public test::FutureTest {
 protected:
  StackDepth depth;
};

constexpr int kMillion = 1'000'000;

TEST_F(LongChainTest, AMillionReadyAwaitsGrowNoStack) {
  const auto one = []() -> Future<int> { co_return 1; };
  const auto loop = [&one](StackDepth& stack) -> Future<int> {
    int sum = 0;
    for (int i = 0; i < kMillion; ++i) {
      const int value = co_await one();
      sum += value;
      stack.note();
    }
    co_return sum;
  };
  EXPECT_EQ(take(loop(depth)), kMillion);
  EXPECT_LT(depth.bytes(), 4096U);
}

TEST_F(LongChainTest, AHundredThousandQueuedReactionsGrowNoStack) {
  constexpr int kRounds = 100'000;
  const auto loop = [](StackDepth& stack) -> Future<> {
    for (int i = 0; i < kRounds; ++i) {
      Future<> step = Future<>::resolved().then([] {});  // is ready only after a reaction
      co_await std::move(step);
      stack.note();
    }
  };
  take(loop(depth));
  EXPECT_LT(depth.bytes(), 4096U);
}

TEST_F(LongChainTest, ADeepChainOfCoroutinesUnwindsThroughTheQueue) {
  // Each level waits for the next one; the ends come back through the queue, not the stack.
  constexpr int kDepth = 50'000;
  Promise<int> promise;
  Future<int> chain = promise.future();
  const auto level = [](Future<int> below, StackDepth& stack) -> Future<int> {
    const int value = co_await std::move(below);
    stack.note();
    co_return value + 1;
  };
  for (int i = 0; i < kDepth; ++i) chain = level(std::move(chain), depth);
  promise.done(0);
  EXPECT_EQ(take(std::move(chain)), kDepth);
  EXPECT_LT(depth.bytes(), 4096U);
}

TEST_F(LongChainTest, AFailureUnwindsThroughTheQueueToo) {
  constexpr int kDepth = 10'000;
  Promise<int> promise;
  Future<int> chain = promise.future();
  const auto level = [](Future<int> below) -> Future<int> {
    const int value = co_await std::move(below);
    co_return value;
  };
  for (int i = 0; i < kDepth; ++i) chain = level(std::move(chain));
  promise.fail(test::broken());
  settle();
  EXPECT_EQ(test::kind_of_failure(chain), ErrorKind::disconnected);
}

}  // namespace
}  // namespace ioa
