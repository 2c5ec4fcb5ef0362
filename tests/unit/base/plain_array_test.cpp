#include "ioa/base/plain_array.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace ioa {
namespace {

struct alignas(64) Line {
  std::uint32_t numbers[16];
};

TEST(PlainArrayTest, IsEmptyAtFirst) {
  const PlainArray<int> array;
  EXPECT_EQ(array.size(), 0U);
  EXPECT_EQ(array.begin(), array.end());
}

TEST(PlainArrayTest, KeepsItsElementsAsItGrows) {
  PlainArray<std::uint32_t> array;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) array.push_back(i);
  ASSERT_EQ(array.size(), 1'000'000U);
  std::uint32_t expected = 0;
  for (const std::uint32_t each : array) ASSERT_EQ(each, expected++);
}

TEST(PlainArrayTest, ElementsAreAlignedAtEverySize) {
  PlainArray<Line> array;
  std::vector<std::unique_ptr<char[]>> between;  // so that small blocks have to move
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    array.push_back({{i}});
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % alignof(Line), 0U);
    if (i < 100) between.push_back(std::make_unique<char[]>(16 * (i % 7 + 1)));
    if ((i & (i - 1)) != 0) continue;
    for (std::uint32_t k = 0; k <= i; ++k) ASSERT_EQ(array[k].numbers[0], k);
  }
}

}  // namespace
}  // namespace ioa
