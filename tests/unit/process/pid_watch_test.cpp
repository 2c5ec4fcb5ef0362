#include "ioa/process/pid_watch.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/support/fd_count.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using Method = PidWatch::Method;

// By both methods: what is told may not depend on how it was noticed.
class PidWatchTest : public test::RealLoopTest, public ::testing::WithParamInterface<Method> {
 protected:
  SpawnedChild start(std::string line) { return spawn(SpawnRequest::shell(std::move(line))); }
  /// A child that reads from a pipe, and ends when that is closed.
  SpawnedChild start_waiting(const std::string& then = "exit 0") {
    SpawnRequest request = SpawnRequest::shell("read x; " + then);
    request.descriptors = {FdAction::dup(pipe.read.get(), 0)};
    return spawn(request);
  }
  std::unique_ptr<PidWatch> watch(SpawnedChild child) {
    return std::make_unique<PidWatch>(
        loop, std::move(child), [this](const ExitReport& report) { told.push_back(report); },
        GetParam());
  }
  void turn_until_told(std::size_t count = 1) {
    test::turn_until(
        loop, [&] { return told.size() >= count; }, "the end of a child");
  }
  /// Waits for the end of a child without reaping it.
  static void await_end(::pid_t pid) {
    ::siginfo_t info;
    ::waitid(P_PID, static_cast<::id_t>(pid), &info, WEXITED | WNOWAIT);
  }

  test::Pipe pipe;
  std::vector<ExitReport> told;
};

TEST_P(PidWatchTest, TellsHowAChildHasEndedOnce) {
  const SpawnedChild child = start_waiting("exit 7");
  const auto seen = std::make_unique<PidWatch>(
      loop, child.pid, [this](const ExitReport& report) { told.push_back(report); }, GetParam());
  EXPECT_EQ(seen->pid(), child.pid);
  EXPECT_TRUE(seen->is_waiting());
  test::turn_while_busy(loop);
  EXPECT_TRUE(told.empty());
  pipe.write.reset();
  turn_until_told();
  EXPECT_FALSE(seen->is_waiting());
  EXPECT_EQ(told[0].pid, child.pid);
  EXPECT_EQ(told[0].status, WaitStatus::exited(7));
  test::turn_while_busy(loop);
  EXPECT_EQ(told.size(), 1U);
}

TEST_P(PidWatchTest, TellsWhatTheChildHasUsed) {
  const auto seen = watch(start("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"));
  turn_until_told();
  EXPECT_GT(told[0].usage.user + told[0].usage.system, Duration::zero());
  EXPECT_GT(told[0].usage.max_rss, 100'000U);
  EXPECT_LT(told[0].usage.max_rss, 1'000'000'000U);
}

TEST_P(PidWatchTest, OneThatHasEndedBeforeIsToldTooButNotAtOnce) {
  SpawnedChild child = start("exit 4");
  await_end(child.pid);
  const auto seen = watch(std::move(child));
  EXPECT_TRUE(told.empty());
  turn_until_told();
  EXPECT_EQ(told[0].status, WaitStatus::exited(4));
}

// Once a watch exists, others are not reaped along with its child.
TEST_P(PidWatchTest, ForeignChildrenAreLeftAlone) {
  const SpawnedChild foreign = start("exit 9");
  await_end(foreign.pid);
  const auto seen = watch(start("exit 1"));
  turn_until_told();
  EXPECT_EQ(test::wait_for(foreign.pid), WaitStatus::exited(9));
}

TEST_P(PidWatchTest, OneThatEndsBeforeItIsWatchedIsNotLost) {
  const auto first = watch(start("exit 1"));
  SpawnedChild late = start("exit 2");
  await_end(late.pid);
  turn_until_told();
  const auto second = watch(std::move(late));
  turn_until_told(2);
  EXPECT_EQ(told[1].status, WaitStatus::exited(2));
}

TEST_P(PidWatchTest, AChildHasOneWatch) {
  const SpawnedChild child = start_waiting();
  auto other = [](const ExitReport&) { ADD_FAILURE(); };
  auto seen = std::make_unique<PidWatch>(loop, child.pid, other, GetParam());
  try {
    const PidWatch second(loop, child.pid, other, GetParam());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code().value(), EEXIST);
  }
  seen.reset();
  seen = watch({child.pid, UniqueFd()});
  pipe.write.reset();
  turn_until_told();
}

TEST_P(PidWatchTest, RefusesWhatIsNoChild) {
  for (const ::pid_t pid : {1, 0, -1, ::getpid()}) {
    try {
      const PidWatch seen(
          loop, pid, [](const ExitReport&) {}, GetParam());
      ADD_FAILURE() << pid;
    } catch (const Error& error) {
      EXPECT_EQ(error.code().value(), ECHILD) << pid;
    }
  }
}

TEST_P(PidWatchTest, AStatusThatSomebodyElseHasTakenIsUnknown) {
  const SpawnedChild child = start_waiting("exit 3");
  const auto seen = watch({child.pid, UniqueFd()});
  pipe.write.reset();
  test::wait_for(child.pid);
  turn_until_told();
  EXPECT_FALSE(told[0].status.is_known());
}

TEST_P(PidWatchTest, DroppingItLeavesTheChildAlone) {
  SpawnedChild child = start_waiting("exit 3");
  const ::pid_t pid = child.pid;
  const std::set<int> before = test::open_fds();
  auto seen = watch(std::move(child));
  seen.reset();
  test::turn_while_busy(loop);
  pipe.write.reset();
  EXPECT_EQ(test::wait_for(pid), WaitStatus::exited(3));
  test::turn_while_busy(loop);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(test::new_fds(before), "");
}

TEST_P(PidWatchTest, ItsCallbackMayDestroyItAndItsNeighbours) {
  std::vector<std::unique_ptr<PidWatch>> all;
  std::vector<::pid_t> pids;
  int count = 0;
  for (int i = 0; i < 4; ++i) {
    SpawnedChild child = start("exit 0");
    await_end(child.pid);
    pids.push_back(child.pid);
    all.push_back(std::make_unique<PidWatch>(
        loop, std::move(child),
        [&](const ExitReport& report) {
          ++count;
          std::erase(pids, report.pid);
          all.clear();
        },
        GetParam()));
  }
  test::turn_until(
      loop, [&] { return count > 0; }, "the first");
  test::turn_while_busy(loop);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(pids.size(), 3U);
  for (const ::pid_t pid : pids) test::wait_for(pid);
}

TEST_P(PidWatchTest, ItsCallbackMayWatchAnother) {
  std::unique_ptr<PidWatch> seen;
  int left = 5;
  UniqueFunction<void()> next = [&] {
    seen = std::make_unique<PidWatch>(
        loop, start("exit 0"), [&](const ExitReport&) { --left > 0 ? next() : loop.stop(); },
        GetParam());
  };
  next();
  loop.run();
  EXPECT_EQ(left, 0);
}

TEST_P(PidWatchTest, AnExceptionOfItsCallbackIsTheLoops) {
  const PidWatch seen(
      loop, start("exit 0"), [](const ExitReport&) { throw std::runtime_error("of the test"); },
      GetParam());
  EXPECT_THROW(test::turn_until(
                   loop, [&] { return !seen.is_waiting(); }, "the end"),
               std::runtime_error);
  EXPECT_TRUE(loop.watched_children().empty());
}

TEST_P(PidWatchTest, SendsSignalsUntilTheChildHasEnded) {
  const auto seen = watch(start("trap 'exit 5' USR1; while :; do sleep 0.01; done"));
  EXPECT_TRUE(seen->kill(0));
  EXPECT_FALSE(seen->kill(999));
  // Before its trap is set the signal ends it, which is an answer too.
  EXPECT_TRUE(seen->kill(SIGUSR1));
  turn_until_told();
  EXPECT_TRUE(told[0].status.exit_code() == 5 || told[0].status.signal() == SIGUSR1);
  EXPECT_FALSE(seen->kill(0));
}

TEST_P(PidWatchTest, SendsSignalsToTheGroupThatTheChildLeads) {
  const auto no_leader = watch(start_waiting());
  EXPECT_FALSE(no_leader->kill_group(SIGKILL)) << "that would be this process's own";
  pipe.write.reset();
  turn_until_told();
  SpawnRequest request = SpawnRequest::shell("sleep 60 & sleep 60");
  request.process_group = 0;
  const auto leader = watch(spawn(request));
  EXPECT_TRUE(leader->kill_group(SIGKILL));
  turn_until_told(2);
  EXPECT_EQ(told[1].status.signal(), SIGKILL);
  EXPECT_FALSE(leader->kill_group(SIGKILL));
}

TEST_P(PidWatchTest, TellsThatTheChildHasStoppedAndGoesOn) {
  const auto seen = watch(start_waiting());
  std::vector<WaitStatus> stops;
  seen->on_stopped([&](const WaitStatus& status) { stops.push_back(status); });
  seen->kill(SIGSTOP);
  test::turn_until(
      loop, [&] { return !stops.empty(); }, "the stop");
  EXPECT_EQ(stops[0].stop_signal(), SIGSTOP);
  seen->kill(SIGCONT);
  test::turn_until(
      loop, [&] { return stops.size() > 1; }, "the going on");
  EXPECT_FALSE(stops[1].is_stopped());
  pipe.write.reset();
  turn_until_told();
  EXPECT_EQ(stops.size(), 2U);
}

TEST_P(PidWatchTest, ManyChildrenAreAllTold) {
  std::vector<std::unique_ptr<PidWatch>> all;
  for (int i = 0; i < 40; ++i) all.push_back(watch(start("exit " + std::to_string(i))));
  turn_until_told(40);
  std::set<int> codes;
  for (const ExitReport& report : told) codes.insert(report.status.exit_code().value_or(-1));
  EXPECT_EQ(codes.size(), 40U);
  EXPECT_TRUE(loop.watched_children().empty());
}

TEST_P(PidWatchTest, TheLoopCountsItsChildren) {
  const auto one = watch(start("exit 0"));
  const auto other = watch(start("exit 1"));
  turn_until_told(2);
  EXPECT_EQ(loop.metrics().children, 2U);
}

TEST_P(PidWatchTest, ShowsItsChildInTheDumpOfTheLoop) {
  const SpawnedChild child = start_waiting();
  const auto seen = watch({child.pid, UniqueFd()});
  EXPECT_NE(loop.dump().find("children: 1 " + std::to_string(child.pid)), std::string::npos);
  pipe.write.reset();
  turn_until_told();
  EXPECT_EQ(loop.dump().find("children:"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Methods, PidWatchTest,
                         ::testing::Values(Method::automatic, Method::signal), [](const auto& of) {
                           return of.param == Method::automatic ? "Automatic" : "Signal";
                         });

}  // namespace
}  // namespace ioa
