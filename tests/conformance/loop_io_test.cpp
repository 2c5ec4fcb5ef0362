#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "tests/conformance/loop_conformance.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

using test::EventLog;
using test::SocketPair;

constexpr IoEvents kReadAndWrite = IoEvents(IoEvent::read).with(IoEvent::write);

class LoopIoTest : public test::LoopConformance {
 protected:
  SocketPair pair = test::unix_pair();
  EventLog log;
  IoWatch watch{loop};

  // What `descriptor` is ready for in one turn, of `events`.
  std::string readiness(int descriptor, IoEvents events) {
    watch.set_callback(log.callback());
    watch.start(descriptor, events);
    turn_now();
    watch.stop();
    return log.take();
  }
};

TEST_P(LoopIoTest, ReadReadinessFollowsTheData) {
  watch.set_callback(log.callback());
  watch.start(pair.first.get(), IoEvent::read);
  EXPECT_EQ(turn_now(), 0U);
  test::write_all(pair.second.get(), "x");
  EXPECT_EQ(turn_now(), 1U);
  EXPECT_EQ(log.take(), "r");
  turn_now();
  EXPECT_EQ(log.take(), "r") << "level-triggered: the byte is still there";
  EXPECT_EQ(test::read_available(pair.first.get()), "x");
  turn_now();
  EXPECT_EQ(log.take(), "");
}

TEST_P(LoopIoTest, DataEndsAWaitWithoutALimit) {
  watch.set_callback(log.callback());
  watch.start(pair.first.get(), IoEvent::read);
  test::write_all(pair.second.get(), "x");
  loop.turn();
  EXPECT_EQ(log.take(), "r");
}

TEST_P(LoopIoTest, WriteReadinessFollowsTheSpace) {
  EXPECT_EQ(readiness(pair.first.get(), IoEvent::write), "w");
  test::fill(pair.first.get());
  EXPECT_EQ(readiness(pair.first.get(), IoEvent::write), "");
  test::read_available(pair.second.get());
  EXPECT_EQ(readiness(pair.first.get(), IoEvent::write), "w");
}

TEST_P(LoopIoTest, ReadingIsToldBeforeWriting) {
  test::write_all(pair.second.get(), "x");
  EXPECT_EQ(readiness(pair.first.get(), kReadAndWrite), "rw");
}

TEST_P(LoopIoTest, OnlyWhatIsWantedIsTold) {
  test::write_all(pair.second.get(), "x");
  EXPECT_EQ(readiness(pair.first.get(), {}), "");
  EXPECT_EQ(readiness(pair.first.get(), IoEvent::write), "w");
}

TEST_P(LoopIoTest, WantingChangesWhatIsTold) {
  test::write_all(pair.second.get(), "x");
  watch.set_callback(log.callback());
  watch.start(pair.first.get(), IoEvent::read);
  watch.want(IoEvent::write);
  EXPECT_EQ(watch.wanted(), IoEvents(IoEvent::write));
  turn_now();
  EXPECT_EQ(log.take(), "w");
  watch.want(kReadAndWrite);
  turn_now();
  EXPECT_EQ(log.take(), "rw");
  watch.want({});
  EXPECT_EQ(turn_now(), 0U);
  watch.want(IoEvent::read);
  turn_now();
  EXPECT_EQ(log.take(), "r");
}

TEST_P(LoopIoTest, AStoppedWatchIsSilentAndCanStartAgain) {
  test::write_all(pair.second.get(), "x");
  watch.set_callback(log.callback());
  watch.start(pair.first.get(), IoEvent::read);
  watch.stop();
  EXPECT_FALSE(watch.is_started());
  EXPECT_EQ(turn_now(), 0U);
  watch.start(pair.second.get(), IoEvent::write);
  turn_now();
  EXPECT_EQ(log.take(), "w");
}

TEST_P(LoopIoTest, ThePeersEndIsReadable) {
  for (auto make : {&test::unix_pair, &test::tcp_pair, &test::pipe_pair}) {
    SocketPair ends = make();
    EXPECT_EQ(readiness(ends.first.get(), IoEvent::read), "");
    ends.second.reset();
    EXPECT_EQ(readiness(ends.first.get(), IoEvent::read), "r");
  }
}

TEST_P(LoopIoTest, TheReadersEndIsWritableAlthoughThePipeIsFull) {
  SocketPair ends = test::pipe_pair();
  test::fill(ends.second.get());
  EXPECT_EQ(readiness(ends.second.get(), IoEvent::write), "");
  ends.first.reset();
  EXPECT_EQ(readiness(ends.second.get(), IoEvent::write), "w");
}

TEST_P(LoopIoTest, AHalfClosedPeerIsReadableAndStillWritable) {
  SocketPair ends = test::tcp_pair();
  ::shutdown(ends.second.get(), SHUT_WR);
  EXPECT_EQ(readiness(ends.first.get(), kReadAndWrite), "rw");
}

TEST_P(LoopIoTest, ARefusedDatagramIsReadable) {
  UniqueFd server(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(server.get(), generic, length), 0);
  ASSERT_EQ(::getsockname(server.get(), generic, &length), 0);
  server.reset();  // now nobody listens there
  UniqueFd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::connect(client.get(), generic, length), 0);
  EXPECT_EQ(readiness(client.get(), IoEvent::read), "");
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  watch.set_callback(log.callback());
  watch.start(client.get(), IoEvent::read);
  loop.turn(kMuchLater);
  EXPECT_EQ(log.take(), "r");
}

TEST_P(LoopIoTest, AResetConnectionCountsAsBothEvents) {
  SocketPair ends = test::tcp_pair();
  test::fill(ends.first.get());
  const linger reset{1, 0};
  ::setsockopt(ends.second.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ends.second.reset();
  EXPECT_EQ(readiness(ends.first.get(), IoEvent::write), "w");
  EXPECT_EQ(readiness(ends.first.get(), IoEvent::read), "r");
}

TEST_P(LoopIoTest, ARegularFileIsAlwaysReady) {
  const test::TempDir dir;
  UniqueFd file(::open(dir.write("file", "").c_str(), O_RDWR | O_CLOEXEC));
  watch.set_callback(log.callback());
  watch.start(file.get(), kReadAndWrite);
  for (int i = 0; i < 3; ++i) {
    loop.turn();
    EXPECT_EQ(log.take(), "rw");
  }
  watch.want(IoEvent::read);
  loop.turn();
  EXPECT_EQ(log.take(), "r");
  watch.want({});
  EXPECT_EQ(turn_now(), 0U);
  watch.want(IoEvent::write);
  loop.turn();
  EXPECT_EQ(log.take(), "w");
  watch.stop();
  EXPECT_EQ(turn_now(), 0U);
}

TEST_P(LoopIoTest, WatchingLeavesTheFlagsOfTheDescriptorAlone) {
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  EXPECT_EQ(readiness(reader.get(), IoEvent::read), "");
  EXPECT_EQ(::fcntl(reader.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(reader.get(), F_GETFD), 0);
}

TEST_P(LoopIoTest, StoppingWhatWasNeverStartedDoesNothing) {
  watch.stop();
  watch.stop();
  EXPECT_FALSE(watch.is_started());
  EXPECT_TRUE(watch.wanted().empty());
}

TEST_P(LoopIoTest, RegularFilesDoNotStarveSocketsAndTimers) {
  const test::TempDir dir;
  UniqueFd file(::open(dir.write("file", "").c_str(), O_RDONLY | O_CLOEXEC));
  IoWatch always(loop);
  always.start(file.get(), IoEvent::read);
  bool is_due = false;
  TimeWatch timer(loop.timers(), [&] { is_due = true; });
  timer.arm(loop.now());
  test::write_all(pair.second.get(), "x");
  EXPECT_EQ(readiness(pair.first.get(), IoEvent::read), "r");
  EXPECT_TRUE(is_due);
}

TEST_P(LoopIoTest, AHighDescriptorIsWatchedOrRefused) {
  const UniqueFd high(::fcntl(pair.first.get(), F_DUPFD_CLOEXEC, 1500));
  if (!high) GTEST_SKIP() << "the descriptor limit is below 1500";
  test::write_all(pair.second.get(), "x");
  try {
    EXPECT_EQ(readiness(high.get(), kReadAndWrite), "rw");
  } catch (const Error& error) {
    EXPECT_TRUE(is("select")) << "only select(2) has a limit";
    EXPECT_EQ(error.code().value(), EMFILE);
    EXPECT_FALSE(watch.is_started());
  }
}

TEST_P(LoopIoTest, ADescriptorThatIsNotOpenIsRefusedOrTold) {
  const int closed = UniqueFd(::dup(pair.first.get())).get();
  watch.set_callback(log.callback());
  try {
    watch.start(closed, IoEvent::read);
  } catch (const Error& error) {
    EXPECT_EQ(error.code().value(), EBADF);
    EXPECT_FALSE(watch.is_started()) << "a failed start must not leave a watch behind";
    return;
  }
  EXPECT_FALSE(is("epoll")) << "epoll knows at once";
  watch.stop();
}

TEST_P(LoopIoTest, ADescriptorClosedBehindTheLoopsBackIsToldOnceAtMostAndDoesNotSpin) {
  watch.set_callback(log.callback());
  watch.start(pair.first.get(), kReadAndWrite);
  test::fill(pair.first.get());
  loop.turn(1ms);  // what the backend opens when it waits first must not take the number
  log.take();
  pair.first.reset();
  loop.turn(20ms);
  // epoll forgets a closed descriptor and cannot say so.
  EXPECT_EQ(log.take(), is("epoll") ? "" : "rw");
  for (int i = 0; i < 3; ++i) {
    const TimePoint begin = clock();
    EXPECT_EQ(loop.turn(10ms), 0U);
    EXPECT_GE(clock() - begin, 10ms) << "it waits as if nothing were watched";
  }
  watch.stop();
  EXPECT_EQ(turn_now(), 0U);
}

TEST_P(LoopIoTest, ADescriptorClosedBehindTheLoopsBackDoesNotDisturbOthers) {
  IoWatch other(loop);
  test::EventLog other_log;
  other.set_callback(other_log.callback());
  other.start(pair.second.get(), IoEvent::read);
  const UniqueFd copy(::dup(pair.first.get()));
  UniqueFd closed(::dup(pair.first.get()));
  watch.set_callback(log.callback());
  watch.start(closed.get(), IoEvent::read);
  loop.turn(1ms);
  closed.reset();
  turn_now();
  test::write_all(copy.get(), "x");
  loop.turn();
  EXPECT_EQ(other_log.take(), "r");
  // Its number may be used anew, by a watch that starts anew.
  watch.stop();
  watch.start(pair.first.get(), IoEvent::read);
  test::write_all(pair.second.get(), "y");
  log.take();
  loop.turn();
  EXPECT_EQ(log.take(), "r");
}

INSTANTIATE_TEST_SUITE_P(Backends, LoopIoTest, ::testing::ValuesIn(test::all_backends()),
                         test::backend_name);

}  // namespace
}  // namespace ioa
