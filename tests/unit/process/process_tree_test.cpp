#include "ioa/process/process_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>

#include "ioa/process/process.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using std::chrono::milliseconds;

/// Makes this process a subreaper, for a test.
class Subreaper {
 public:
  Subreaper() { set_subreaper(true); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;
  ~Subreaper() { set_subreaper(false); }
};

class ProcessTreeTest : public test::RealLoopTest {
 protected:
  /// A shell that has all in `line` started, which says so by `echo`ing as many lines.
  Process& start(const std::string& line, int lines = 1, SpawnRequest request = {}) {
    request.arguments = SpawnRequest::shell(line).arguments;
    auto owned = std::make_unique<Process>(std::move(request));
    Stream& out = owned->pipe_read(1);
    owned->set_drain(std::nullopt);
    owned->set_leaves_when_done(false);
    owned->set_stop_policy(StopPolicy{SIGKILL, Duration::zero(), StopPolicy::Reach::tree});
    Process& process = loop.add(std::move(owned));
    for (int i = 0; i < lines; ++i) run(out.read_line());
    process.set_drain(milliseconds(0));
    out.on_read([](Stream&, ByteBuffer& in, bool) { in.clear(); });
    return process;
  }

  std::vector<::pid_t> alive_below(::pid_t root) {
    std::vector<::pid_t> pids;
    for (const ProcessInfo& info : descendants_of(root))
      if (!info.has_ended()) pids.push_back(info.pid);
    return pids;
  }

  void expect_nothing_left(Process& process) {
    run(process.exited());
    process.remove();
    test::turn_while_busy(loop);
    EXPECT_EQ(descendants_of(::getpid(), TreeSearch::parents).size(), 0U);
  }

  const Subreaper subreaper;
};

TEST_F(ProcessTreeTest, AProcessIsWhatTheKernelSays) {
  const auto self = process_info(::getpid());
  ASSERT_TRUE(self);
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(self->group, ::getpgrp());
  EXPECT_EQ(self->session, ::getsid(0));
  EXPECT_EQ(self->state, 'R');
  EXPECT_GT(self->start_time, 0U);
  EXPECT_FALSE(process_info(0));
}

TEST_F(ProcessTreeTest, NamesMayHoldAnything) {
  // The name of a process is that of its file.
  const std::string folder = ::testing::TempDir();
  const std::string odd = folder + "a) Z 1 (b";
  ::unlink(odd.c_str());
  ASSERT_EQ(::symlink("/bin/sleep", odd.c_str()), 0);
  const SpawnedChild child = spawn(SpawnRequest::command({odd, "60"}));
  const auto info = process_info(child.pid);
  ASSERT_TRUE(info);
  EXPECT_NE(info->state, 'Z');
  EXPECT_EQ(info->parent, ::getpid());
  ::kill(child.pid, SIGKILL);
  test::wait_for(child.pid);
  ::unlink(odd.c_str());
}

TEST_F(ProcessTreeTest, FindsEveryDescendantEitherWay) {
  Process& process = start(
      "setsid sh -c 'sleep 60 & echo; wait' & sh -c 'sh -c \"sleep 60 & echo; wait\" & wait' & "
      "wait",
      2);
  for (const TreeSearch how : {TreeSearch::automatic, TreeSearch::parents}) {
    const auto found = descendants_of(process.pid(), how);
    EXPECT_EQ(found.size(), 5U);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const bool is_below =
          found[i].parent == process.pid() ||
          std::any_of(found.begin(), found.begin() + static_cast<long>(i),
                      [&](const ProcessInfo& other) { return other.pid == found[i].parent; });
      EXPECT_TRUE(is_below) << "parents come first";
    }
  }
  run(end_tree(loop, {{process.pid()}, true, {}}, {SIGKILL, Duration::zero()}));
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, SessionsOfTheirOwnDoNotHideAnything) {
  Process& process = start("setsid sleep 100 & echo; sleep 100");
  test::poll_until(
      loop, [&] { return alive_below(process.pid()).size() == 2; }, "both");
  const TreeReport report = run(end_tree(loop, {{process.pid()}, true, {}}, StopPolicy{}));
  EXPECT_EQ(report.signalled, 3U);
  EXPECT_EQ(report.killed, 0U);
  EXPECT_TRUE(report.left.empty());
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, DoubleForksAreFoundAndReaped) {
  // The one between ends at once: this process adopts what it has started.
  Process& process = start("(setsid sh -c 'sleep 100 & echo; wait' &) ; sleep 100");
  test::poll_until(
      loop,
      [&] {
        const auto all = descendants_of(::getpid());
        return std::any_of(all.begin(), all.end(), [&](const ProcessInfo& info) {
          return info.parent == ::getpid() && info.pid != process.pid();
        });
      },
      "the adoption");
  const TreeReport report = run(end_tree(loop, {{process.pid()}, true, {}}, StopPolicy{}));
  EXPECT_GE(report.signalled, 3U);
  EXPECT_TRUE(report.left.empty());
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, WhatDoesNotAnswerIsKilled) {
  Process& process = start(
      "trap '' TERM; setsid sh -c \"trap '' TERM; echo; while :; do sleep 0.01; done\" & "
      "while :; do sleep 0.01; done");
  const TreeReport report =
      run(end_tree(loop, {{process.pid()}, true, {}}, {SIGTERM, milliseconds(30)}));
  EXPECT_GE(report.killed, 2U);
  EXPECT_TRUE(report.left.empty());
  EXPECT_EQ(run(process.exited()).status.signal(), SIGKILL);
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, WhatKeepsStartingMoreIsEndedAllTheSame) {
  // Bounded, so that a test that is killed does not leave the machine with a fork bomb.
  Process& process =
      start("echo; i=0; while [ $i -lt 400 ]; do setsid sleep 20 & i=$((i+1)); done");
  test::poll_until(
      loop, [&] { return alive_below(process.pid()).size() > 20; }, "a crowd");
  const TreeReport report =
      run(end_tree(loop, {{process.pid()}, true, {}}, {SIGKILL, Duration::zero()}));
  EXPECT_TRUE(report.left.empty());
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, OneThatStartsAnotherWhenItIsToldToEndIsFollowed) {
  Process& process =
      start("trap 'setsid sleep 70 & exit' TERM; echo; while :; do sleep 0.01; done");
  const TreeReport report =
      run(end_tree(loop, {{process.pid()}, true, {}}, {SIGTERM, milliseconds(200)}));
  EXPECT_TRUE(report.left.empty());
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, WhatIsStoppedIsMadeToAnswer) {
  Process& process = start("sh -c 'echo; kill -STOP $$; sleep 60' & wait");
  test::poll_until(
      loop,
      [&] {
        const auto found = descendants_of(process.pid());
        return !found.empty() && found.front().state == 'T';
      },
      "the stop");
  const TreeReport report =
      run(end_tree(loop, {{process.pid()}, true, {}}, {SIGTERM, std::nullopt}));
  EXPECT_EQ(report.killed, 0U);
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, OtherChildrenAreSpared) {
  Process& spared = start("sleep 60 & echo; wait");
  Process& process = start("(setsid sh -c 'echo; sleep 60' &); sleep 60");
  run(end_tree(loop, {{process.pid()}, true, {}}, StopPolicy{}));
  run(process.exited());
  process.remove();
  EXPECT_TRUE(spared.is_running());
  EXPECT_EQ(alive_below(spared.pid()).size(), 1U);
  run(end_tree(loop, {{spared.pid()}, true, {}}, StopPolicy{}));
  expect_nothing_left(spared);
}

TEST_F(ProcessTreeTest, AMarkSaysWhoseAnOrphanIs) {
  const auto orphan_of = [this](const char* job) {
    SpawnRequest request;
    request.environment.set("IOA_TEST_JOB", job);
    Process& process = start("(setsid sh -c 'echo; exec sleep 60 >&-' &); exit 0", 1, request);
    run(process.exited());
    process.remove();
  };
  orphan_of("one");
  orphan_of("two");
  test::poll_until(
      loop, [&] { return alive_below(::getpid()).size() == 2; }, "two orphans");
  TreeReport report = run(end_tree(loop, {{}, true, "IOA_TEST_JOB=two"}, StopPolicy{}));
  EXPECT_EQ(report.signalled, 1U);
  const auto left = alive_below(::getpid());
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(has_in_environment(left[0], "IOA_TEST_JOB=one"));
  EXPECT_FALSE(has_in_environment(left[0], "IOA_TEST_JOB=on"));
  report = run(end_tree(loop, {{}, true, {}}, StopPolicy{}));
  EXPECT_EQ(report.signalled, 1U);
  EXPECT_TRUE(descendants_of(::getpid()).empty()) << "reaped";
}

TEST_F(ProcessTreeTest, AdoptedOnesThatHaveEndedAreReapedAndWatchedOnesAreNot) {
  Process& process = start("(setsid sh -c 'exit 3' &); echo; exit 4");
  const ::pid_t pid = process.pid();
  test::poll_until(
      loop,
      [&] {
        const auto all = descendants_of(::getpid());
        return std::count_if(all.begin(), all.end(), [&](const ProcessInfo& info) {
                 return info.has_ended() && info.parent == ::getpid() && info.pid != pid;
               }) == 1;
      },
      "the end of the orphan");
  EXPECT_EQ(reap_adopted(loop), 1U);
  EXPECT_EQ(run(process.exited()).status, WaitStatus::exited(4));
  expect_nothing_left(process);
}

TEST_F(ProcessTreeTest, ATreeThatIsGoneIsNoWork) {
  Process& process = start("echo");
  run(process.exited());
  const ::pid_t pid = process.pid();
  process.remove();
  auto report = end_tree(loop, {{pid, 0, 1, -1, ::getpid()}, false, {}}, StopPolicy{});
  ASSERT_TRUE(report.ready());
  EXPECT_EQ(report.get().signalled, 0U);
}

TEST_F(ProcessTreeTest, DroppingItEndsTheWork) {
  Process& process = start("trap '' TERM; echo; while :; do sleep 0.01; done");
  {
    auto dropped = end_tree(loop, {{process.pid()}, true, {}}, {SIGTERM, milliseconds(5)});
    EXPECT_FALSE(dropped.ready());
  }
  EXPECT_TRUE(loop.timers().empty());
  EXPECT_TRUE(process.is_running());
  signal_tree(loop, {{process.pid()}, true, {}}, SIGKILL);
  run(end_tree(loop, {{process.pid()}, true, {}}, {SIGKILL, Duration::zero()}));
  expect_nothing_left(process);
}

}  // namespace
}  // namespace ioa
