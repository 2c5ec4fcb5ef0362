#include "ioa/io/byte_generator.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "ioa/io/byte_end.hpp"

namespace ioa {
namespace {

std::string take(ByteGenerator& generator, std::size_t size) {
  std::string bytes(size, 'x');
  bytes.resize(generator.generate(bytes));
  return bytes;
}

TEST(ByteGeneratorTest, MakesSoManyAndNoMore) {
  ZeroGenerator zeros(10);
  EXPECT_EQ(take(zeros, 7), std::string(7, '\0'));
  EXPECT_EQ(zeros.left(), 3U);
  EXPECT_EQ(take(zeros, 7), std::string(3, '\0'));
  EXPECT_EQ(take(zeros, 7), "");
  ZeroGenerator none(0);
  EXPECT_EQ(take(none, 7), "");
}

TEST(ByteGeneratorTest, RandomBytesAreOfEveryKindAndNeverTheSame) {
  RandomGenerator one(100'003);
  RandomGenerator other(100'003);
  const std::string bytes = take(one, 200'000);
  EXPECT_EQ(bytes.size(), 100'003U);
  EXPECT_NE(bytes, take(other, 200'000));
  EXPECT_EQ(std::set<char>(bytes.begin(), bytes.end()).size(), 256U);
}

TEST(ByteGeneratorTest, IsASourceThatIsAlwaysReady) {
  ByteEnd end = ByteEnd::generated(std::make_unique<ZeroGenerator>(5));
  EXPECT_EQ(end.kind(), FdKind::generated);
  EXPECT_TRUE(end.is_open());
  EXPECT_TRUE(end.is_readable());
  EXPECT_EQ(end.bytes_left(), 5U);
  char space[8];
  EXPECT_EQ(end.read(space), 5);
  EXPECT_EQ(end.read(space), 0);
  EXPECT_EQ(end.write("x"), -1);
}

}  // namespace
}  // namespace ioa
