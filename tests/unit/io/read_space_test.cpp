#include "ioa/io/read_space.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ioa {
namespace {

TEST(ReadSpaceTest, IsTheSameForOneAfterTheOther) {
  const char* first = ReadSpace().space().data();
  EXPECT_EQ(ReadSpace().space().data(), first);
}

TEST(ReadSpaceTest, IsNotSharedByOneInsideAnother) {
  const ReadSpace outer;
  {
    const ReadSpace inner;
    const ReadSpace innermost;
    EXPECT_NE(outer.space().data(), inner.space().data());
    EXPECT_NE(inner.space().data(), innermost.space().data());
  }
  const ReadSpace again;
  EXPECT_NE(outer.space().data(), again.space().data());
}

TEST(ReadSpaceTest, PutsWhatCameBeforeInFront) {
  const ReadSpace space;
  ASSERT_EQ(space.space().size(), ReadSpace::kSize);
  std::fill(space.space().begin(), space.space().end(), 'b');
  const std::string front(ReadSpace::kFront, 'a');
  EXPECT_EQ(space.bytes(ReadSpace::kSize, front), front + std::string(ReadSpace::kSize, 'b'));
  EXPECT_EQ(space.bytes(2, "a"), "abb");
  EXPECT_EQ(space.bytes(2), "bb");
}

}  // namespace
}  // namespace ioa
