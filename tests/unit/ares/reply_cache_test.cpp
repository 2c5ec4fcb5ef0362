#include "ioa/ares/reply_cache.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace ioa {
namespace {

using namespace std::chrono_literals;
using detail::ReplyCache;

constexpr TimePoint kStart = TimePoint(1000s);

DnsReply reply(std::uint32_t ttl_s) {
  DnsReply result;
  result.records = {{ttl_s, "192.0.2.1"}};
  return result;
}

TEST(ReplyCacheTest, GivesWhatMayStillBeUsedWithTheTimeThatIsLeft) {
  ReplyCache cache(2);
  cache.put("a", reply(60), 60, kStart);
  EXPECT_EQ(cache.find("a", kStart)->records[0].ttl_s, 60U);
  EXPECT_EQ(cache.find("a", kStart + 59900ms)->records[0].ttl_s, 1U);
  EXPECT_FALSE(cache.find("a", kStart + 60s));
  EXPECT_EQ(cache.size(), 0U) << "it is gone then";
  EXPECT_FALSE(cache.find("b", kStart));
}

TEST(ReplyCacheTest, WhatWasNotAskedForLongestGoesFirst) {
  ReplyCache cache(2);
  cache.put("a", reply(60), 60, kStart);
  cache.put("b", reply(60), 60, kStart);
  EXPECT_TRUE(cache.find("a", kStart));
  cache.put("c", reply(60), 60, kStart);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_TRUE(cache.find("a", kStart));
  EXPECT_FALSE(cache.find("b", kStart));
  EXPECT_TRUE(cache.find("c", kStart));
}

TEST(ReplyCacheTest, ANewReplyTakesThePlaceOfTheOld) {
  ReplyCache cache(2);
  cache.put("a", reply(60), 60, kStart);
  cache.put("a", reply(90), 90, kStart);
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.find("a", kStart)->records[0].ttl_s, 90U);
}

TEST(ReplyCacheTest, KeepsNothingWithoutATtlOrWithoutRoom) {
  ReplyCache cache(2);
  cache.put("a", reply(0), 0, kStart);
  EXPECT_EQ(cache.size(), 0U);
  ReplyCache none(0);
  none.put("a", reply(60), 60, kStart);
  EXPECT_EQ(none.size(), 0U);
}

TEST(ReplyCacheTest, KeepsNothingForMoreThanADay) {
  ReplyCache cache(2);
  cache.put("a", reply(UINT32_MAX), UINT32_MAX, kStart);
  EXPECT_TRUE(cache.find("a", kStart + 23h));
  EXPECT_FALSE(cache.find("a", kStart + 24h));
}

}  // namespace
}  // namespace ioa
