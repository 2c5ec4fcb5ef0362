#include "cli/help.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>

#include "cli/command_line.hpp"
#include "tests/unit/cli/sample_command.hpp"

namespace ioa::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(HelpTest, OverviewFitsOnOneScreen) {
  EXPECT_LE(lines_of(overview(all_commands())).size(), 40U);
}

TEST(HelpTest, NoLineIsWiderThan80Columns) {
  std::string all = overview(all_commands());
  for (const CommandSpec* command : all_commands()) all += command_help(*command);
  for (const std::string& line : lines_of(all)) EXPECT_LE(line.size(), 80U) << line;
}

TEST(HelpTest, NoLineEndsInABlank) {
  std::string all = overview(all_commands());
  for (const CommandSpec* command : all_commands()) all += command_help(*command);
  for (const std::string& line : lines_of(all)) EXPECT_FALSE(line.ends_with(' ')) << line;
}

TEST(HelpTest, OverviewListsTheCommandsThatExist) {
  const std::string text = overview(all_commands());
  EXPECT_THAT(text, HasSubstr("\n  connect "));
  EXPECT_THAT(text, HasSubstr("\n  listen "));
  EXPECT_THAT(text, HasSubstr("\n  resolve "));
  EXPECT_THAT(text, HasSubstr("\n  run-child "));
  EXPECT_THAT(text, HasSubstr("\n  timer "));
  EXPECT_THAT(text, HasSubstr("\n  help "));
}

TEST(HelpTest, OverviewTellsHabitsAndStatuses) {
  const std::string text = overview(all_commands());
  EXPECT_THAT(text, HasSubstr("ioa HOST PORT"));
  for (const std::string status : {"0", "1", "2", "3", "4", "124", "128+N"}) {
    EXPECT_THAT(text, HasSubstr("\n  " + status + " "));
  }
}

TEST(HelpTest, ShowsTheFormOfEachKindOfOption) {
  const std::string text = command_help(kSampleCommand);
  EXPECT_THAT(text, HasSubstr("\n  -4                          a letter only\n"));
  EXPECT_THAT(text, HasSubstr("\n  -v, --verbose               a flag\n"));
  EXPECT_THAT(text, HasSubstr("\n  -p, --port PORT             with a value\n"));
  EXPECT_THAT(text, HasSubstr("\n  -t, --tag[=TEXT]            with a value behind '=' only\n"));
}

TEST(HelpTest, ShowsEveryOptionOfEveryCommandWithItsHelp) {
  for (const CommandSpec* command : all_commands()) {
    const std::string text = command_help(*command);
    for (const OptionGroup& group : command->groups) {
      EXPECT_THAT(text, HasSubstr('\n' + std::string(group.title) + ":\n"));
      for (const OptionSpec& option : group.options) {
        EXPECT_FALSE(option.help.empty()) << option.display();
        if (!option.name.empty()) {
          EXPECT_THAT(text, HasSubstr("--" + std::string(option.name)));
        }
        if (option.letter != 0) {
          EXPECT_THAT(text, HasSubstr(std::string("\n  -") + option.letter));
        }
      }
    }
  }
}

TEST(HelpTest, ShowsTheDefaultsOfTheContract) {
  const std::string text = command_help(*all_commands()[0]);
  EXPECT_THAT(text, HasSubstr("[250ms]"));
  EXPECT_THAT(text, HasSubstr("[30s]"));
  EXPECT_THAT(text, HasSubstr("[200ms]"));
  EXPECT_THAT(text, HasSubstr("[5s]"));
  EXPECT_THAT(text, HasSubstr("[half-close]"));
}

TEST(OptionTableTest, NoCommandHasTwoOptionsOfOneNameOrLetter) {
  for (const CommandSpec* command : all_commands()) {
    std::set<std::string> seen;
    const auto is_new = [&](const std::string& key) { return seen.insert(key).second; };
    for (const OptionGroup& group : command->groups) {
      for (const OptionSpec& option : group.options) {
        if (!option.name.empty()) {
          EXPECT_TRUE(is_new("--" + std::string(option.name)));
        }
        if (option.letter != 0) {
          EXPECT_TRUE(is_new(std::string("-") + option.letter));
        }
        EXPECT_EQ(option.value == ValueKind::none, option.metavar.empty()) << option.display();
      }
    }
    for (const RefusedLetter& refused : command->refused) {
      EXPECT_TRUE(is_new(std::string("-") + refused.letter)) << refused.letter;
      EXPECT_THAT(std::string(refused.advice), HasSubstr("--"));
    }
  }
}

}  // namespace
}  // namespace ioa::cli
