#include "cli/commands/listen/shared_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ioa::cli {
namespace {

std::string first_pieces(const SharedQueue& queue, std::size_t most = 64) {
  std::array<iovec, 64> space;  // NOLINT(*-member-init): filled
  std::string text;
  for (const iovec& piece : queue.fill(std::span(space).first(most)))
    text.append(static_cast<const char*>(piece.iov_base), piece.iov_len).append("|");
  return text;
}

TEST(SharedQueueTest, KeepsPiecesInTheirOrder) {
  SharedQueue queue;
  EXPECT_TRUE(queue.is_empty());
  queue.push(SharedBytes("abc"));
  queue.push(SharedBytes("de"));
  queue.push(SharedBytes("f"));
  EXPECT_EQ(queue.bytes(), 6U);
  EXPECT_EQ(queue.cost(), 6 + 3 * SharedQueue::kCostOfPiece);
  EXPECT_EQ(first_pieces(queue), "abc|de|f|");
  EXPECT_EQ(first_pieces(queue, 2), "abc|de|");
  queue.consume(1);
  EXPECT_EQ(first_pieces(queue), "bc|de|f|");
  queue.consume(3);
  EXPECT_EQ(first_pieces(queue), "e|f|");
  queue.consume(2);
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(queue.cost(), 0U);
}

TEST(SharedQueueTest, TakesUpWhatWasSentInPart) {
  SharedQueue queue;
  const SharedBytes bytes("hello");
  queue.push(bytes, 5);
  EXPECT_TRUE(queue.is_empty());
  queue.push(bytes, 2);
  queue.push(bytes);
  EXPECT_EQ(first_pieces(queue), "llo|hello|");
  queue.consume(3);
  EXPECT_EQ(first_pieces(queue), "hello|");
}

TEST(SharedQueueTest, BytesLiveAsLongAsSomebodyHoldsThem) {
  SharedQueue one, other;
  {
    const SharedBytes bytes("shared");
    const SharedBytes copy = bytes;
    EXPECT_EQ(copy.view().data(), bytes.view().data());
    one.push(bytes);
    other.push(copy);
  }
  one.clear();
  EXPECT_EQ(first_pieces(other), "shared|");
}

TEST(SharedQueueTest, ALongQueueIsConsumedInAnySteps) {
  SharedQueue queue;
  std::string all;
  for (int i = 0; i < 500; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 7 + 1), static_cast<char>('a' + i % 26));
    queue.push(SharedBytes(piece));
    all += piece;
  }
  std::string got;
  for (std::size_t step = 1; !queue.is_empty(); step = step % 11 + 1) {
    std::string front = first_pieces(queue);
    std::erase(front, '|');
    const std::size_t size = std::min(step, queue.bytes());
    got += front.substr(0, size);
    queue.consume(size);
  }
  EXPECT_EQ(got, all);
}

}  // namespace
}  // namespace ioa::cli
