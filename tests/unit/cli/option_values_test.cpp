#include "cli/option_values.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/usage_error.hpp"
#include "tests/unit/cli/sample_command.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;

Arguments read(std::vector<std::string_view> args) { return read_arguments(kSampleCommand, args); }

// What reading values of `args` by `use` complains about.
template <typename Use>
std::string complaint(std::vector<std::string_view> args, Use use) {
  const Arguments arguments = read(std::move(args));
  try {
    use(OptionValues(arguments));
    return "no complaint";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(OptionValuesTest, CountsAFlag) {
  const Arguments arguments = read({"-vv4", "--verbose"});
  const OptionValues values(arguments);
  EXPECT_EQ(values.count("verbose"), 3);
  EXPECT_TRUE(values.has("4"));
  EXPECT_FALSE(values.has("numeric"));
}

TEST(OptionValuesTest, GivesTheLastValue) {
  const Arguments arguments = read({"-w1", "--wait=2", "-p", "--wait"});
  const OptionValues values(arguments);
  EXPECT_EQ(values.text("wait"), "2");
  EXPECT_EQ(values.text("port"), "--wait");
  EXPECT_EQ(values.text("tag"), std::nullopt);
}

TEST(OptionValuesTest, GivesEveryValueOfARepeatedOption) {
  const Arguments arguments = read({"-p1", "--port=[a,b]", "-v", "-p", "", "--port", "-p"});
  const OptionValues values(arguments);
  EXPECT_EQ(values.texts("port"), (std::vector<std::string>{"1", "[a,b]", "", "-p"}));
  EXPECT_TRUE(values.texts("wait").empty());
}

TEST(OptionValuesTest, SaysWhichOptionIsMissing) {
  const std::vector<std::string_view> others{"wait", "4"};
  const auto use = [&](const OptionValues& values) { values.require("port", others); };
  EXPECT_EQ(complaint({"-p1"}, use), "ioa test: -p/--port: expected -w/--wait or -4 too");
  EXPECT_EQ(complaint({"-p1", "-4"}, use), "no complaint");
  EXPECT_EQ(complaint({"-v"}, use), "no complaint");
}

TEST(OptionValuesTest, LeavesValuesAsTheyAre) {
  for (const std::string_view value : {"", "[a,b]", "{x}", "a,b", "-v", "--", "--verbose", "-4",
                                       "true", " x ", "\"x\"", "a=b", "%%", "/x", "++"}) {
    const Arguments arguments = read({"-p", value, "-v"});
    const OptionValues values(arguments);
    EXPECT_EQ(values.text("port"), value);
    EXPECT_EQ(values.count("port"), 1);
    EXPECT_EQ(values.count("verbose"), 1);
    EXPECT_FALSE(values.has("4"));
  }
}

TEST(OptionValuesTest, KnowsAnOptionalValueFromNone) {
  const Arguments with = read({"--tag=--verbose"});
  EXPECT_EQ(OptionValues(with).text("tag"), "--verbose");
  const Arguments without = read({"--tag", "-v"});
  const OptionValues values(without);
  EXPECT_TRUE(values.has("tag"));
  EXPECT_EQ(values.text("tag"), "");
}

TEST(OptionValuesTest, KeepsAnOptionThatBeginsLikeAnotherApart) {
  const Arguments arguments = read({"--tag=--port"});
  const OptionValues values(arguments);
  EXPECT_FALSE(values.has("port"));
}

TEST(OptionValuesTest, ReadsADuration) {
  const Arguments arguments = read({"-w1.5s"});
  EXPECT_EQ(OptionValues(arguments).duration("wait"), 1500ms);
  EXPECT_EQ(OptionValues(arguments).duration("port"), std::nullopt);
  EXPECT_EQ(complaint({"-wx"}, [](const OptionValues& values) { values.duration("wait"); }),
            "ioa test: -w/--wait x: expected a duration such as 250ms, 1.5s, 2m or 1h30m");
}

TEST(OptionValuesTest, ReadsASizeWithinItsBounds) {
  const auto use = [](const OptionValues& values) { values.size("port", 1, 1024); };
  const Arguments arguments = read({"-p1K"});
  EXPECT_EQ(OptionValues(arguments).size("port", 1, 1024), 1024U);
  EXPECT_EQ(complaint({"-p", "x"}, use),
            "ioa test: -p/--port x: expected a size such as 512, 64K, 10M or 1G");
  EXPECT_EQ(complaint({"-p", "2K"}, use),
            "ioa test: -p/--port 2K: expected a size from 1 to 1024 bytes");
}

TEST(OptionValuesTest, ReadsANumberWithinItsBounds) {
  const auto use = [](const OptionValues& values) { values.number("port", 1, 255); };
  const Arguments arguments = read({"-p255"});
  EXPECT_EQ(OptionValues(arguments).number("port", 1, 255), 255U);
  for (const std::string value : {"0", "256", "-1", "1.5", "x", "99999999999999999999"}) {
    EXPECT_EQ(complaint({"-p", value}, use),
              "ioa test: -p/--port " + value + ": expected a number from 1 to 255");
  }
  EXPECT_EQ(complaint({"-p", ""}, use), "ioa test: -p/--port '': expected a number from 1 to 255");
}

TEST(OptionValuesTest, ReadsAChoice) {
  constexpr std::pair<std::string_view, int> kChoices[] = {{"one", 1}, {"two", 2}, {"three", 3}};
  const auto use = [&](const OptionValues& values) { values.choice<int>("port", kChoices); };
  const Arguments arguments = read({"-ptwo"});
  EXPECT_EQ(OptionValues(arguments).choice<int>("port", kChoices), 2);
  EXPECT_EQ(complaint({"--port=tw"}, use), "ioa test: -p/--port tw: expected one, two or three");
}

TEST(OptionValuesTest, RefusesAnEmptyWord) {
  EXPECT_EQ(complaint({"--port="}, [](const OptionValues& v) { v.word("port", "expected it"); }),
            "ioa test: -p/--port '': expected it");
}

TEST(OptionValuesTest, RefusesOptionsThatExcludeEachOther) {
  const auto use = [](const OptionValues& values) { values.exclude("verbose", "4"); };
  EXPECT_EQ(complaint({"-v"}, use), "no complaint");
  EXPECT_EQ(complaint({"-v4"}, use), "ioa test: -v/--verbose: cannot be used with -4");
}

}  // namespace
}  // namespace ioa::cli
