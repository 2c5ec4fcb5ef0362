#include "cli/commands/run_child/job_item.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ioa::cli {
namespace {

using ::testing::ElementsAre;

JobItem item(std::string text, std::uint64_t number = 7) {
  return {number, std::move(text), false};
}

TEST(JobItemTest, PutsLineAndNumberInWhereverTheyStand) {
  EXPECT_EQ(substitute("a{}b{n}c{}", "x y", 12), "ax yb12cx y");
  EXPECT_EQ(substitute("{{}}{m}{", "x", 1), "{x}{m}{");
  EXPECT_EQ(substitute("", "x", 1), "");
}

TEST(JobItemTest, DoesNotLookThroughWhatItPutsIn) {
  EXPECT_EQ(substitute("{}{n}", "{n}{}", 3), "{n}{}3");
}

TEST(JobItemTest, ALineIsOnePartOfOneArgument) {
  EXPECT_THAT(command_for({"echo", "-{}", "{n}"}, item("$(id); 'a' \"b\"\n*")),
              ElementsAre("echo", "-$(id); 'a' \"b\"\n*", "7"));
  EXPECT_THAT(command_for({"echo", "{}"}, item("")), ElementsAre("echo", ""));
}

TEST(JobItemTest, WithoutACommandTheLineIsOneForTheShell) {
  EXPECT_THAT(command_for({}, item("echo {} {n}")), ElementsAre("/bin/sh", "-c", "echo {} {n}"));
  EXPECT_THAT(command_for({}, item("-x")), ElementsAre("/bin/sh", "-c", "--", "-x"));
}

TEST(JobItemTest, FindsPlaceholders) {
  EXPECT_TRUE(has_placeholder({"a", "b{}c"}));
  EXPECT_TRUE(has_placeholder({"{n}"}));
  EXPECT_FALSE(has_placeholder({"a", "{ }", "{N}"}));
  EXPECT_FALSE(has_placeholder({}));
}

TEST(JobItemTest, KnowsWhatCannotBeAnArgument) {
  EXPECT_EQ(problem_of(item("a")), "");
  EXPECT_EQ(problem_of(item(std::string("a\0b", 3))), "it contains a NUL byte");
  EXPECT_NE(problem_of({1, "", true}), "");
}

}  // namespace
}  // namespace ioa::cli
