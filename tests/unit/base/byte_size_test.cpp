#include "ioa/base/byte_size.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace ioa {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(ParseDecimal, ReadsUpToItsLimit) {
  EXPECT_EQ(parse_decimal("0", 0), 0U);
  EXPECT_EQ(parse_decimal("65535", 65535), 65535U);
  EXPECT_EQ(parse_decimal("00080", 65535), 80U);
  EXPECT_EQ(parse_decimal("18446744073709551615", kMax), kMax);
}

TEST(ParseDecimal, RefusesWhatIsBeyondItsLimit) {
  EXPECT_EQ(parse_decimal("1", 0), std::nullopt);
  EXPECT_EQ(parse_decimal("7", 5), std::nullopt);
  EXPECT_EQ(parse_decimal("65536", 65535), std::nullopt);
  EXPECT_EQ(parse_decimal("18446744073709551616", kMax), std::nullopt);
  EXPECT_EQ(parse_decimal("99999999999999999999999999", kMax), std::nullopt);
}

TEST(ParseDecimal, TakesNothingButDigits) {
  for (const std::string_view text : {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1.0", "1_000"}) {
    EXPECT_EQ(parse_decimal(text, kMax), std::nullopt) << text;
  }
}

TEST(ParseByteSize, CountsInPowersOf1024) {
  EXPECT_EQ(parse_byte_size("512"), 512U);
  EXPECT_EQ(parse_byte_size("64K"), 64U * 1024);
  EXPECT_EQ(parse_byte_size("10M"), 10U * 1024 * 1024);
  EXPECT_EQ(parse_byte_size("1G"), 1024U * 1024 * 1024);
  EXPECT_EQ(parse_byte_size("2T"), std::uint64_t{2} << 40);
}

TEST(ParseByteSize, TakesItsSuffixInEitherCase) {
  EXPECT_EQ(parse_byte_size("64k"), parse_byte_size("64K"));
}

TEST(ParseByteSize, TakesZeroForNoLimit) { EXPECT_EQ(parse_byte_size("0"), 0U); }

TEST(ParseByteSize, RefusesWhatDoesNotFit) {
  EXPECT_EQ(parse_byte_size("16777215T"), std::uint64_t{16777215} << 40);
  EXPECT_EQ(parse_byte_size("16777216T"), std::nullopt);
}

TEST(ParseByteSize, RefusesEverythingElse) {
  for (const std::string_view text : {"", "K", "-1K", "1.5M", "1KB", "1KiB", "1 K", "1P", "K1"}) {
    EXPECT_EQ(parse_byte_size(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace ioa
