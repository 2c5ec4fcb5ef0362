#include "cli/escape.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace ioa::cli {
namespace {

using namespace std::string_view_literals;

TEST(EscapeTest, LeavesPlainTextAlone) {
  EXPECT_EQ(escape("GET / HTTP/1.1 \"x\" 'y'"), "GET / HTTP/1.1 \"x\" 'y'");
  EXPECT_EQ(escape(""), "");
}

TEST(EscapeTest, LeavesOtherScriptsAlone) {
  EXPECT_EQ(escape("b\u00fccher \u65e5\u672c \U0001f600"), "b\u00fccher \u65e5\u672c \U0001f600");
}

TEST(EscapeTest, WritesControlCharactersAsCDoes) {
  EXPECT_EQ(escape("a\nb\rc\td\0e"sv), "a\\nb\\rc\\td\\0e");
  EXPECT_EQ(escape("\x01\x1f\x7f"), "\\x01\\x1f\\x7f");
}

TEST(EscapeTest, StopsTerminalSequences) {
  EXPECT_EQ(escape("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(escape("\u009b31m"), "\\u{9b}31m");
}

TEST(EscapeTest, DoublesABackslash) { EXPECT_EQ(escape("a\\nb"), "a\\\\nb"); }

TEST(EscapeTest, ShowsCharactersThatReorderOrBreakALine) {
  EXPECT_EQ(escape("\u202egnp.exe"), "\\u{202e}gnp.exe");
  EXPECT_EQ(escape("\u2028\u2066\ufeff"), "\\u{2028}\\u{2066}\\u{feff}");
}

TEST(EscapeTest, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(escape("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(escape("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(escape("\xc3"), "\\xc3");
  EXPECT_EQ(escape("\xe2\x82"), "\\xe2\\x82");
}

TEST(EscapeTest, ShowsOverlongFormsSurrogatesAndWhatIsBeyondUnicode) {
  EXPECT_EQ(escape("\xc0\x8a"), "\\xc0\\x8a");
  EXPECT_EQ(escape("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(EscapeArgumentTest, ShowsThatAnArgumentIsEmpty) { EXPECT_EQ(escape_argument(""), "''"); }

TEST(EscapeArgumentTest, CutsWhatIsTooLongForALine) {
  EXPECT_EQ(escape_argument(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(escape_argument(std::string(100'000, 'a')), std::string(200, 'a') + "...");
}

TEST(EscapeArgumentTest, KeepsAnErrorOnOneLine) { EXPECT_EQ(escape_argument("a\nb"), "a\\nb"); }

}  // namespace
}  // namespace ioa::cli
