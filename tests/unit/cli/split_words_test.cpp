#include "cli/split_words.hpp"

#include <gtest/gtest.h>

namespace ioa::cli {
namespace {

using Words = std::vector<std::string>;

TEST(SplitWordsTest, SplitsAtBlanks) {
  EXPECT_EQ(split_words("cat"), Words{"cat"});
  EXPECT_EQ(split_words("  a \t b\nc "), (Words{"a", "b", "c"}));
  EXPECT_EQ(split_words(""), Words{});
  EXPECT_EQ(split_words(" \t"), Words{});
}

TEST(SplitWordsTest, KnowsTheShellsQuotes) {
  EXPECT_EQ(split_words(R"('a b' "c d" e\ f)"), (Words{"a b", "c d", "e f"}));
  EXPECT_EQ(split_words(R"(a'b'"c"\d)"), Words{"abcd"});
  EXPECT_EQ(split_words(R"('' "")"), (Words{"", ""}));
  EXPECT_EQ(split_words(R"('a\b"c')"), Words{R"(a\b"c)"});
  EXPECT_EQ(split_words(R"("a\"b\\c\$d\`e\f'g")"), Words{R"(a"b\c$d`e\f'g)"});
}

TEST(SplitWordsTest, ABackslashBeforeTheEndOfALineJoinsLines) {
  EXPECT_EQ(split_words("a\\\nb \"c\\\nd\""), (Words{"ab", "cd"}));
  EXPECT_EQ(split_words("a \\\n b"), (Words{"a", "b"}));
}

TEST(SplitWordsTest, ExpandsNothing) {
  EXPECT_EQ(
      split_words("echo $HOME *.c `x` $(y) a|b >c ;d &e #f ~ {1,2}"),
      (Words{"echo", "$HOME", "*.c", "`x`", "$(y)", "a|b", ">c", ";d", "&e", "#f", "~", "{1,2}"}));
}

TEST(SplitWordsTest, RefusesWhatIsNotClosed) {
  EXPECT_EQ(split_words("a 'b"), std::nullopt);
  EXPECT_EQ(split_words("a \"b"), std::nullopt);
  EXPECT_EQ(split_words("a \"b\\\""), std::nullopt);
  EXPECT_EQ(split_words("a\\"), std::nullopt);
}

TEST(SplitWordsTest, IsBounded) {
  std::string most;
  for (std::size_t i = 0; i < kMaxWords; ++i) most += "x ";
  EXPECT_EQ(split_words(most)->size(), kMaxWords);
  EXPECT_EQ(split_words(most + "x"), std::nullopt);
}

}  // namespace
}  // namespace ioa::cli
