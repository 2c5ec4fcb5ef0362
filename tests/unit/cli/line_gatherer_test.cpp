#include "cli/commands/listen/line_gatherer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ioa::cli {
namespace {

constexpr std::size_t kMax = LineGatherer::kMaxLine;

std::string add(LineGatherer& lines, std::string_view bytes) {
  std::string out;
  lines.add(bytes, out);
  return out;
}

TEST(LineGathererTest, GivesWholeLinesWithTheirPrefix) {
  LineGatherer lines("> ");
  EXPECT_EQ(add(lines, "a"), "");
  EXPECT_EQ(add(lines, "b\ncd\n\ne"), "> ab\n> cd\n> \n");
  EXPECT_EQ(add(lines, "\r\n"), "> e\r\n");
  std::string out;
  EXPECT_FALSE(lines.finish(out));
  EXPECT_EQ(out, "");
}

TEST(LineGathererTest, WhatLacksItsEndComesAtTheEnd) {
  LineGatherer lines("> ");
  EXPECT_EQ(add(lines, "one\ntw"), "> one\n");
  EXPECT_EQ(add(lines, std::string_view("\0o", 2)), "");
  std::string out;
  EXPECT_TRUE(lines.finish(out));
  EXPECT_EQ(out, std::string("> tw\0o", 6));
  EXPECT_FALSE(lines.finish(out));
}

TEST(LineGathererTest, CutsALineThatIsTooLong) {
  LineGatherer lines(">");
  EXPECT_EQ(add(lines, std::string(kMax, 'x')), "");
  EXPECT_EQ(add(lines, "y"), ">" + std::string(kMax, 'x') + "\n");
  EXPECT_EQ(add(lines, "z\n"), ">yz\n");
}

TEST(LineGathererTest, ALineThatIsJustNotTooLongIsOne) {
  LineGatherer lines(">");
  EXPECT_EQ(add(lines, std::string(kMax, 'x') + "\nnext\n"),
            ">" + std::string(kMax, 'x') + "\n>next\n");
  EXPECT_EQ(add(lines, std::string(2 * kMax, 'y') + "\n"),
            ">" + std::string(kMax, 'y') + "\n>" + std::string(kMax, 'y') + "\n");
}

TEST(LineGathererTest, IsTheSameHoweverThePiecesFall) {
  const std::string text = "first\n\nsecond line\r\n" + std::string(kMax + 3, 'q') + "\nend";
  LineGatherer whole("p ");
  std::string expected = add(whole, text);
  whole.finish(expected);
  for (const std::size_t size : {1U, 2U, 7U, 65535U}) {
    LineGatherer lines("p ");
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size)
      lines.add(std::string_view(text).substr(at, size), out);
    lines.finish(out);
    EXPECT_EQ(out, expected) << size;
  }
}

}  // namespace
}  // namespace ioa::cli
