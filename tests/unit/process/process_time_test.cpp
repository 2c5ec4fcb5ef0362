#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <string>

#include "ioa/process/process.hpp"
#include "ioa/process/run_process.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Real children, and a clock that stands still unless a test moves it.
class ProcessTimeTest : public test::FakeLoopTest {
 protected:
  ProcessTimeTest() {
    fake.set_real_descriptors(true);
    fake.set_autojump(false);
  }
  /// A child that has said that it is ready, and ignores SIGTERM.
  Process& start_stubborn() {
    auto owned = std::make_unique<Process>(
        SpawnRequest::shell("trap '' TERM; echo; while :; do read x <&9; done"));
    owned->request().descriptors = {FdAction::dup(never.read.get(), 9)};
    Stream& out = owned->pipe_read(1);
    Process& process = loop.add(std::move(owned));
    run(out.read_line());
    out.on_read([](Stream&, ByteBuffer& in, bool) { in.clear(); });
    return process;
  }

  test::Pipe never;
};

TEST_F(ProcessTimeTest, SigkillComesWhenItsTimeHasComeAndNotBefore) {
  Process& process = start_stubborn();
  auto end = process.exited();
  process.terminate({SIGTERM, seconds(5)});
  fake.advance(seconds(5) - milliseconds(1));
  EXPECT_FALSE(settles(end));
  EXPECT_TRUE(process.is_running());
  fake.advance(milliseconds(1));
  EXPECT_EQ(run(std::move(end)).status.signal(), SIGKILL);
}

TEST_F(ProcessTimeTest, TheSoonerSigkillCounts) {
  Process& process = start_stubborn();
  auto end = process.exited();
  process.terminate({SIGTERM, seconds(5)});
  process.terminate({SIGTERM, seconds(1)});
  process.terminate({SIGTERM, seconds(9)});
  process.terminate({SIGTERM, std::nullopt});
  fake.advance(seconds(1));
  EXPECT_EQ(run(std::move(end)).status.signal(), SIGKILL);
}

TEST_F(ProcessTimeTest, OneThatHasLeftIsKilledInTimeToo) {
  Process& process = start_stubborn();
  const ::pid_t pid = process.pid();
  process.set_stop_policy(StopPolicy{SIGTERM, seconds(3)});
  process.remove();
  fake.advance(seconds(3) - milliseconds(1));
  test::turn_while_busy(loop);
  EXPECT_EQ(::kill(pid, 0), 0);
  fake.advance(milliseconds(1));
  test::turn_until(
      loop, [&] { return loop.watched_children().empty(); }, "the end of the child");
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(ProcessTimeTest, DrainingTakesAsLongAsItMayAndNotLonger) {
  test::Pipe keep;
  auto owned = std::make_unique<Process>(SpawnRequest::shell("read x <&9 & exit 5"));
  owned->request().descriptors = {FdAction::dup(keep.read.get(), 9)};
  owned->pipe_read(1).on_read([](Stream&, ByteBuffer& in, bool) { in.clear(); });
  owned->set_drain(seconds(7));
  bool has_ended = false;
  owned->on_child_end([&](Process&) { has_ended = true; });
  Process& process = loop.add(std::move(owned));
  auto end = process.exited();
  test::turn_until(
      loop, [&] { return has_ended; }, "the end of the child");
  fake.advance(seconds(7) - milliseconds(1));
  EXPECT_FALSE(settles(end));
  EXPECT_FALSE(process.is_running());
  fake.advance(milliseconds(1));
  EXPECT_EQ(run(std::move(end)).status, WaitStatus::exited(5));
  EXPECT_TRUE(loop.timers().empty());
}

TEST_F(ProcessTimeTest, ARunIsEndedWhenItsTimeIsUpAndNotBefore) {
  RunOptions options;
  options.request = SpawnRequest::shell("exec cat <&9");
  options.request.descriptors = {FdAction::dup(never.read.get(), 9)};
  options.timeout = seconds(20);
  auto future = run_process(loop, std::move(options));
  fake.advance(seconds(20) - milliseconds(1));
  EXPECT_FALSE(settles(future));
  fake.advance(milliseconds(1));
  const RunResult result = run(std::move(future));
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.wall, seconds(20));
  EXPECT_EQ(result.status.signal(), SIGTERM);
  EXPECT_TRUE(loop.timers().empty());
}

}  // namespace
}  // namespace ioa
