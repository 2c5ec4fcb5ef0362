#include "cli/backoff.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{};

RetryPolicy policy_of(std::optional<std::uint32_t> retries, std::optional<Duration> wait) {
  RetryPolicy policy;
  policy.retries = retries;
  policy.wait = wait;
  return policy;
}

/// The delays with jitter at one place of its span.
std::vector<Duration> delays(const RetryPolicy& policy, double fraction, int count) {
  Backoff backoff(policy, kStart, [fraction] { return fraction; });
  std::vector<Duration> all;
  for (int i = 0; i < count; ++i) all.push_back(backoff.next(kStart).value_or(-1ns));
  return all;
}

TEST(BackoffTest, DoublesUpToTheLongestDelay) {
  const RetryPolicy policy = policy_of(100, std::nullopt);
  EXPECT_EQ(delays(policy, 0.5, 7),
            (std::vector<Duration>{200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s}));
}

TEST(BackoffTest, JitterIsAQuarterEitherWayAndStaysBelowTheLongestDelay) {
  const RetryPolicy policy = policy_of(100, std::nullopt);
  EXPECT_EQ(delays(policy, 0.0, 2), (std::vector<Duration>{150ms, 300ms}));
  EXPECT_EQ(delays(policy, 1.0, 6), (std::vector<Duration>{250ms, 500ms, 1s, 2s, 4s, 5s}));
}

TEST(BackoffTest, JitterIsSpreadOverItsSpan) {
  const RetryPolicy policy = policy_of(1, std::nullopt);
  Duration shortest = Duration::max();
  Duration longest{};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = Backoff(policy, kStart).next(kStart).value();
    shortest = std::min(shortest, delay);
    longest = std::max(longest, delay);
  }
  EXPECT_GE(shortest, 150ms);
  EXPECT_LE(longest, 250ms);
  EXPECT_LT(shortest, 160ms);
  EXPECT_GT(longest, 240ms);
}

TEST(BackoffTest, GivesSoManyDelaysAndNoMore) {
  const RetryPolicy policy = policy_of(2, std::nullopt);
  Backoff backoff(policy, kStart);
  EXPECT_TRUE(backoff.next(kStart));
  EXPECT_TRUE(backoff.next(kStart + 1h));
  EXPECT_FALSE(backoff.next(kStart));
  EXPECT_EQ(backoff.tries(), 2U);
}

TEST(BackoffTest, NeverReachesOverTheEndOfTheWait) {
  const RetryPolicy policy = policy_of(std::nullopt, 1s);
  Backoff backoff(policy, kStart, [] { return 0.5; });
  EXPECT_EQ(backoff.next(kStart + 950ms), 50ms);
  EXPECT_EQ(backoff.next(kStart + 1s), std::nullopt);
  EXPECT_EQ(backoff.time_left(kStart + 1500ms), -500ms);
}

TEST(BackoffTest, AWaitOfZeroHasNoEnd) {
  const RetryPolicy policy = policy_of(std::nullopt, 0s);
  Backoff backoff(policy, kStart);
  EXPECT_TRUE(backoff.next(kStart + 1000h));
  EXPECT_EQ(backoff.time_left(kStart), std::nullopt);
}

TEST(BackoffTest, IsNoneUnlessAskedFor) {
  const RetryPolicy policy;
  EXPECT_EQ(Backoff(policy, kStart).next(kStart), std::nullopt);
}

TEST(BackoffTest, BeginsAnewWhenReset) {
  const RetryPolicy policy = policy_of(100, std::nullopt);
  Backoff backoff(policy, kStart, [] { return 0.5; });
  backoff.next(kStart);
  backoff.next(kStart);
  backoff.reset();
  EXPECT_EQ(backoff.next(kStart), 200ms);
}

TEST(BackoffTest, TheLongestDurationsDoNotOverflow) {
  RetryPolicy policy = policy_of(100, std::nullopt);
  policy.delay = policy.max_delay = Duration::max();
  Backoff backoff(policy, kStart, [] { return 1.0; });
  EXPECT_EQ(backoff.next(kStart), Duration::max());
  EXPECT_EQ(backoff.next(kStart), Duration::max());
}

}  // namespace
}  // namespace ioa::cli
