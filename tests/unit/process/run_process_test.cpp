#include "ioa/process/run_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "ioa/loop/timeout.hpp"
#include "ioa/process/process.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using std::chrono::milliseconds;

class RunProcessTest : public test::RealLoopTest {
 protected:
  const test::IgnoredSigpipe ignored_sigpipe;

  static RunOptions shell(std::string line) {
    RunOptions options;
    options.request = SpawnRequest::shell(std::move(line));
    return options;
  }
  RunResult result_of(RunOptions options) { return run(run_process(loop, std::move(options))); }
  void expect_nothing_left() {
    test::turn_until(
        loop, [&] { return loop.watched_children().empty(); }, "the end of the child");
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  }
};

TEST_F(RunProcessTest, GivesTheStatusAndWhatTheChildWrote) {
  RunOptions options = shell("echo out; echo error >&2; exit 3");
  options.err = Capture::keep;
  const RunResult result = result_of(std::move(options));
  EXPECT_EQ(result.status, WaitStatus::exited(3));
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "error\n");
  EXPECT_GT(result.pid, 0);
  EXPECT_GT(result.wall, Duration::zero());
  EXPECT_GT(result.usage.max_rss, 0U);
  EXPECT_FALSE(result.timed_out || result.is_out_truncated || result.is_err_truncated);
  EXPECT_TRUE(result.is_drained);
  expect_nothing_left();
}

TEST_F(RunProcessTest, ADeathByASignalIsNoExitStatus) {
  EXPECT_EQ(result_of(shell("kill -TERM $$")).status.signal(), SIGTERM);
}

TEST_F(RunProcessTest, GivesTheChildItsInputAndThenTheEnd) {
  for (const std::string& input :
       {std::string("text"), std::string("0"), std::string(1 << 20, 'x')}) {
    RunOptions options = shell("cat");
    options.input = input;
    options.limit = 2 << 20;
    EXPECT_EQ(result_of(std::move(options)).out, input);
  }
}

// As long as this process's stdin would be read it would not end.
TEST_F(RunProcessTest, NoInputIsTheEndAtOnceAndNeverOurs) {
  test::Pipe never;
  const UniqueFd own_stdin(::dup(0));
  ::dup2(never.read.get(), 0);
  EXPECT_EQ(result_of(shell("cat; echo end")).out, "end\n") << "by default";
  RunOptions options = shell("cat; echo end");
  options.input = "";
  EXPECT_EQ(result_of(std::move(options)).out, "end\n");
  EXPECT_EQ(::write(never.write.get(), "ours\n", 5), 5);
  options = shell("read x; echo $x");
  options.input.reset();
  EXPECT_EQ(result_of(std::move(options)).out, "ours\n") << "only where that is asked for";
  ::dup2(own_stdin.get(), 0);
}

TEST_F(RunProcessTest, BothOutputsMayBeOne) {
  RunOptions options = shell("echo 1; echo 2 >&2; echo 3");
  options.err = Capture::merge;
  const RunResult result = result_of(std::move(options));
  EXPECT_EQ(result.out, "1\n2\n3\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(RunProcessTest, OutputsMayBeDiscardedOrGoElsewhere) {
  test::Pipe pipe;
  RunOptions options = shell("echo out; echo error >&2");
  options.out = Capture::discard;
  options.request.descriptors = {FdAction::dup(pipe.write.get(), 2)};
  const RunResult result = result_of(std::move(options));
  EXPECT_EQ(result.out, "");
  pipe.write.reset();
  EXPECT_EQ(test::read_all(pipe.read.get()), "error\n");
}

TEST_F(RunProcessTest, KeepsNoMoreThanTheLimitAndSaysSo) {
  for (const std::size_t limit : {0U, 1U, 9U, 10U, 11U}) {
    RunOptions options = shell("printf 0123456789; printf 0123456789 >&2");
    options.err = Capture::keep;
    options.limit = limit;
    const RunResult result = result_of(std::move(options));
    EXPECT_EQ(result.out, std::string("0123456789").substr(0, limit));
    EXPECT_EQ(result.err, result.out);
    EXPECT_EQ(result.is_out_truncated, limit < 10);
    EXPECT_EQ(result.is_err_truncated, limit < 10);
  }
  RunOptions flood = shell("head -c 3000000 /dev/zero; echo end >&2");
  flood.err = Capture::keep;
  flood.limit = 1000;
  const RunResult result = result_of(std::move(flood));
  EXPECT_EQ(result.out.size(), 1000U);
  EXPECT_EQ(result.err, "end\n") << "the rest was read";
}

TEST_F(RunProcessTest, TellsOutputAsItComes) {
  test::Pipe go;
  RunOptions options = shell("echo first; read x <&9; echo second >&2");
  options.request.descriptors = {FdAction::dup(go.read.get(), 9)};
  options.err = Capture::keep;
  options.limit = 3;
  std::string told;
  options.on_output = [&](int fd, std::string_view bytes) {
    told += std::to_string(fd) + ":" + std::string(bytes);
  };
  auto future = run_process(loop, std::move(options));
  test::turn_until(
      loop, [&] { return told == "1:first\n"; }, "the first line");
  go.write.reset();
  EXPECT_EQ(run(std::move(future)).out, "fir");
  EXPECT_EQ(told, "1:first\n2:second\n");
}

TEST_F(RunProcessTest, WhatCannotBeStartedIsAnErrorAtOnce) {
  RunOptions options;
  options.request = SpawnRequest::command({"/nowhere"});
  auto future = run_process(loop, std::move(options));
  ASSERT_TRUE(future.has_failed());
  try {
    future.get();
  } catch (const Error& error) {
    EXPECT_EQ(error.operation(), "exec");
    EXPECT_EQ(error.code().value(), ENOENT);
  }
  test::turn_while_busy(loop);
  EXPECT_EQ(result_of(shell("exit 255")).status, WaitStatus::exited(255));
  EXPECT_EQ(result_of(shell("exit 127")).status, WaitStatus::exited(127));
}

TEST_F(RunProcessTest, AFailingStatusMayBeAFailure) {
  RunOptions options = shell("echo out; exit 3");
  options.fail_on_nonzero = true;
  try {
    result_of(std::move(options));
    ADD_FAILURE();
  } catch (const ProcessFailed& error) {
    EXPECT_STREQ(error.what(), "run /bin/sh: exited with status 3");
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_EQ(error.result().status, WaitStatus::exited(3));
    EXPECT_EQ(error.result().out, "out\n");
  }
  options = shell("kill -9 $$");
  options.fail_on_nonzero = true;
  EXPECT_THROW(result_of(std::move(options)), ProcessFailed);
  options = shell("exit 0");
  options.fail_on_nonzero = true;
  EXPECT_NO_THROW(result_of(std::move(options)));
}

TEST_F(RunProcessTest, ATimeLimitEndsTheChild) {
  RunOptions options = shell("echo begun; exec sleep 60");
  options.timeout = milliseconds(100);
  const RunResult result = result_of(std::move(options));
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status.signal(), SIGTERM);
  EXPECT_EQ(result.out, "begun\n");
  EXPECT_GE(result.wall, milliseconds(100));
  EXPECT_LT(result.wall, std::chrono::seconds(5));

  options = shell("trap '' TERM; while :; do sleep 0.01; done");
  options.timeout = milliseconds(20);
  options.stop = {SIGTERM, milliseconds(20)};
  options.fail_on_nonzero = true;
  try {
    result_of(std::move(options));
    ADD_FAILURE();
  } catch (const ProcessFailed& error) {
    EXPECT_EQ(error.kind(), ErrorKind::timeout);
    EXPECT_EQ(error.result().status.signal(), SIGKILL);
  }
  expect_nothing_left();
}

TEST_F(RunProcessTest, ATimeLimitMayEndAllThatTheChildHasStarted) {
  RunOptions options = shell("setsid sleep 100 & sleep 100");
  options.timeout = milliseconds(100);
  options.stop.reach = StopPolicy::Reach::tree;
  options.drain.reset();
  const RunResult result = result_of(std::move(options));
  EXPECT_TRUE(result.timed_out);
  EXPECT_TRUE(result.is_drained) << "nobody has the pipe any more";
  expect_nothing_left();
}

TEST_F(RunProcessTest, DroppingItStopsTheChildWhichIsReaped) {
  for (const bool ignores_term : {false, true}) {
    RunOptions options = shell(std::string(ignores_term ? "trap '' TERM; " : "") +
                               "echo; while :; do sleep 0.01; done");
    options.stop = {SIGTERM, milliseconds(20)};
    bool has_begun = false;
    options.on_output = [&](int, std::string_view) { has_begun = true; };
    {
      auto dropped = run_process(loop, std::move(options));
      test::turn_until(
          loop, [&] { return has_begun; }, "the first output");
    }
    expect_nothing_left();
  }
}

TEST_F(RunProcessTest, MayBeDroppedAtAnyTurn) {
  run(sleep_for(loop, milliseconds(1)));  // which makes the backend's timer
  const std::set<int> before = test::open_fds();
  for (int turns = 0, is_over = 0; is_over == 0; ++turns) {
    RunOptions options = shell("cat; echo end >&2");
    options.input = "text";
    options.err = Capture::keep;
    auto future = run_process(loop, std::move(options));
    for (int i = 0; i < turns && !future.ready(); ++i) loop.turn(milliseconds(20));
    is_over = future.ready();
    future.cancel();
    expect_nothing_left();
  }
  test::turn_while_busy(loop);
  EXPECT_EQ(test::new_fds(before), "");
}

TEST_F(RunProcessTest, ItsOutputCallbackMayDropIt) {
  Future<RunResult> future;
  RunOptions options = shell("echo a; echo b >&2; exec sleep 60");
  options.err = Capture::keep;
  int count = 0;
  options.on_output = [&](int, std::string_view) {
    ++count;
    future.cancel();
  };
  future = run_process(loop, std::move(options));
  test::turn_until(
      loop, [&] { return count > 0; }, "output");
  expect_nothing_left();
  EXPECT_EQ(count, 1);
}

TEST_F(RunProcessTest, ManyMayRunAtOnce) {
  std::vector<Future<RunResult>> all;
  for (int i = 0; i < 30; ++i) all.push_back(run_process(loop, shell("echo " + std::to_string(i))));
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(run(std::move(all[static_cast<std::size_t>(i)])).out, std::to_string(i) + "\n");
}

Future<std::string> answer_of(Loop& loop) {
  auto owned = std::make_unique<Process>(SpawnRequest::command({"cat"}));
  Stream& in = owned->pipe_write(0);
  Stream& out = owned->pipe_read(1);
  Process* cat = co_await open_process(loop, std::move(owned));
  EXPECT_TRUE(cat->is_running());
  in.write("question\n");
  std::optional<std::string> line = co_await out.read_line();
  in.close();
  co_return *line;
}

TEST_F(RunProcessTest, AnOpenProcessIsTalkedTo) { EXPECT_EQ(run(answer_of(loop)), "question"); }

TEST_F(RunProcessTest, OpeningFailsAsStartingDoes) {
  auto nothing = [] { return std::make_unique<Process>(SpawnRequest::command({"/nowhere"})); };
  auto future = open_process(loop, nothing());
  ASSERT_TRUE(future.has_failed());
  EXPECT_THROW(future.get(), Error);
  Notifier& parent = loop.add(std::make_unique<Notifier>());
  EXPECT_TRUE(open_process(parent, nothing()).has_failed());
  EXPECT_NO_THROW(test::turn_while_busy(loop));
}

}  // namespace
}  // namespace ioa
