#include "ioa/io/token_bucket.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace ioa {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(1000)};

/// Takes all there is at every chance, and returns how many bytes that are within `length`.
std::uint64_t taken_within(TokenBucket& bucket, Duration length) {
  std::uint64_t sum = 0;
  TimePoint now = kStart;
  while (now <= kStart + length) {
    if (const std::uint64_t most = bucket.available(now)) {
      bucket.take(most, now);
      sum += most;
    }
    now = std::max(now, bucket.next());
  }
  return sum;
}

TEST(TokenBucketTest, LetsThroughSoManyBytesASecond) {
  for (const std::uint64_t rate : {1ULL, 7ULL, 100ULL, 1000ULL, 1'000'000ULL, 10'000'000'000ULL}) {
    TokenBucket bucket(rate, kStart);
    const auto sum = static_cast<double>(taken_within(bucket, seconds(10)));
    EXPECT_NEAR(sum, 10.0 * static_cast<double>(rate), 0.02 * 10.0 * static_cast<double>(rate) + 1);
  }
}

TEST(TokenBucketTest, SavesNoMoreThanFiftyMilliseconds) {
  TokenBucket bucket(1'000'000, kStart);
  EXPECT_EQ(bucket.available(kStart), 10'000U);
  EXPECT_EQ(bucket.available(kStart + seconds(5)), 50'000U);
  bucket.take(50'000, kStart + seconds(5));
  EXPECT_EQ(bucket.available(kStart + seconds(5)), 0U);
}

TEST(TokenBucketTest, DoesNotWakeForCrumbs) {
  TokenBucket bucket(1'000'000, kStart);
  bucket.take(bucket.available(kStart), kStart);
  EXPECT_EQ(bucket.available(kStart + milliseconds(9)), 0U);
  EXPECT_EQ(bucket.next(), kStart + milliseconds(10));
  EXPECT_EQ(bucket.available(bucket.next()), 10'000U);
}

TEST(TokenBucketTest, WhatIsTakenTooMuchIsWaitedFor) {
  TokenBucket bucket(1000, kStart);
  bucket.take(5000, kStart);
  EXPECT_EQ(bucket.available(kStart + seconds(4)), 0U);
  EXPECT_GT(bucket.available(kStart + seconds(6)), 0U);
}

TEST(TokenBucketTest, SurvivesExtremes) {
  TokenBucket slow(1, kStart);
  slow.take(std::numeric_limits<std::uint64_t>::max(), kStart);
  EXPECT_EQ(slow.available(kStart + seconds(1000)), 0U);
  EXPECT_GT(slow.next(), kStart + seconds(1000));
  TokenBucket fast(std::numeric_limits<std::uint64_t>::max(), kStart);
  EXPECT_GT(fast.available(kStart), std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace ioa
