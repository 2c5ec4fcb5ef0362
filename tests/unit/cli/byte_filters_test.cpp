#include "cli/byte_filters.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ioa::cli {
namespace {

/// What comes out of pieces that end at every place of `text`.
std::vector<std::string> translations(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    CrlfFilter filter;
    std::string out(filter.transform(std::string_view(text).substr(0, at)));
    out += filter.transform(std::string_view(text).substr(at));
    all.push_back(std::move(out));
  }
  return all;
}

TEST(CrlfFilterTest, TranslatesLoneLineFeedsWhereverPiecesEnd) {
  for (const std::string& out : translations("a\nb\r\n\n\rc\r\r\n\n\nd\r"))
    EXPECT_EQ(out, "a\r\nb\r\n\r\n\rc\r\r\n\r\n\r\nd\r");
}

TEST(CrlfFilterTest, LeavesWhatHasNoLinesAlone) {
  for (const std::string& out : translations(std::string("a\0b\rc", 5)))
    EXPECT_EQ(out, std::string("a\0b\rc", 5));
}

TEST(HexLinesTest, AreSixteenBytesEach) {
  EXPECT_EQ(hex_lines("T", DumpDirection::sent, 0x1234, "0123456789abcdefXY"),
            "T > 00001234  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "T > 00001244  58 59                                             |XY|\n");
  EXPECT_EQ(hex_lines("T", DumpDirection::received, 0, std::string_view("\0\n\x7f\xff", 4)),
            "T < 00000000  00 0a 7f ff                                       |....|\n");
  EXPECT_EQ(hex_lines("T", DumpDirection::sent, 0, ""), "");
}

}  // namespace
}  // namespace ioa::cli
