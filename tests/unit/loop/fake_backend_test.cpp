#include "tests/support/fake_backend.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "ioa/future/promise.hpp"
#include "ioa/loop/timeout.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

constexpr IoEvents kBoth = IoEvents(IoEvent::read).with(IoEvent::write);

// The test double itself: other tests rely on it.
class FakeBackendTest : public test::FakeLoopTest {
 protected:
  std::string log;
};

TEST_F(FakeBackendTest, TheClockStandsStillUntilItIsMoved) {
  const TimePoint begin = fake.now();
  loop.turn(0s);
  EXPECT_EQ(fake.now(), begin);
  fake.advance(5s);
  EXPECT_EQ(fake.now(), begin + 5s);
}

TEST_F(FakeBackendTest, AnIdleWaitJumpsToTheDeadline) {
  const TimePoint begin = fake.now();
  TimeWatch timer(loop.timers(), [&] { log += 't'; });
  timer.arm(begin + 1h);
  loop.turn();
  EXPECT_EQ(log, "t");
  EXPECT_EQ(fake.now(), begin + 1h);
  EXPECT_EQ(fake.jumps(), 1U);
  loop.turn(3s);
  EXPECT_EQ(fake.now(), begin + 1h + 3s);
}

TEST_F(FakeBackendTest, ReadinessComesBeforeTheJump) {
  const TimePoint begin = fake.now();
  TimeWatch timer(loop.timers(), [&] { log += 't'; });
  timer.arm(begin + 1s);
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { log += 'r'; });
  watch.start(77, IoEvent::read);
  fake.set_ready(77, kBoth);
  loop.turn();
  EXPECT_EQ(log, "r");
  EXPECT_EQ(fake.now(), begin);
  fake.set_ready(77, {});
  loop.turn();
  EXPECT_EQ(log, "rt");
}

TEST_F(FakeBackendTest, AWaitForEverIsAFailureThatSaysWhatIsWatched) {
  IoWatch watch(loop);
  watch.start(77, IoEvent::read);
  const SignalWatch signal(loop, SIGUSR1, [] {});
  try {
    loop.turn();
    ADD_FAILURE() << "the turn ended";
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("wait for ever"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("descriptor 77:r"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("signal 10"), std::string::npos);
  }
}

TEST_F(FakeBackendTest, SaysWhatIsWatched) {
  EXPECT_TRUE(fake.watched(77).empty());
  IoWatch reader(loop);
  reader.start(77, IoEvent::read);
  {
    IoWatch writer(loop);
    writer.start(77, IoEvent::write);
    EXPECT_EQ(fake.watched(77), kBoth);
  }
  EXPECT_EQ(fake.watched(77), IoEvents(IoEvent::read));
  EXPECT_FALSE(fake.is_watched(SIGUSR1));
  const SignalWatch signal(loop, SIGUSR1, [] {});
  EXPECT_TRUE(fake.is_watched(SIGUSR1));
}

TEST_F(FakeBackendTest, RefusesDescriptorsOnDemand) {
  fake.refuse(77, EBADF);
  IoWatch watch(loop);
  try {
    watch.start(77, IoEvent::read);
    ADD_FAILURE() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code().value(), EBADF);
  }
  EXPECT_FALSE(watch.is_started()) << "a failed start must not leave a watch behind";
  EXPECT_TRUE(watch.wanted().empty());
  fake.refuse(77, 0);
  watch.start(77, IoEvent::read);
  EXPECT_TRUE(watch.is_started());
}

TEST_F(FakeBackendTest, ARaisedSignalIsToldOnce) {
  const SignalWatch signal(loop, SIGUSR1, [&] { log += 's'; });
  fake.raise(SIGUSR1);
  fake.raise(SIGUSR1);
  loop.turn(0s);
  loop.turn(0s);
  EXPECT_EQ(log, "s");
}

TEST_F(FakeBackendTest, ThreadsCanEndAWaitThatDoesNotJump) {
  fake.set_autojump(false);
  const TimePoint begin = fake.now();
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { log += 'r'; });
  watch.start(77, IoEvent::read);
  TimeWatch timer(loop.timers(), [&] { log += '!'; });
  timer.arm(begin + 1h);
  std::thread thread([&] { fake.set_ready(77, IoEvent::read); });
  loop.turn();
  thread.join();
  EXPECT_EQ(log, "r");
  std::thread waker([&] { fake.wake(); });
  fake.set_ready(77, {});
  loop.turn();
  waker.join();
  EXPECT_EQ(fake.now(), begin);
}

TEST_F(FakeBackendTest, RealDescriptorsCanBeWatchedUnderTheFakeClock) {
  fake.set_real_descriptors(true);
  test::SocketPair pair = test::unix_pair();
  IoWatch watch(loop);
  watch.set_callback([&](IoEvent) { log += test::read_available(pair.first.get()); });
  watch.start(pair.first.get(), IoEvent::read);
  TimeWatch timer(loop.timers(), [&] { log += 't'; });
  timer.arm(fake.now() + 1h);
  test::write_all(pair.second.get(), "data");
  loop.turn();
  EXPECT_EQ(log, "data");
  loop.turn();
  EXPECT_EQ(log, "datat");
}

// The helpers of the fixtures.
using LoopFixtureTest = FakeBackendTest;

TEST_F(LoopFixtureTest, SettlingDoesNotMoveTheClock) {
  Future<> sleep = sleep_for(loop, 1s);
  EXPECT_FALSE(settles(sleep));
  fake.advance(1s);
  EXPECT_TRUE(settles(sleep));
}

TEST_F(LoopFixtureTest, SettlingRunsChainsOfTurns) {
  const auto body = [](Loop& target) -> Future<int> {
    for (int i = 0; i < 10; ++i) co_await target.next_turn();
    co_return 10;
  };
  Future<int> future = body(loop);
  EXPECT_TRUE(settles(future));
  EXPECT_EQ(run(std::move(future)), 10);
}

TEST_F(LoopFixtureTest, RunningThrowsTheFailure) {
  EXPECT_THROW(run(Future<>::failed(Error::from_errno(EPIPE, "write"))), Error);
}

TEST_F(LoopFixtureTest, RunningWhatNeverEndsIsAFailure) {
  Promise<> never;
  EXPECT_THROW(run(never.future()), std::logic_error);
}

}  // namespace
}  // namespace ioa
