#include "ioa/io/handle.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using test::SocketPair;
using ::testing::ElementsAre;

bool is_open_fd(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

class HandleTest : public test::RealLoopTest {
 protected:
  Handle& add(UniqueFd fd) { return loop.add(std::make_unique<Handle>(std::move(fd))); }
  Handle& add(UniqueFd read_fd, UniqueFd write_fd) {
    return loop.add(std::make_unique<Handle>(std::move(read_fd), std::move(write_fd)));
  }
  /// Enough turns for anything that is ready.
  void turn_some() {
    for (int i = 0; i < 5; ++i) loop.turn(Duration::zero());
  }

  SocketPair pair = test::unix_pair();
  std::vector<std::string> calls;
};

TEST_F(HandleTest, TellsReadinessToReadWithItself) {
  Handle& handle = add(std::move(pair.first));
  Handle* told = nullptr;
  handle.on_read_ready([&](Handle& self) {
    told = &self;
    test::read_available(self.read_fd());
  });
  turn_some();
  EXPECT_EQ(told, nullptr);
  test::write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_EQ(told, &handle);
}

TEST_F(HandleTest, TellsReadinessForAsLongAsItLasts) {
  Handle& handle = add(std::move(pair.first));
  int count = 0;
  handle.on_read_ready([&](Handle&) { ++count; });
  test::write_all(pair.second.get(), "x");
  for (int i = 1; i <= 3; ++i) {
    loop.turn(Duration::zero());
    EXPECT_EQ(count, i);
  }
}

TEST_F(HandleTest, TellsReadinessToWriteOnlyWhereItIsWanted) {
  Handle& handle = add(std::move(pair.first));
  int count = 0;
  handle.on_write_ready([&](Handle&) { ++count; });
  turn_some();
  EXPECT_EQ(count, 0);
  EXPECT_FALSE(handle.want_write_ready(true));
  loop.turn(Duration::zero());
  EXPECT_EQ(count, 1);
  EXPECT_TRUE(handle.want_write_ready(false));
  turn_some();
  EXPECT_EQ(count, 1);
}

TEST_F(HandleTest, WantsToReadByDefault) {
  Handle& handle = add(std::move(pair.first));
  EXPECT_TRUE(handle.wants_read_ready());
  EXPECT_FALSE(handle.wants_write_ready());
  int count = 0;
  handle.on_read_ready([&](Handle&) { ++count; });
  EXPECT_TRUE(handle.want_read_ready(false));
  test::write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_EQ(count, 0);
  EXPECT_FALSE(handle.want_read_ready(true));
  loop.turn(Duration::zero());
  EXPECT_EQ(count, 1);
}

TEST_F(HandleTest, WatchesNothingThatHasNoCallback) {
  add(std::move(pair.first));
  test::write_all(pair.second.get(), "x");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(HandleTest, AReplacedCallbackIsNotCalledAgain) {
  Handle& handle = add(std::move(pair.first));
  handle.on_read_ready([&](Handle& self) {
    calls.emplace_back("old");
    self.on_read_ready([&](Handle&) { calls.emplace_back("new"); });
  });
  test::write_all(pair.second.get(), "x");
  loop.turn(Duration::zero());
  loop.turn(Duration::zero());
  EXPECT_THAT(calls, ElementsAre("old", "new"));
  handle.on_read_ready(nullptr);
  EXPECT_EQ(loop.turn(Duration::zero()), 0U);
}

TEST_F(HandleTest, ReadsOneDescriptorAndWritesAnother) {
  SocketPair in = test::pipe_pair();
  SocketPair out = test::pipe_pair();
  Handle& handle = add(std::move(in.first), std::move(out.second));
  EXPECT_NE(handle.read_fd(), handle.write_fd());
  handle.on_read_ready(
      [&](Handle& self) { calls.emplace_back("read " + test::read_available(self.read_fd())); });
  handle.on_write_ready([&](Handle& self) {
    calls.emplace_back("write");
    test::write_all(self.write_fd(), "y");
    self.want_write_ready(false);
  });
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  test::write_all(in.second.get(), "x");
  handle.want_write_ready(true);
  turn_some();
  EXPECT_THAT(calls, ::testing::UnorderedElementsAre("read x", "write"));
  EXPECT_EQ(test::read_available(out.first.get()), "y");
}

TEST_F(HandleTest, MayHaveAWriteSideOnly) {
  SocketPair out = test::pipe_pair();
  Handle& handle = add(UniqueFd(), std::move(out.second));
  EXPECT_EQ(handle.read_fd(), -1);
  int count = 0;
  handle.on_write_ready([&](Handle& self) {
    ++count;
    self.want_write_ready(false);
  });
  handle.want_write_ready(true);
  turn_some();
  EXPECT_EQ(count, 1);
  handle.close_write();
  EXPECT_FALSE(handle.is_open());
}

TEST_F(HandleTest, TheSameNumberInBothIsOneDescriptor) {
  const int fd = pair.first.release();
  Handle& handle = add(UniqueFd(fd), UniqueFd(fd));
  EXPECT_EQ(handle.read_fd(), fd);
  EXPECT_EQ(handle.write_fd(), fd);
  EXPECT_TRUE(is_open_fd(fd));
  handle.close_read();
  EXPECT_FALSE(is_open_fd(fd));
  EXPECT_FALSE(handle.is_open());
}

TEST_F(HandleTest, DescriptorsMayComeLate) {
  Handle& handle = loop.add(std::make_unique<Handle>());
  EXPECT_FALSE(handle.is_open());
  int count = 0;
  handle.on_read_ready([&](Handle& self) {
    ++count;
    test::read_available(self.read_fd());
  });
  test::write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_EQ(count, 0);
  handle.set_handle(std::move(pair.first));
  turn_some();
  EXPECT_EQ(count, 1);
}

TEST_F(HandleTest, NewDescriptorsReplaceTheOldOnesAtOnce) {
  SocketPair other = test::unix_pair();
  Handle& handle = add(std::move(pair.first));
  const int old = handle.read_fd();
  handle.on_closed([&](Handle&) { calls.emplace_back("closed"); });
  handle.on_read_ready(
      [&](Handle& self) { calls.push_back(test::read_available(self.read_fd())); });
  test::write_all(pair.second.get(), "old");
  test::write_all(other.second.get(), "new");
  handle.set_handle(std::move(other.first));
  EXPECT_FALSE(is_open_fd(old));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("new"));
}

TEST_F(HandleTest, ABadDescriptorIsAnError) {
  Handle& handle = loop.add(std::make_unique<Handle>());
  handle.on_read_ready([](Handle&) {});
  EXPECT_THROW(handle.set_handle(UniqueFd(1 << 20)), Error);
}

TEST_F(HandleTest, ARegularFileIsAlwaysReady) {
  const test::TempDir dir;
  const std::string path = dir.write("file", "contents");
  Handle& handle = add(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  int count = 0;
  handle.on_read_ready([&](Handle& self) {
    if (++count == 3) self.close();
  });
  turn_some();
  EXPECT_EQ(count, 3);
}

TEST_F(HandleTest, ClosesInOrder) {
  Handle& handle = add(std::move(pair.first));
  const int fd = handle.read_fd();
  Future<> closed = handle.closed();
  handle.on_closed([&](Handle& self) {
    EXPECT_EQ(&self, &handle);
    EXPECT_EQ(self.loop(), &loop);
    EXPECT_FALSE(self.is_open());
    EXPECT_EQ(self.read_fd(), -1);
    EXPECT_EQ(self.write_fd(), -1);
    EXPECT_FALSE(is_open_fd(fd));
    EXPECT_FALSE(closed.ready());
    calls.emplace_back("on_closed");
  });
  handle.close();
  EXPECT_THAT(calls, ElementsAre("on_closed"));
  EXPECT_TRUE(closed.ready());
  EXPECT_EQ(handle.loop(), nullptr);
  EXPECT_EQ(handle.parent(), nullptr);
}

TEST_F(HandleTest, LeavesItsParentWhenItCloses) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  Handle& handle = parent.add_child(std::make_unique<Handle>(std::move(pair.first)));
  handle.close();
  int children = 0;
  parent.for_each_child([&](Notifier&) { ++children; });
  EXPECT_EQ(children, 0);
}

TEST_F(HandleTest, StaysWhenItClosesIfItIsTold) {
  Handle& handle = add(std::move(pair.first));
  handle.set_leaves_when_closed(false);
  handle.close();
  EXPECT_EQ(handle.loop(), &loop);
  turn_some();
  handle.remove();
}

TEST_F(HandleTest, ClosesOnce) {
  Handle& handle = add(std::move(pair.first));
  handle.on_closed([&](Handle& self) {
    calls.emplace_back("closed");
    self.close();
  });
  handle.close();
  handle.close();
  EXPECT_THAT(calls, ElementsAre("closed"));
}

TEST_F(HandleTest, TwoThatCloseEachOtherCloseOnce) {
  Handle& first = add(std::move(pair.first));
  Handle& second = add(std::move(pair.second));
  first.on_closed([&](Handle&) {
    calls.emplace_back("first");
    second.close();
  });
  second.on_closed([&](Handle&) {
    calls.emplace_back("second");
    first.close();
  });
  first.close();
  EXPECT_THAT(calls, ElementsAre("first", "second"));
}

TEST_F(HandleTest, ClosingOneSideLeavesTheOther) {
  SocketPair in = test::pipe_pair();
  SocketPair out = test::pipe_pair();
  Handle& handle = add(std::move(in.first), std::move(out.second));
  const int read_fd = handle.read_fd();
  handle.on_closed([&](Handle&) { calls.emplace_back("closed"); });
  handle.on_read_ready([&](Handle&) { calls.emplace_back("read"); });
  handle.on_write_ready([&](Handle& self) {
    calls.emplace_back("write");
    self.want_write_ready(false);
  });
  test::write_all(in.second.get(), "x");
  handle.want_write_ready(true);
  handle.close_read();
  handle.close_read();
  EXPECT_FALSE(is_open_fd(read_fd));
  EXPECT_TRUE(handle.is_open());
  turn_some();
  EXPECT_THAT(calls, ElementsAre("write"));
  handle.close_write();
  EXPECT_THAT(calls, ElementsAre("write", "closed"));
  EXPECT_EQ(handle.loop(), nullptr);
}

TEST_F(HandleTest, ClosingOneSideOfASharedDescriptorClosesItWhole) {
  Handle& handle = add(std::move(pair.first));
  handle.on_closed([&](Handle&) { calls.emplace_back("closed"); });
  handle.close_write();
  EXPECT_THAT(calls, ElementsAre("closed"));
  EXPECT_EQ(handle.read_fd(), -1);
}

TEST_F(HandleTest, WantingASideThatIsMissingIsABug) {
  SocketPair pipe = test::pipe_pair();
  Handle& handle = add(std::move(pipe.first), UniqueFd());
  EXPECT_DEATH(handle.want_write_ready(true), "without a write side");
  EXPECT_FALSE(handle.want_write_ready(false));
}

TEST_F(HandleTest, AClosedSideCanBeOpenedAnew) {
  SocketPair in = test::pipe_pair();
  SocketPair out = test::pipe_pair();
  Handle& handle = add(std::move(in.first), std::move(out.second));
  handle.on_read_ready(
      [&](Handle& self) { calls.push_back(test::read_available(self.read_fd())); });
  handle.close_read();
  SocketPair again = test::pipe_pair();
  handle.set_handles(std::move(again.first), UniqueFd());
  test::write_all(again.second.get(), "again");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("again"));
}

TEST_F(HandleTest, ManyMayWaitForTheEnd) {
  Handle& handle = add(std::move(pair.first));
  Future<> first = handle.closed();
  Future<> second = handle.closed();
  Future<> dropped = handle.closed();
  dropped.cancel();
  EXPECT_FALSE(settles(first));
  handle.close();
  EXPECT_TRUE(first.ready());
  EXPECT_TRUE(second.ready());
  EXPECT_TRUE(handle.closed().ready());
}

TEST_F(HandleTest, WhoWaitsForTheEndOfADestroyedHandleHearsOfIt) {
  Handle& handle = add(std::move(pair.first));
  Future<> closed = handle.closed();
  handle.remove();
  loop.turn(Duration::zero());
  ASSERT_TRUE(closed.ready());
  try {
    closed.get();
    ADD_FAILURE() << "it was never closed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::abandoned);
  }
}

TEST_F(HandleTest, OpenedAnewInsideOnClosedItStays) {
  SocketPair other = test::unix_pair();
  Handle& handle = add(std::move(pair.first));
  handle.on_read_ready(
      [&](Handle& self) { calls.push_back(test::read_available(self.read_fd())); });
  handle.on_closed([&](Handle& self) {
    calls.emplace_back("closed");
    if (other.first) self.set_handle(std::move(other.first));
  });
  Future<> first = handle.closed();
  handle.close();
  EXPECT_TRUE(first.ready());
  EXPECT_EQ(handle.loop(), &loop);
  Future<> second = handle.closed();
  test::write_all(other.second.get(), "x");
  turn_some();
  EXPECT_FALSE(second.ready());
  handle.close();
  EXPECT_TRUE(second.ready());
  EXPECT_THAT(calls, ElementsAre("closed", "x", "closed"));
  EXPECT_EQ(handle.loop(), nullptr);
}

TEST_F(HandleTest, OpenedAnewAndAddedAgainItWorks) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  Handle& handle = parent.add_child(std::make_unique<Handle>(std::move(pair.first)));
  handle.set_leaves_when_closed(false);
  handle.on_read_ready(
      [&](Handle& self) { calls.push_back(test::read_available(self.read_fd())); });
  handle.close();
  std::unique_ptr<Notifier> owned = parent.release_child(handle);
  SocketPair other = test::unix_pair();
  handle.set_handle(std::move(other.first));
  loop.add(std::move(owned));
  test::write_all(other.second.get(), "x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre("x"));
}

TEST_F(HandleTest, MayBeClosedOutsideALoop) {
  Handle handle(std::move(pair.first));
  handle.on_closed([&](Handle&) { calls.emplace_back("closed"); });
  Future<> closed = handle.closed();
  handle.close();
  EXPECT_THAT(calls, ElementsAre("closed"));
  EXPECT_TRUE(closed.ready());
}

TEST_F(HandleTest, AnExceptionFromOnClosedDoesNotKeepItOpen) {
  Handle& handle = add(std::move(pair.first));
  Future<> closed = handle.closed();
  handle.on_closed([](Handle&) { throw std::runtime_error("thrown"); });
  EXPECT_THROW(handle.close(), std::runtime_error);
  EXPECT_TRUE(closed.ready());
  EXPECT_EQ(handle.loop(), nullptr);
}

TEST_F(HandleTest, LeavesAndEntersALoopWithWhatIsWanted) {
  auto& parent = loop.add(std::make_unique<Notifier>());
  Handle& handle = parent.add_child(std::make_unique<Handle>(std::move(pair.first)));
  handle.on_read_ready(
      [&](Handle& self) { calls.push_back(test::read_available(self.read_fd())); });
  std::unique_ptr<Notifier> owned = parent.release_child(handle);
  test::write_all(pair.second.get(), "x");
  turn_some();
  EXPECT_THAT(calls, ElementsAre());
  parent.add_child(std::move(owned));
  turn_some();
  EXPECT_THAT(calls, ElementsAre("x"));
}

}  // namespace
}  // namespace ioa
