#include "cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/usage_error.hpp"
#include "tests/unit/cli/sample_command.hpp"

namespace ioa::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Arguments read(std::vector<std::string_view> args) { return read_arguments(kSampleCommand, args); }

std::string complaint(std::vector<std::string_view> args) {
  try {
    read(std::move(args));
    return "no complaint";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(ArgumentsTest, TakesOperandsInTheirOrder) {
  const Arguments arguments = read({"localhost", "80"});
  EXPECT_THAT(arguments.operands, ElementsAre("localhost", "80"));
  EXPECT_THAT(arguments.options, IsEmpty());
  EXPECT_EQ(arguments.command, &kSampleCommand);
}

TEST(ArgumentsTest, TakesALoneDashForAnOperand) {
  EXPECT_THAT(read({"-v", "-", "x"}).operands, ElementsAre("-", "x"));
}

TEST(ArgumentsTest, TakesAnEmptyArgumentForAnOperand) {
  EXPECT_THAT(read({"", "x"}).operands, ElementsAre("", "x"));
}

TEST(ArgumentsTest, TakesOptionsBehindOperands) {
  const Arguments arguments = read({"localhost", "-v", "80", "--port", "1"});
  EXPECT_THAT(arguments.options, ElementsAre("--verbose", "--port", "1"));
  EXPECT_THAT(arguments.operands, ElementsAre("localhost", "80"));
}

TEST(ArgumentsTest, TakesClustersApart) {
  EXPECT_THAT(read({"-lvn"}).options, ElementsAre("--listen", "--verbose", "--numeric"));
  EXPECT_THAT(read({"-v4v"}).options, ElementsAre("--verbose", "-4", "--verbose"));
}

TEST(ArgumentsTest, GivesTheLastOfAClusterTheNextArgument) {
  const Arguments arguments = read({"-lvnp", "4444", "host"});
  EXPECT_THAT(arguments.options,
              ElementsAre("--listen", "--verbose", "--numeric", "--port", "4444"));
  EXPECT_THAT(arguments.operands, ElementsAre("host"));
}

TEST(ArgumentsTest, TakesTheRestOfAClusterForTheValue) {
  EXPECT_THAT(read({"-w1"}).options, ElementsAre("--wait", "1"));
  EXPECT_THAT(read({"-vw1.5s"}).options, ElementsAre("--verbose", "--wait", "1.5s"));
  EXPECT_THAT(read({"-pvn"}).options, ElementsAre("--port", "vn"));
}

TEST(ArgumentsTest, TakesAValueBehindABlankOrAnEqualsSign) {
  EXPECT_THAT(read({"-w", "1"}).options, ElementsAre("--wait", "1"));
  EXPECT_THAT(read({"--wait", "1"}).options, ElementsAre("--wait", "1"));
  EXPECT_THAT(read({"--wait=1"}).options, ElementsAre("--wait", "1"));
  EXPECT_THAT(read({"--wait=a=b"}).options, ElementsAre("--wait", "a=b"));
  EXPECT_THAT(read({"--wait="}).options, ElementsAre("--wait", ""));
}

TEST(ArgumentsTest, TakesAnyArgumentForAValueThatIsRequired) {
  EXPECT_THAT(read({"-w", "-v"}).options, ElementsAre("--wait", "-v"));
  EXPECT_THAT(read({"--wait", "--"}).options, ElementsAre("--wait", "--"));
  EXPECT_THAT(read({"--wait", "-1"}).options, ElementsAre("--wait", "-1"));
}

TEST(ArgumentsTest, TakesAnOptionalValueBehindAnEqualsSignOnly) {
  EXPECT_THAT(read({"--tag=x"}).options, ElementsAre("--tag=x"));
  const Arguments arguments = read({"--tag", "x"});
  EXPECT_THAT(arguments.options, ElementsAre("--tag"));
  EXPECT_THAT(arguments.operands, ElementsAre("x"));
  EXPECT_THAT(read({"-tv"}).options, ElementsAre("--tag", "--verbose"));
}

TEST(ArgumentsTest, TakesAllBehindADoubleDashForOperands) {
  const Arguments arguments = read({"-v", "a", "--", "-v", "--", "--none"});
  EXPECT_THAT(arguments.options, ElementsAre("--verbose"));
  EXPECT_THAT(arguments.operands, ElementsAre("a", "-v", "--", "--none"));
}

TEST(ArgumentsTest, EndsAtTheFirstOperandWhereThatIsACommand) {
  CommandSpec spec = kSampleCommand;
  spec.operands_end_options = true;
  const auto read_some = [&](std::vector<std::string_view> args) {
    return read_arguments(spec, args);
  };
  const Arguments arguments = read_some({"-v", "--wait", "1", "cmd", "-v", "--", "--none", "-Z"});
  EXPECT_THAT(arguments.options, ElementsAre("--verbose", "--wait", "1"));
  EXPECT_THAT(arguments.operands, ElementsAre("cmd", "-v", "--", "--none", "-Z"));
  EXPECT_THAT(read_some({"-v", "--", "-v", "--"}).operands, ElementsAre("-v", "--"));
  EXPECT_THAT(read_some({"-", "-v"}).operands, ElementsAre("-", "-v"));
  EXPECT_FALSE(read_some({"cmd", "-h"}).help);
}

TEST(ArgumentsTest, StopsAtHelp) {
  EXPECT_TRUE(read({"--help", "--none"}).help);
  EXPECT_TRUE(read({"-vhX"}).help);
  EXPECT_TRUE(read({"x", "-h"}).help);
  EXPECT_FALSE(read({"--", "-h"}).help);
}

TEST(ArgumentsTest, RefusesAnUnknownOption) {
  EXPECT_EQ(complaint({"--colour-blind"}),
            "ioa test: --colour-blind: unknown option; 'ioa test --help' lists them");
  EXPECT_EQ(complaint({"-Z"}), "ioa test: -Z: unknown option; 'ioa test --help' lists them");
  EXPECT_EQ(complaint({"-1"}), "ioa test: -1: unknown option; 'ioa test --help' lists them");
  EXPECT_EQ(complaint({"--=x"}), "ioa test: --'': unknown option; 'ioa test --help' lists them");
}

TEST(ArgumentsTest, ShowsTheClusterOfAnUnknownLetter) {
  EXPECT_EQ(complaint({"-vZn"}),
            "ioa test: -Z in -vZn: unknown option; 'ioa test --help' lists them");
}

TEST(ArgumentsTest, SuggestsTheNearestOption) {
  EXPECT_EQ(complaint({"--vebrose"}),
            "ioa test: --vebrose: unknown option; did you mean --verbose?");
  EXPECT_EQ(complaint({"--prot=1"}), "ioa test: --prot: unknown option; did you mean --port?");
  EXPECT_EQ(complaint({"--lisen"}), "ioa test: --lisen: unknown option; did you mean --listen?");
}

TEST(ArgumentsTest, SuggestsAnOptionThatBeginsSoBeforeOneThatIsFarOff) {
  EXPECT_EQ(complaint({"--num"}), "ioa test: --num: unknown option; did you mean --numeric?");
}

TEST(ArgumentsTest, SuggestsNoOptionOfThreeLetters) {
  EXPECT_EQ(complaint({"--tug"}), "ioa test: --tug: unknown option; 'ioa test --help' lists them");
}

TEST(ArgumentsTest, RefusesALetterThatNetcatsDisagreeAbout) {
  const std::string line =
      "ioa test: -d: means different things to different programs; use --verbose to see nothing";
  EXPECT_EQ(complaint({"-d"}), line);
  EXPECT_EQ(complaint({"-vd", "x"}), line);
}

TEST(ArgumentsTest, AsksForAValueThatIsMissing) {
  EXPECT_EQ(complaint({"-w"}), "ioa test: -w/--wait: expected a value: DUR");
  EXPECT_EQ(complaint({"-lvnp"}), "ioa test: -p/--port: expected a value: PORT");
  EXPECT_EQ(complaint({"--port"}), "ioa test: -p/--port: expected a value: PORT");
  EXPECT_EQ(complaint({"--tag="}), "ioa test: --tag=: expected a value behind the '='");
}

TEST(ArgumentsTest, RefusesAValueForASwitch) {
  EXPECT_EQ(complaint({"--verbose=2"}),
            "ioa test: --verbose=2: expected no value: -v/--verbose is a switch");
}

TEST(ArgumentsTest, EscapesWhatItEchoes) {
  EXPECT_EQ(complaint({"--a\x1b[31m\n"}),
            "ioa test: --a\\x1b[31m\\n: unknown option; 'ioa test --help' lists them");
  EXPECT_EQ(complaint({"-\n"}), "ioa test: -\\n: unknown option; 'ioa test --help' lists them");
  EXPECT_EQ(complaint({"-\u00fc"}),
            "ioa test: -\u00fc: unknown option; 'ioa test --help' lists them");
}

TEST(EditDistanceTest, CountsSlipsOfTheHand) {
  EXPECT_EQ(edit_distance("", "", 2), 0U);
  EXPECT_EQ(edit_distance("port", "port", 2), 0U);
  EXPECT_EQ(edit_distance("prot", "port", 2), 2U);
  EXPECT_EQ(edit_distance("por", "port", 2), 1U);
  EXPECT_EQ(edit_distance("sport", "port", 2), 1U);
  EXPECT_EQ(edit_distance("pork", "port", 2), 1U);
}

TEST(EditDistanceTest, GivesUpBeyondItsLimit) {
  EXPECT_EQ(edit_distance("abcdef", "uvwxyz", 2), 3U);
  EXPECT_EQ(edit_distance(std::string(100'000, 'a'), "b", 2), 3U);
}

}  // namespace
}  // namespace ioa::cli
