#include "ioa/process/environment.hpp"

#include <gtest/gtest.h>

namespace ioa {
namespace {

using Strings = std::vector<std::string>;
const char* const kInherited[] = {"A=1", "B=2", "AB=3", nullptr};

TEST(EnvironmentTest, IsInheritedUnlessItIsChanged) {
  EXPECT_TRUE(Environment().is_inherited());
  EXPECT_EQ(Environment().strings(kInherited), (Strings{"A=1", "B=2", "AB=3"}));
}

TEST(EnvironmentTest, ChangesReplaceAndRemoveWholeNames) {
  Environment environment;
  environment.set("A", "x=y").unset("B").set("C", "");
  EXPECT_FALSE(environment.is_inherited());
  EXPECT_EQ(environment.strings(kInherited), (Strings{"AB=3", "A=x=y", "C="}));
}

TEST(EnvironmentTest, TheLastChangeOfANameCounts) {
  Environment environment;
  environment.set("A", "2").unset("A").unset("B").set("B", "4");
  EXPECT_EQ(environment.strings(kInherited), (Strings{"AB=3", "B=4"}));
}

TEST(EnvironmentTest, AnEmptyOneInheritsNothing) {
  EXPECT_EQ(Environment::empty().strings(kInherited), Strings());
  EXPECT_FALSE(Environment::empty().is_inherited());
  Environment environment;
  environment.set("A", "2").clear().set("D", "5");
  EXPECT_EQ(environment.strings(kInherited), Strings{"D=5"});
}

}  // namespace
}  // namespace ioa
