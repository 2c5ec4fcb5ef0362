#include "ioa/base/byte_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <utility>

namespace ioa {
namespace {

TEST(ByteBufferTest, IsEmptyWithoutMemoryAtFirst) {
  const ByteBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.capacity(), 0U);
  EXPECT_EQ(buffer.view(), "");
}

TEST(ByteBufferTest, AppendsAtTheBackAndConsumesFromTheFront) {
  ByteBuffer buffer;
  buffer.append("hello ");
  buffer.append("");
  buffer.append("world");
  EXPECT_EQ(buffer.view(), "hello world");
  buffer.consume(6);
  EXPECT_EQ(buffer.view(), "world");
  buffer.consume(0);
  EXPECT_EQ(buffer.size(), 5U);
}

TEST(ByteBufferTest, HoldsEveryByteValue) {
  ByteBuffer buffer;
  const std::string bytes("\0\xff\n\0", 4);
  buffer.append(bytes);
  EXPECT_EQ(buffer.view(), bytes);
}

TEST(ByteBufferTest, GivesItsMemoryBackWhenItBecomesEmpty) {
  ByteBuffer buffer;
  buffer.append(std::string(10'000, 'x'));
  EXPECT_GE(buffer.capacity(), 10'000U);
  buffer.consume(10'000);
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.append("again");
  buffer.clear();
  EXPECT_EQ(buffer.capacity(), 0U);
  EXPECT_TRUE(buffer.empty());
}

TEST(ByteBufferTest, ConsumingMovesNothing) {
  ByteBuffer buffer;
  buffer.append("abcdef");
  const char* data = buffer.data();
  buffer.consume(2);
  EXPECT_EQ(buffer.data(), data + 2);
}

TEST(ByteBufferTest, PreparedSpaceBecomesDataWhenItIsCommitted) {
  ByteBuffer buffer;
  buffer.append("ab");
  const auto space = buffer.prepare(100);
  ASSERT_GE(space.size(), 100U);
  std::memcpy(space.data(), "cdef", 4);
  EXPECT_EQ(buffer.view(), "ab");
  buffer.commit(3);
  EXPECT_EQ(buffer.view(), "abcde");
}

TEST(ByteBufferTest, ASteadyFlowNeedsABoundedCapacity) {
  ByteBuffer buffer;
  const std::string block(1000, 'x');
  buffer.append("rest");
  for (int i = 0; i < 10'000; ++i) {
    buffer.append(block);
    buffer.consume(block.size());
    ASSERT_LE(buffer.capacity(), 4096U);
  }
  EXPECT_EQ(buffer.size(), 4U);
}

TEST(ByteBufferTest, MovingTakesTheBytesAlong) {
  ByteBuffer first;
  first.append("text");
  ByteBuffer second(std::move(first));
  EXPECT_EQ(second.view(), "text");
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(first.capacity(), 0U);
  first.append("other");
  second = std::move(first);
  EXPECT_EQ(second.view(), "other");
  ByteBuffer& same = second;
  second = std::move(same);
  EXPECT_EQ(second.view(), "other");
}

TEST(ByteBufferTest, BorrowedBytesAreReadWhereTheyLie) {
  const std::string bytes = "header body";
  ByteBuffer buffer = ByteBuffer::borrow(bytes);
  EXPECT_EQ(buffer.data(), bytes.data());
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.consume(7);
  EXPECT_EQ(buffer.view(), "body");
  EXPECT_EQ(buffer.data(), bytes.data() + 7);
  buffer.consume(4);
  EXPECT_TRUE(buffer.empty());
  EXPECT_TRUE(ByteBuffer::borrow("").empty());
}

TEST(ByteBufferTest, BorrowedBytesAreCopiedBeforeTheyAreChanged) {
  const std::string bytes = "abcd";
  ByteBuffer buffer = ByteBuffer::borrow(bytes);
  buffer.consume(1);
  buffer.append("ef");
  EXPECT_EQ(buffer.view(), "bcdef");
  EXPECT_EQ(bytes, "abcd");
  ByteBuffer prepared = ByteBuffer::borrow(bytes);
  ASSERT_GE(prepared.prepare(3).size(), 3U);
  EXPECT_EQ(prepared.view(), "abcd");
  EXPECT_NE(prepared.data(), bytes.data());
  EXPECT_GT(prepared.capacity(), 0U);
}

TEST(ByteBufferTest, MovingFromABorrowerCopiesTheBytes) {
  std::string bytes = "abcd";
  ByteBuffer lender = ByteBuffer::borrow(bytes);
  lender.consume(1);
  ByteBuffer owner = std::move(lender);
  bytes = "....";
  EXPECT_EQ(owner.view(), "bcd");
}

TEST(ByteBufferTest, SwapsWithAnother) {
  ByteBuffer first;
  ByteBuffer second;
  first.append("one");
  second.append("two!");
  second.consume(1);
  first.swap(second);
  EXPECT_EQ(first.view(), "wo!");
  EXPECT_EQ(second.view(), "one");
}

TEST(ByteBufferTest, BehavesAsAStringUnderRandomOperations) {
  std::mt19937 random(20240517);
  ByteBuffer buffer;
  std::string model;
  std::string lent;
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (int i = 0; i < 50'000; ++i) {
    switch (below(6)) {
      case 0:
      case 1: {
        const std::string bytes(below(400), static_cast<char>('a' + i % 26));
        buffer.append(bytes);
        model += bytes;
        break;
      }
      case 2: {
        const std::size_t size = below(600);
        const auto space = buffer.prepare(size);
        ASSERT_GE(space.size(), size);
        const std::size_t used = below(size + 1);
        std::fill_n(space.begin(), used, static_cast<char>(i));
        buffer.commit(used);
        model.append(used, static_cast<char>(i));
        break;
      }
      case 3:
      case 4: {
        const std::size_t size = below(model.size() + 1);
        buffer.consume(size);
        model.erase(0, size);
        break;
      }
      default:
        if (below(20) == 0) {
          lent = model;
          buffer = ByteBuffer::borrow(lent);
        } else if (below(20) == 0) {
          buffer.clear();
          model.clear();
        }
    }
    ASSERT_EQ(buffer.view(), model) << "after operation " << i;
    ASSERT_EQ(buffer.empty(), model.empty());
  }
}

TEST(ByteBufferDeathTest, ConsumingMoreThanThereIsIsABug) {
  ByteBuffer buffer;
  buffer.append("abc");
  EXPECT_DEATH(buffer.consume(4), "consumed");
}

TEST(ByteBufferDeathTest, CommittingMoreThanWasPreparedIsABug) {
  ByteBuffer buffer;
  const std::size_t prepared = buffer.prepare(10).size();
  EXPECT_DEATH(buffer.commit(prepared + 1), "committed");
}

TEST(ByteBufferTest, WhatWasSearchedGoesWhereTheBytesGo) {
  ByteBuffer buffer;
  buffer.append("abcdef");
  buffer.set_searched_for_lf(4);
  buffer.consume(1);
  EXPECT_EQ(buffer.searched_for_lf(), 3U);
  ByteBuffer moved = std::move(buffer);
  EXPECT_EQ(moved.searched_for_lf(), 3U);
  EXPECT_EQ(buffer.searched_for_lf(), 0U);
  moved.append("g");
  EXPECT_EQ(moved.searched_for_lf(), 3U);
  moved.consume(5);
  EXPECT_EQ(moved.searched_for_lf(), 0U);
}

}  // namespace
}  // namespace ioa
