#include "cli/commands/timer/tick_format.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

const TickReport kTick{3, WallTime(1795458600s + 250ms), 1500us, 2};

std::string line(std::string_view format) {
  const auto parsed = TickFormat::parse(format);
  return parsed ? parsed->line(kTick) : "refused";
}

TEST(TickFormatTest, TheStandardLineIsNumberAndTime) {
  EXPECT_EQ(TickFormat::standard().line(kTick), "3\t2026-11-23T18:30:00.250Z\n");
}

TEST(TickFormatTest, NamesStandForWhatATickIs) {
  EXPECT_EQ(line("{n} {time} {late_ms} {missed}"), "3 2026-11-23T18:30:00.250Z 1.500 2\n");
  EXPECT_EQ(line("a{n}b"), "a3b\n");
  EXPECT_EQ(line(""), "\n");
}

TEST(TickFormatTest, ConversionsAreThoseOfStrftime) {
  EXPECT_EQ(line("%Y at %s"), "2026 at 1795458600\n");
}

TEST(TickFormatTest, EscapesAndDoubledCharactersAreText) {
  EXPECT_EQ(line("\\ta\\\\\\n{{n}%%}"), "\ta\\\n{n}%}\n");
  EXPECT_EQ(line("x\\0"), std::string("x\0\n", 3));
  EXPECT_EQ(line("\\x41\\x4g\\1018\\'\\\"\\?\\b\\e"), "A\4gA8'\"?\b\033\n");
  EXPECT_EQ(line("\\xff\\377"), "\xff\xff\n");
}

TEST(TickFormatTest, RefusesWhatItDoesNotKnow) {
  for (const std::string_view text :
       {"{", "{x}", "{n", "{N}", "%", "%Q", "%-", "\\", "\\q", "\\x", "\\xg", "\\400", "\\9"})
    EXPECT_EQ(TickFormat::parse(text), std::nullopt) << text;
}

TEST(TickFormatTest, JsonHasTheMembersOfTheContract) {
  EXPECT_EQ(tick_json(kTick),
            "{\"n\":3,\"time\":\"2026-11-23T18:30:00.250Z\",\"late_ms\":1.5,\"missed\":2}\n");
}

}  // namespace
}  // namespace ioa::cli
