#include "cli/commands/run_child/spill_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

namespace ioa::cli {
namespace {

std::string take_all(StoredOutput& output) {
  std::string all;
  for (std::string_view bytes = output.front(); !bytes.empty(); bytes = output.front()) {
    all += bytes;
    output.consume(bytes.size());
  }
  return all;
}

std::string pattern(std::size_t size, char first) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i)
    text.push_back(static_cast<char>(first + static_cast<int>(i % 23)));
  return text;
}

TEST(StoredOutputTest, KeepsLittleInMemory) {
  SpillRoom room;
  StoredOutput output(room);
  EXPECT_TRUE(output.empty());
  output.append("ab");
  output.append("c");
  EXPECT_EQ(room.in_memory, 3U);
  EXPECT_EQ(room.file.size(), 0U);
  EXPECT_EQ(take_all(output), "abc");
  EXPECT_TRUE(output.empty());
  EXPECT_EQ(room.in_memory, 0U);
}

TEST(StoredOutputTest, KeepsTheOrderOverDiskAndMemory) {
  SpillRoom room;
  room.limit_of_each = 100;
  StoredOutput a(room);
  StoredOutput b(room);
  std::string wanted_a;
  std::string wanted_b;
  for (int i = 0; i < 50; ++i) {
    const std::string piece = pattern(70, static_cast<char>('A' + i % 7));
    a.append(piece);
    b.append(piece + "b");
    wanted_a += piece;
    wanted_b += piece + "b";
  }
  EXPECT_GT(room.file.size(), 6000U);
  EXPECT_LE(room.in_memory, 200U);
  EXPECT_EQ(take_all(a), wanted_a);
  EXPECT_EQ(take_all(b), wanted_b);
  EXPECT_EQ(room.file.size(), 0U);
  EXPECT_EQ(room.in_memory, 0U);
}

TEST(StoredOutputTest, AllTogetherHaveALimit) {
  SpillRoom room;
  room.memory_limit = 1000;
  StoredOutput a(room);
  StoredOutput b(room);
  a.append(pattern(900, 'a'));
  b.append(pattern(200, 'b'));
  EXPECT_EQ(room.in_memory, 900U);
  EXPECT_EQ(room.file.size(), 200U);
}

TEST(StoredOutputTest, CanBeTakenFromAndAddedToInTurns) {
  SpillRoom room;
  room.limit_of_each = 64U << 10;
  StoredOutput output(room);
  const std::string much = pattern(300 << 10, 'a');
  output.append(much);
  std::string taken(output.front());
  output.consume(taken.size());
  output.append("end");
  EXPECT_EQ(taken + take_all(output), much + "end");
}

TEST(StoredOutputTest, GivesItsRoomBackWhenItGoes) {
  SpillRoom room;
  room.limit_of_each = 10;
  {
    StoredOutput output(room);
    output.append(pattern(50, 'a'));
    output.append("b");
    EXPECT_EQ(room.file.size(), 50U);
  }
  EXPECT_EQ(room.file.size(), 0U);
  EXPECT_EQ(room.in_memory, 0U);
}

TEST(StoredOutputTest, WithoutADiskItIsFullAndLosesNothing) {
  SpillRoom room;
  room.limit_of_each = 10;
  int told = 0;
  room.on_full = [&told] { ++told; };
  const char* before = ::getenv("TMPDIR");
  const std::string old = before != nullptr ? before : "";
  ::setenv("TMPDIR", "/proc", 1);  // where nobody can make a file
  StoredOutput output(room);
  output.append(pattern(50, 'a'));
  before != nullptr ? ::setenv("TMPDIR", old.c_str(), 1) : ::unsetenv("TMPDIR");
  EXPECT_TRUE(output.is_full());
  EXPECT_EQ(told, 1);
  EXPECT_NE(room.write_error, 0);
  EXPECT_EQ(take_all(output), pattern(50, 'a'));
  EXPECT_FALSE(output.is_full());
}

}  // namespace
}  // namespace ioa::cli
