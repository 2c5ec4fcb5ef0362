#include "ioa/process/process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>

#include "ioa/future/combine.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/process/process_info.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

class ProcessTest : public test::RealLoopTest {
 protected:
  const test::IgnoredSigpipe ignored_sigpipe;

  static std::unique_ptr<Process> shell(std::string line) {
    return std::make_unique<Process>(SpawnRequest::shell(std::move(line)));
  }
  ExitReport end_of(Process& process) { return run(process.exited()); }
};

TEST_F(ProcessTest, IsStartedWhenItEntersALoop) {
  auto owned = shell("exit 3");
  EXPECT_EQ(owned->pid(), 0);
  EXPECT_FALSE(owned->is_running());
  EXPECT_FALSE(owned->kill(SIGTERM));
  EXPECT_EQ(owned->describe(), "nopid");
  int count = 0;
  std::string text;
  owned->on_exit([&](Process& self) {
    ++count;
    EXPECT_EQ(self.report()->status, WaitStatus::exited(3));
    EXPECT_FALSE(self.is_running());
    text = self.describe();
  });
  Process& process = loop.add(std::move(owned));
  EXPECT_TRUE(process.is_running());
  const ::pid_t pid = process.pid();
  EXPECT_EQ(process.describe(), std::to_string(pid));
  const WeakRef<Process> weak(process);
  const ExitReport report = end_of(process);
  EXPECT_EQ(report.status, WaitStatus::exited(3));
  EXPECT_EQ(report.pid, pid);
  EXPECT_EQ(text, "[" + std::to_string(pid) + "]");
  test::turn_while_busy(loop);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(weak.get(), nullptr) << "it leaves by itself";
}

TEST_F(ProcessTest, ADeathByASignalIsNoExitStatus) {
  Process& process = loop.add(shell("kill -KILL $$"));
  const ExitReport report = end_of(process);
  EXPECT_EQ(report.status.exit_code(), std::nullopt);
  EXPECT_EQ(report.status.signal(), SIGKILL);
}

TEST_F(ProcessTest, ItsEndCanBeAskedForAfterwardsByAsManyAsWantTo) {
  auto owned = shell("exit 3");
  owned->set_leaves_when_done(false);
  Process& process = loop.add(std::move(owned));
  auto both = all(process.exited(), process.exited());
  { auto dropped = process.exited(); }
  run(std::move(both));
  auto later = process.exited();
  ASSERT_TRUE(later.ready());
  EXPECT_EQ(later.get().status, WaitStatus::exited(3));
  process.remove();
}

TEST_F(ProcessTest, WhatCannotBeStartedIsToldFromTheLoopAndIsNoStatus) {
  auto owned = std::make_unique<Process>(SpawnRequest::command({"/nowhere"}));
  Stream& out = owned->pipe_read(1);
  out.on_closed([](Stream&) {});
  int count = 0;
  owned->on_failed([&](Process& self) {
    ++count;
    EXPECT_EQ(self.failure()->operation(), "exec");
    EXPECT_FALSE(self.report());
  });
  owned->on_exit([](Process&) { ADD_FAILURE(); });
  Process& process = loop.add(std::move(owned));
  EXPECT_EQ(count, 0);
  EXPECT_EQ(process.pid(), 0);
  auto end = process.exited();
  try {
    run(std::move(end));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code().value(), ENOENT);
  }
  EXPECT_EQ(count, 1);
}

TEST_F(ProcessTest, AFailureThatNobodyWaitsForIsTheTrees) {
  loop.add(std::make_unique<Process>(SpawnRequest::command({"/nowhere"})));
  EXPECT_THROW(test::turn_while_busy(loop), Error);
  Process& process = loop.add(std::make_unique<Process>(SpawnRequest::command({"/nowhere"})));
  { const auto dropped = process.exited(); }
  EXPECT_THROW(test::turn_while_busy(loop), Error) << "its Future was dropped";
}

TEST_F(ProcessTest, CannotBeStartedTwice) {
  auto parent = std::make_unique<Notifier>();
  Notifier& holder = loop.add(std::move(parent));
  auto owned = shell("exit 0");
  owned->set_leaves_when_done(false);
  Process& process = holder.add_child(std::move(owned));
  end_of(process);
  auto again = holder.release_child(process);
  EXPECT_DEATH(loop.add(std::move(again)), "started once");
}

TEST_F(ProcessTest, CallbacksMayRemoveIt) {
  for (const bool at_child_end : {true, false}) {
    auto owned = shell("exit 0");
    owned->pipe_read(1).on_read([](Stream&, ByteBuffer&, bool) {});
    bool is_called = false;
    const auto remove = [&](Process& self) {
      is_called = true;
      self.remove();
    };
    if (at_child_end) {
      owned->on_child_end(remove);
      owned->on_exit([](Process&) { ADD_FAILURE(); });
    } else {
      owned->on_exit(remove);
    }
    loop.add(std::move(owned));
    test::turn_until(
        loop, [&] { return is_called; }, "the end");
    test::turn_while_busy(loop);
  }
}

TEST_F(ProcessTest, WhatOnExitThrowsIsTheLoops) {
  auto owned = shell("exit 0");
  owned->on_exit([](Process&) { throw std::runtime_error("of the test"); });
  owned->set_leaves_when_done(false);
  Process& process = loop.add(std::move(owned));
  auto end = process.exited();
  EXPECT_THROW(run(std::move(end)), std::runtime_error);
  EXPECT_TRUE(process.report());
  process.remove();
}

TEST_F(ProcessTest, TellsThatTheChildHasStopped) {
  auto owned = shell("kill -STOP $$; exit 2");
  owned->on_stopped([](Process& self, const WaitStatus& status) {
    if (status.is_stopped()) self.kill(SIGCONT);
  });
  EXPECT_EQ(end_of(loop.add(std::move(owned))).status, WaitStatus::exited(2));
}

// --- Ending it ------------------------------------------------------------------------------

TEST_F(ProcessTest, IsEndedByASignalThatItAnswers) {
  Process& process = loop.add(shell("exec sleep 60"));
  process.terminate();
  process.terminate();
  EXPECT_EQ(end_of(process).status.signal(), SIGTERM);
}

TEST_F(ProcessTest, IsKilledIfItDoesNotAnswer) {
  auto owned = shell("trap '' TERM; echo; while :; do sleep 1; done");
  Stream& out = owned->pipe_read(1);
  owned->set_drain(std::chrono::milliseconds(1));
  Process& process = loop.add(std::move(owned));
  run(out.read_line());
  process.terminate({SIGTERM, std::chrono::milliseconds(20)});
  EXPECT_EQ(end_of(process).status.signal(), SIGKILL);
}

TEST_F(ProcessTest, OneThatIsStoppedIsMadeToAnswer) {
  Process& process = loop.add(shell("exec sleep 60"));
  process.kill(SIGSTOP);
  test::poll_until(
      loop, [&] { return process_info(process.pid())->state == 'T'; }, "the stop");
  process.terminate({SIGTERM, std::nullopt});
  EXPECT_EQ(end_of(process).status.signal(), SIGTERM);
}

TEST_F(ProcessTest, ItsWholeGroupMayBeEnded) {
  auto owned = shell("sleep 60 & sleep 60");
  owned->request().process_group = 0;
  owned->set_drain(std::nullopt);
  owned->set_leaves_when_done(false);
  Stream& out = owned->pipe_read(1);
  Process& process = loop.add(std::move(owned));
  auto text = out.read_until_eof();
  process.terminate({SIGTERM, std::nullopt, StopPolicy::Reach::group});
  run(std::move(text));  // at its end when the last of them has died
  EXPECT_EQ(end_of(process).status.signal(), SIGTERM);
  EXPECT_TRUE(process.is_drained());
}

TEST_F(ProcessTest, ItsWholeTreeMayBeEnded) {
  auto owned = shell("setsid sleep 60 & echo started; sleep 60");
  owned->set_drain(std::nullopt);
  Stream& out = owned->pipe_read(1);
  Process& process = loop.add(std::move(owned));
  run(out.read_line());
  test::poll_until(
      loop, [&] { return descendants_of(process.pid()).size() == 2; }, "both of them");
  auto text = out.read_until_eof();
  process.terminate({SIGTERM, std::chrono::seconds(1), StopPolicy::Reach::tree});
  EXPECT_EQ(end_of(process).status.signal(), SIGTERM);
  EXPECT_TRUE(settles(text)) << "nobody holds the pipe any more";
}

// --- Leaving early --------------------------------------------------------------------------

TEST_F(ProcessTest, RemovingItStopsAndReapsItsChild) {
  Process& process = loop.add(shell("exec sleep 60"));
  const ::pid_t pid = process.pid();
  auto end = process.exited();
  process.remove();
  EXPECT_THROW(run(std::move(end)), Error);
  test::turn_until(
      loop, [&] { return loop.watched_children().empty(); }, "the end of the child");
  EXPECT_EQ(::kill(pid, 0), -1) << "it was reaped";
}

TEST_F(ProcessTest, RemovingItMayLeaveTheChildAloneWhichIsReapedAllTheSame) {
  test::Pipe pipe;
  auto owned = shell("read x");
  owned->request().descriptors = {FdAction::dup(pipe.read.get(), 0)};
  owned->set_stop_policy(std::nullopt);
  Process& process = loop.add(std::move(owned));
  const ::pid_t pid = process.pid();
  process.remove();
  test::turn_while_busy(loop);
  EXPECT_EQ(::kill(pid, 0), 0);
  pipe.write.reset();
  test::turn_until(
      loop, [&] { return loop.watched_children().empty(); }, "the end of the child");
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(ProcessTest, TheEndOfTheLoopKillsAndReapsIt) {
  ::pid_t pid = 0;
  {
    Loop short_lived{LibeventBackend::create()};
    auto owned = shell("trap '' TERM; exec sleep 60");
    owned->pipe_read(1);
    pid = short_lived.add(std::move(owned)).pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  {
    Loop short_lived{LibeventBackend::create()};
    Process& process = short_lived.add(shell("trap '' TERM; exec sleep 60"));
    pid = process.pid();
    process.remove();  // so that it is being ended already
    short_lived.turn(Duration::zero());
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

// The same with removal after every number of turns.
TEST_F(ProcessTest, MayBeRemovedAtAnyTurn) {
  run(sleep_for(loop, std::chrono::milliseconds(1)));  // which makes the backend's timer
  const std::set<int> before = test::open_fds();
  for (int turns = 0, is_over = 0; is_over == 0; ++turns) {
    auto owned = shell("cat; echo end >&2");
    Stream& in = owned->pipe_write(0);
    Stream& out = owned->pipe_read(1);
    Stream& err = owned->pipe_read(2);
    in.write("text\n");
    in.shutdown_write();
    Process& process = loop.add(std::move(owned));
    const WeakRef<Process> weak(process);
    auto text = out.read_until_eof();
    auto errors = err.read_until_eof();
    auto end = process.exited();
    for (int i = 0; i < turns && weak.get() != nullptr; ++i)
      loop.turn(std::chrono::milliseconds(20));
    if (weak.get() != nullptr)
      process.remove();
    else
      is_over = 1;
    test::turn_until(
        loop, [&] { return loop.watched_children().empty(); }, "the end of the child");
  }
  test::turn_while_busy(loop);
  EXPECT_EQ(test::new_fds(before), "");
}

}  // namespace
}  // namespace ioa
