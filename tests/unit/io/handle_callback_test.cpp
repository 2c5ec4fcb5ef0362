// What a callback of a Handle may do to it.
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "ioa/io/handle.hpp"
#include "ioa/loop/timeout.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {
namespace {

using ::testing::ElementsAre;

class HandleCallbackTest : public RealLoopTest {
 protected:
  Handle& add(UniqueFd fd) { return loop.add(std::make_unique<Handle>(std::move(fd))); }
  void turn_some() {
    for (int i = 0; i < 5; ++i) loop.turn(Duration::zero());
  }

  SocketPair pair = unix_pair();
  std::vector<std::string> calls;
};

TEST_F(HandleCallbackTest, ACallbackMayRemoveItsHandle) {
  Handle& handle = add(std::move(pair.first));
  handle.on_read_ready([&](Handle& self) {
    calls.emplace_back("read");
    self.remove();
  });
  handle.on_write_ready([&](Handle&) { calls.emplace_back("write"); });
  handle.want_write_ready(true);
  write_all(pair.second.get(), "x");
  turn_some();
  // Both were ready in the same turn (which one libevent tells first does not matter).
  EXPECT_THAT(calls, ElementsAre("read"));
}

TEST_F(HandleCallbackTest, ACallbackMayRemoveTheParentOfItsHandle) {
  auto& grandparent = loop.add(std::make_unique<Notifier>());
  auto& parent = grandparent.add_child(std::make_unique<Notifier>());
  Handle& handle = parent.add_child(std::make_unique<Handle>(std::move(pair.first)));
  handle.on_read_ready([&](Handle& self) {
    calls.emplace_back("read");
    grandparent.remove();
    EXPECT_EQ(self.loop(), nullptr);
    EXPECT_TRUE(self.is_open());
  });
  write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("read"));
}

TEST_F(HandleCallbackTest, ACallbackMayRemoveAnotherHandleThatIsReady) {
  Handle& first = add(std::move(pair.first));
  Handle& second = add(std::move(pair.second));
  const auto remove_other = [&](Handle& self) {
    calls.emplace_back("called");
    (&self == &first ? second : first).remove();
  };
  write_all(first.write_fd(), "x");
  write_all(second.write_fd(), "x");
  first.on_read_ready(remove_other);
  second.on_read_ready(remove_other);
  loop.turn(Duration::zero());
  EXPECT_THAT(calls, ElementsAre("called"));
}

TEST_F(HandleCallbackTest, ACallbackIsNotCalledInATurnInsideItself) {
  Handle& handle = add(std::move(pair.first));
  handle.on_read_ready([&](Handle& self) {
    calls.emplace_back("begin");
    // It is not read yet: an endless recursion, or a turn that never waits, would show here.
    const TimePoint begin = Clock::now();
    loop.run(sleep_for(loop, 20ms));
    EXPECT_GE(Clock::now() - begin, 20ms);
    EXPECT_EQ(loop.turn(Duration::zero()), 0U);
    read_available(self.read_fd());
    calls.emplace_back("end");
  });
  write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("begin", "end"));
  write_all(pair.second.get(), "y");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("begin", "end", "begin", "end"));
}

TEST_F(HandleCallbackTest, WritingGoesOnInATurnInsideTheReadCallback) {
  Handle& handle = add(std::move(pair.first));
  handle.on_write_ready([&](Handle& self) {
    calls.emplace_back("write");
    self.want_write_ready(false);
  });
  handle.on_read_ready([&](Handle& self) {
    calls.emplace_back("begin");
    self.want_write_ready(true);
    loop.turn(Duration::zero());
    calls.emplace_back("end");
    self.close();
  });
  write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("begin", "write", "end"));
}

TEST_F(HandleCallbackTest, ACallbackMayStopTheLoop) {
  Handle& handle = add(std::move(pair.first));
  handle.on_read_ready([&](Handle&) { loop.stop(); });
  write_all(pair.second.get(), "x");
  loop.run();
}

TEST_F(HandleCallbackTest, AnExceptionLeavesTheLoopAndTheHandleGoesOn) {
  Handle& handle = add(std::move(pair.first));
  int count = 0;
  handle.on_read_ready([&](Handle& self) {
    if (++count == 1) throw std::runtime_error("thrown");
    read_available(self.read_fd());
  });
  write_all(pair.second.get(), "x");
  EXPECT_THROW(loop.run(), std::runtime_error);
  turn_some();
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace ioa::test
