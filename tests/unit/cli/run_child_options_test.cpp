#include "cli/commands/run_child/run_child_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/commands/run_child/child_values.hpp"
#include "cli/usage_error.hpp"

namespace ioa::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Pair;

RunChildOptions read(const std::vector<std::string_view>& args) {
  return parse_run_child(read_arguments(run_child_command(), args));
}

std::string complaint(const std::vector<std::string_view>& args) {
  try {
    read(args);
    return "no complaint";
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(RunChildOptionsTest, HasTheDefaultsOfTheContract) {
  const RunChildOptions options = read({"true"});
  EXPECT_THAT(options.child.command, ElementsAre("true"));
  EXPECT_EQ(options.child.timeout, 0ns);
  EXPECT_EQ(options.child.idle_timeout, 0ns);
  EXPECT_EQ(options.child.kill_signal, SIGTERM);
  EXPECT_EQ(options.child.kill_after, 2s);
  EXPECT_EQ(options.restart, Restart::never);
  EXPECT_EQ(options.backoff, 200ms);
  EXPECT_FALSE(options.guard || options.report || options.json || options.child.pty ||
               options.child.new_session || options.child.is_output_seen());
}

TEST(RunChildOptionsTest, EndAtTheCommand) {
  EXPECT_THAT(read({"--timeout", "1", "ls", "-l", "--timeout", "2", "--", "x"}).child.command,
              ElementsAre("ls", "-l", "--timeout", "2", "--", "x"));
  EXPECT_THAT(read({"--", "-l", "--", "x"}).child.command, ElementsAre("-l", "--", "x"));
  EXPECT_THAT(read({"-", "--nosuch"}).child.command, ElementsAre("-", "--nosuch"));
  EXPECT_EQ(complaint({}), "ioa run-child: CMD: expected a command to run");
}

TEST(RunChildOptionsTest, ReadLimits) {
  const RunChildOptions options = read({"--timeout", "1.5", "--idle-timeout=2m", "--kill-signal",
                                        "sigint", "--kill-after", "0", "--guard", "x"});
  EXPECT_EQ(options.child.timeout, 1500ms);
  EXPECT_EQ(options.child.idle_timeout, 2min);
  EXPECT_EQ(options.child.kill_signal, SIGINT);
  EXPECT_EQ(options.child.kill_after, 0ns);
  EXPECT_TRUE(options.guard);
  EXPECT_TRUE(options.child.is_output_seen());
}

TEST(RunChildOptionsTest, ReadTheEnvironmentInTheOrderGiven) {
  const RunChildOptions options =
      read({"--env", "A=1", "--unset", "B", "--env", "C=x=y", "--clear-env", "x"});
  EXPECT_TRUE(options.child.clear_environment);
  EXPECT_THAT(options.child.unset, ElementsAre("B"));
  EXPECT_THAT(options.child.environment, ElementsAre(Pair("A", "1"), Pair("C", "x=y")));
  EXPECT_EQ(complaint({"--env", "A=1", "--env", "B", "x"}),
            "ioa run-child: --env B: expected NAME=VALUE");
}

TEST(RunChildOptionsTest, RetryIsRestartOnFailure) {
  const RunChildOptions options = read({"--retry", "3", "--backoff", "1s", "x"});
  EXPECT_EQ(options.restart, Restart::on_failure);
  EXPECT_EQ(options.max_restarts, 3U);
  EXPECT_EQ(options.backoff, 1s);
  EXPECT_EQ(read({"--retry", "0", "x"}).restart, Restart::never);
  EXPECT_EQ(complaint({"--backoff", "1", "x"}),
            "ioa run-child: --backoff: expected --retry or --restart too");
}

TEST(RunChildOptionsTest, TheTagIsTheNameOfTheCommand) {
  EXPECT_EQ(read({"--tag", "/usr/bin/make", "all"}).child.tag, "make");
  EXPECT_EQ(read({"--tag=web", "make"}).child.tag, "web");
  EXPECT_EQ(read({"make"}).child.tag, std::nullopt);
}

TEST(RunChildOptionsTest, SocketsAndDescriptorsDoNotOverlap) {
  EXPECT_EQ(read({"--listen", "80", "--listen", "unix:/x", "--fd", "5=f", "x"}).listen.size(), 2U);
  EXPECT_EQ(complaint({"--listen", "80", "--listen", "81", "--fd", "4=f", "x"}),
            "ioa run-child: --fd 4=f: expected a descriptor from 5 on: the sockets of --listen "
            "begin at 3");
}

TEST(ChildValuesTest, ReadsResourceLimits) {
  const auto limit = parse_rlimit("nofile=64:1K");
  ASSERT_TRUE(limit.has_value());
  EXPECT_EQ(limit->resource, RLIMIT_NOFILE);
  EXPECT_EQ(limit->soft, 64U);
  EXPECT_EQ(limit->hard, 1024U);
  EXPECT_EQ(parse_rlimit("RLIMIT_CORE=Unlimited")->hard, RLIM_INFINITY);
  for (const char* bad : {"", "nofile", "=1", "nofile=", "nofile=:1", "nofile=2:1", "x=1",
                          "nofile=-1", "nofile=1:2:3"})
    EXPECT_FALSE(parse_rlimit(bad).has_value()) << bad;
}

TEST(ChildValuesTest, ReadsMasksAndNiceness) {
  EXPECT_EQ(parse_umask("0"), ::mode_t{0});
  EXPECT_EQ(parse_umask("0777"), ::mode_t{0777});
  for (const char* bad : {"", "8", "1000", "-1", "0x1"}) EXPECT_FALSE(parse_umask(bad)) << bad;
  EXPECT_EQ(parse_niceness("-20"), -20);
  EXPECT_EQ(parse_niceness("+19"), 19);
  for (const char* bad : {"", "-", "20", "-21", "1.5", "--1"})
    EXPECT_FALSE(parse_niceness(bad)) << bad;
}

TEST(ChildValuesTest, ReadsFilesForDescriptors) {
  EXPECT_EQ(parse_child_file("3=a=b")->path, "a=b");
  EXPECT_EQ(parse_child_file("3=a")->flags, 0);
  EXPECT_EQ(parse_child_file("10=>>a")->path, "a");
  EXPECT_EQ(parse_child_file("10=<a")->fd, 10);
  for (const char* bad : {"", "3", "3=", "=a", "x=a", "3=>", "-1=a"})
    EXPECT_FALSE(parse_child_file(bad).has_value()) << bad;
}

TEST(ChildValuesTest, ReadsListsOfStatuses) {
  const auto statuses = parse_statuses("1,3-5,255");
  ASSERT_TRUE(statuses.has_value());
  for (const int good : {0, 1, 3, 4, 5, 255}) EXPECT_TRUE(statuses->has(good)) << good;
  for (const int bad : {2, 6, 254}) EXPECT_FALSE(statuses->has(bad)) << bad;
  for (const char* bad : {"", ",", "1,", "256", "5-3", "a", "1-", "-1"})
    EXPECT_FALSE(parse_statuses(bad).has_value()) << bad;
}

TEST(RunChildOptionsTest, ReadWhatManyAreRunFor) {
  const RunChildOptions options = read({"--from", "x", "-j4", "-0", "--interleave", "--halt=soon",
                                        "--progress=always", "echo", "-{n}"});
  ASSERT_TRUE(options.many);
  EXPECT_EQ(options.many->source, "x");
  EXPECT_EQ(options.many->jobs, 4U);
  EXPECT_EQ(options.many->separator, '\0');
  EXPECT_EQ(options.many->order, OutputOrder::by_line);
  EXPECT_EQ(options.many->halt, Halt::soon);
  EXPECT_EQ(options.many->progress, ProgressMode::always);
  EXPECT_TRUE(options.child.is_output_seen());
  const RunChildOptions plain = read({"--from", "-"});
  EXPECT_EQ(plain.many->separator, '\n');
  EXPECT_EQ(plain.many->order, OutputOrder::input);
  EXPECT_EQ(plain.many->halt, Halt::never);
  EXPECT_GE(plain.many->jobs, 1U);
  EXPECT_FALSE(read({"true"}).many);
}

TEST(RunChildOptionsTest, ManyReadNothingUnlessTheyAreToldTo) {
  EXPECT_EQ(read({"--from", "x"}).child.input.kind, ChildInput::Kind::null);
  EXPECT_EQ(read({"--from", "x", "--stdin", "-"}).child.input.kind, ChildInput::Kind::inherit);
  EXPECT_EQ(read({"--from", "-", "--stdin", "y"}).child.input.kind, ChildInput::Kind::file);
  EXPECT_NE(complaint({"--from", "-", "--stdin", "-"}), "no complaint");
  EXPECT_NE(complaint({"--from", "x", "--pty", "-j2", "--stdin", "-"}), "no complaint");
}

TEST(RunChildOptionsTest, ManyNeedAPlaceForTheLineOrNoCommand) {
  EXPECT_NE(complaint({"--from", "-", "true"}), "no complaint");
  EXPECT_EQ(complaint({"--from", "-", "echo", "a{}b"}), "no complaint");
  EXPECT_NE(complaint({"-j", "2", "true"}), "no complaint");
  EXPECT_NE(complaint({"--from", "-", "-j", "0"}), "no complaint");
  EXPECT_NE(complaint({"--from", "-", "--unordered", "--interleave"}), "no complaint");
}

}  // namespace
}  // namespace ioa::cli
