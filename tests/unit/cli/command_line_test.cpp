#include "cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/help.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using ::testing::ElementsAre;

Invocation read(std::vector<std::string_view> args) { return read_command_line(args); }

// The name of the command that was picked, or "" where a text is to be printed.
std::string command_of(std::vector<std::string_view> args) {
  const Invocation invocation = read(std::move(args));
  const CommandSpec* command = invocation.arguments.command;
  return command == nullptr ? "" : std::string(command->name);
}

std::string complaint(std::vector<std::string_view> args) {
  try {
    read(std::move(args));
    return "no complaint";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(CommandLineTest, PicksTheCommandNamed) {
  EXPECT_EQ(command_of({"connect", "localhost", "80"}), "connect");
  EXPECT_EQ(command_of({"resolve", "localhost"}), "resolve");
}

TEST(CommandLineTest, LeavesTheRestToTheCommand) {
  const Invocation invocation = read({"connect", "-zv", "resolve", "80"});
  EXPECT_THAT(invocation.arguments.operands, ElementsAre("resolve", "80"));
  EXPECT_THAT(invocation.arguments.options, ElementsAre("--probe", "--verbose"));
}

TEST(CommandLineTest, ConnectsToAHostAndAPort) {
  EXPECT_EQ(command_of({"localhost", "80"}), "connect");
  EXPECT_EQ(command_of({"localhost:80"}), "connect");
  EXPECT_EQ(command_of({"-zvn", "127.0.0.1", "80"}), "connect");
  EXPECT_EQ(command_of({"-w1", "localhost", "80"}), "connect");
  EXPECT_EQ(command_of({"-U", "/run/x"}), "connect");
  EXPECT_EQ(command_of({"--", "connect", "80"}), "connect");
}

TEST(CommandLineTest, TakesANearlyNamedHostForAHost) {
  EXPECT_EQ(command_of({"connecs", "80"}), "connect");
  EXPECT_EQ(command_of({"connect", "resolv", "80"}), "connect");
}

TEST(CommandLineTest, KnowsACommandByItsOtherName) {
  EXPECT_EQ(command_of({"run-child", "ls"}), "run-child");
  EXPECT_EQ(command_of({"run", "ls"}), "run-child");
  EXPECT_EQ(complaint({"-v", "run", "ls"}),
            "ioa: run: expected the command before its options: ioa run ...");
}

TEST(CommandLineTest, TakesTheHabitOfListening) {
  EXPECT_EQ(command_of({"-l", "4444"}), "listen");
  EXPECT_EQ(command_of({"-lvnp", "4444"}), "listen");
  EXPECT_EQ(command_of({"-nvlp4444"}), "listen");
  EXPECT_EQ(command_of({"-p", "4444", "-kl"}), "listen");
  EXPECT_EQ(command_of({"4444", "-l"}), "listen");
  EXPECT_EQ(command_of({"--listen", "4444"}), "listen");
}

TEST(CommandLineTest, TakesNoValueForTheHabitOfListening) {
  EXPECT_EQ(command_of({"-ol", "localhost", "80"}), "connect");
  EXPECT_EQ(command_of({"-o", "-l", "localhost", "80"}), "connect");
  EXPECT_EQ(command_of({"-vo", "-l", "localhost", "80"}), "connect");
  EXPECT_EQ(command_of({"--", "-l"}), "connect");
}

TEST(CommandLineTest, AsksForACommand) {
  EXPECT_EQ(complaint({}),
            "ioa: COMMAND: expected a command or HOST PORT; 'ioa --help' lists them");
}

TEST(CommandLineTest, WantsTheCommandBeforeItsOptions) {
  EXPECT_EQ(complaint({"-v", "resolve", "localhost"}),
            "ioa: resolve: expected the command before its options: ioa resolve ...");
  EXPECT_EQ(complaint({"-v", "listen"}),
            "ioa: listen: expected the command before its options: ioa listen ...");
}

TEST(CommandLineTest, SuggestsTheNearestCommand) {
  EXPECT_EQ(complaint({"reslove", "localhost"}),
            "ioa: reslove: unknown command; did you mean resolve?");
  EXPECT_EQ(complaint({"conect", "localhost", "80"}),
            "ioa: conect: unknown command; did you mean connect?");
}

TEST(CommandLineTest, PrintsTheOverview) {
  const std::string text = overview(all_commands());
  EXPECT_EQ(read({"--help"}).text, text);
  EXPECT_EQ(read({"-h"}).text, text);
  EXPECT_EQ(read({"help"}).text, text);
  EXPECT_EQ(command_of({"--help"}), "");
}

TEST(CommandLineTest, PrintsTheHelpOfACommand) {
  for (const CommandSpec* command : all_commands()) {
    const std::string text = command_help(*command);
    EXPECT_EQ(read({command->name, "--help"}).text, text);
    EXPECT_EQ(read({command->name, "-vh"}).text, text);
    EXPECT_EQ(read({command->name, "--help", "--no-such"}).text, text);
    const bool is_after_operands = !command->operands_end_options;
    EXPECT_EQ(read({command->name, "x", "--help", "--no-such"}).text,
              is_after_operands ? text : "");
    EXPECT_EQ(read({"help", command->name}).text, text);
  }
  EXPECT_EQ(command_of({"connect", "--help"}), "");
}

TEST(CommandLineTest, KnowsNoHelpForWhatIsNoCommand) {
  EXPECT_EQ(complaint({"help", "lisen"}), "ioa help: lisen: expected the name of a command");
  EXPECT_EQ(complaint({"help", "connect", "x"}),
            "ioa help: x: expected nothing behind the command");
}

TEST(CommandLineTest, PrintsTheVersion) {
  EXPECT_EQ(read({"--version"}).text, "ioa " + std::string(version()) + "\n");
  EXPECT_EQ(command_of({"--version"}), "");
}

TEST(CommandLineTest, SaysWhichCommandAnUnknownOptionWasFor) {
  EXPECT_EQ(complaint({"resolve", "-n", "x"}),
            "ioa resolve: -n: unknown option; 'ioa resolve --help' lists them");
  EXPECT_EQ(complaint({"localhost", "80", "--tls"}),
            "ioa connect: --tls: unknown option; 'ioa connect --help' lists them");
}

}  // namespace
}  // namespace ioa::cli
