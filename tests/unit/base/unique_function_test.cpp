#include "ioa/base/unique_function.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/lifetime_tracker.hpp"

namespace ioa {
namespace {

using test::LifetimeTracker;

int twice(int number) { return 2 * number; }

TEST(UniqueFunctionTest, IsEmptyAtFirst) {
  EXPECT_FALSE(UniqueFunction<void()>());
  EXPECT_FALSE(UniqueFunction<void()>(nullptr));
}

TEST(UniqueFunctionTest, CallsAPlainFunction) {
  UniqueFunction<int(int)> function = twice;
  EXPECT_EQ(function(21), 42);
}

TEST(UniqueFunctionTest, OwnsAMoveOnlyCapture) {
  auto number = std::make_unique<int>(7);
  UniqueFunction<int()> function = [number = std::move(number)] { return *number; };
  UniqueFunction<int()> moved = std::move(function);
  EXPECT_EQ(moved(), 7);
  EXPECT_FALSE(function);  // NOLINT(bugprone-use-after-move)
}

TEST(UniqueFunctionTest, KeepsTheStateOfAMutableLambda) {
  UniqueFunction<int()> function = [count = 0]() mutable { return ++count; };
  function();
  UniqueFunction<int()> moved = std::move(function);
  EXPECT_EQ(moved(), 2);
}

TEST(UniqueFunctionTest, ForwardsReferencesAndMoveOnlyArguments) {
  UniqueFunction<void(std::string&, std::unique_ptr<int>)> function =
      [](std::string& text, std::unique_ptr<int> number) { text += std::to_string(*number); };
  std::string text = "n=";
  function(text, std::make_unique<int>(5));
  EXPECT_EQ(text, "n=5");
}

TEST(UniqueFunctionTest, ReturnsMoveOnlyResults) {
  UniqueFunction<std::unique_ptr<int>()> function = [] { return std::make_unique<int>(3); };
  EXPECT_EQ(*function(), 3);
}

TEST(UniqueFunctionTest, IgnoresAResultThatNobodyWants) {
  int calls = 0;
  UniqueFunction<void()> function = [&calls] { return ++calls; };
  UniqueFunction<void()> large = [&calls, padding = std::array<char, 100>{}] {
    return calls += 1 + padding[0];
  };
  function();
  large();
  EXPECT_EQ(calls, 2);
}

TEST(UniqueFunctionTest, ConvertsItsResult) {
  UniqueFunction<std::string()> function = [] { return "text"; };
  EXPECT_EQ(function(), "text");
}

TEST(UniqueFunctionTest, HoldsACaptureThatIsLargerThanItself) {
  std::array<std::uint64_t, 32> large{};
  large.back() = 99;
  UniqueFunction<std::uint64_t()> function = [large] { return large.back(); };
  UniqueFunction<std::uint64_t()> moved = std::move(function);
  EXPECT_EQ(moved(), 99U);
}

TEST(UniqueFunctionTest, AlignsACaptureThatNeedsMoreThanAPointer) {
  struct alignas(64) Wide {
    char bytes[64];
  };
  UniqueFunction<std::uintptr_t()> function = [wide = Wide{}] {
    return reinterpret_cast<std::uintptr_t>(&wide);
  };
  EXPECT_EQ(function() % 64, 0U);
  struct alignas(16) Small {
    char byte;
  };
  struct Shifted {  // one of the two functions is not aligned as Small is
    UniqueFunction<std::uintptr_t()> first;
    void* shift;
    UniqueFunction<std::uintptr_t()> second;
  };
  Shifted shifted;
  for (auto* each : {&shifted.first, &shifted.second}) {
    *each = [small = Small{}] { return reinterpret_cast<std::uintptr_t>(&small); };
    EXPECT_EQ((*each)() % 16, 0U);
  }
}

// Tracked captures: `pad` chooses between the place inside the function and the heap.
template <std::size_t pad>
auto holding(const LifetimeTracker& tracker) {
  return [object = tracker.make(), padding = std::array<char, pad>{}] {
    static_cast<void>(object);
    static_cast<void>(padding);
  };
}

TEST(UniqueFunctionTest, DestroysEachCaptureOnce) {
  const LifetimeTracker tracker;
  {
    UniqueFunction<void()> small = holding<1>(tracker);
    UniqueFunction<void()> large = holding<200>(tracker);
    UniqueFunction<void()> moved = std::move(small);
    moved = std::move(large);
    EXPECT_EQ(tracker.alive(), 1);
    small = std::move(moved);
    UniqueFunction<void()>& same = small;
    small = std::move(same);
    EXPECT_EQ(tracker.alive(), 1);
    small();
    small = nullptr;
    EXPECT_TRUE(tracker.is_clean());
  }
  EXPECT_TRUE(tracker.is_clean());
}

TEST(UniqueFunctionTest, ACaptureThatMayThrowWhenMovedIsNeverMoved) {
  struct Moody {
    Moody() = default;
    Moody(const Moody&) = default;
    Moody(Moody&&) noexcept(false) { ++moves; }
    int moves = 0;
  };
  UniqueFunction<int()> function = [moody = Moody()] { return moody.moves; };
  const int before = function();
  UniqueFunction<int()> moved = std::move(function);
  EXPECT_EQ(moved(), before);
}

TEST(UniqueFunctionTest, ExceptionsPassThrough) {
  UniqueFunction<void()> function = [] { throw std::runtime_error("no"); };
  EXPECT_THROW(function(), std::runtime_error);
  EXPECT_THROW(function(), std::runtime_error);
}

TEST(UniqueFunctionTest, IsEmptyWhileItsOldCaptureIsDestroyed) {
  struct Looker {
    explicit Looker(std::function<void()> what) : look(std::move(what)) {}
    Looker(Looker&& other) noexcept : look(std::exchange(other.look, nullptr)) {}
    ~Looker() {
      if (look) look();
    }
    std::function<void()> look;
  };
  UniqueFunction<void()> function;
  bool was_empty = false;
  function = [looker = Looker([&] { was_empty = !function; })] {};
  function = nullptr;
  EXPECT_TRUE(was_empty);
}

TEST(UniqueFunctionDeathTest, CallingAnEmptyOneIsABug) {
  UniqueFunction<void()> function;
  EXPECT_DEATH(function(), "empty function");
}

}  // namespace
}  // namespace ioa
