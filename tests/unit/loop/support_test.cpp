#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <new>
#include <set>
#include <string>
#include <utility>

#include "ioa/base/unique_fd.hpp"
#include "tests/support/fd_count.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa::test {
namespace {

// The small tools that other tests rely on.

TEST(LifetimeTrackerTest, CountsObjects) {
  const LifetimeTracker tracker;
  {
    const LifetimeTracker::Object first = tracker.make();
    LifetimeTracker::Object second = first;
    const LifetimeTracker::Object third = std::move(second);
    EXPECT_EQ(tracker.alive(), 3);
  }
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_EQ(tracker.constructed(), 3);
  EXPECT_EQ(tracker.destroyed(), 3);
}

TEST(LifetimeTrackerTest, ReportsASecondDestruction) {
  const LifetimeTracker tracker;
  alignas(LifetimeTracker::Object) std::byte memory[sizeof(LifetimeTracker::Object)];
  auto* object = ::new (memory) LifetimeTracker::Object(tracker.make());
  object->~Object();
  EXPECT_NONFATAL_FAILURE(object->~Object(), "destroyed twice");
}

TEST(FdCountTest, NamesWhatIsNew) {
  const std::set<int> before = open_fds();
  EXPECT_EQ(new_fds(before), "");
  {
    const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(new_fds(before), std::to_string(fd.get()) + " -> /dev/null");
  }
  EXPECT_EQ(new_fds(before), "");
}

TEST(SocketPairTest, ConnectsItsEnds) {
  for (auto make : {&unix_pair, &tcp_pair}) {
    const SocketPair pair = make();
    write_all(pair.first.get(), "there");
    write_all(pair.second.get(), "back");
    EXPECT_EQ(read_available(pair.second.get()), "there");
    EXPECT_EQ(read_available(pair.first.get()), "back");
  }
  const SocketPair pipe = pipe_pair();
  write_all(pipe.second.get(), "one way");
  EXPECT_EQ(read_available(pipe.first.get()), "one way");
}

TEST(SocketPairTest, FillingLeavesNoSpace) {
  const SocketPair pair = unix_pair();
  const std::size_t size = fill(pair.first.get());
  EXPECT_GT(size, 1000U);
  EXPECT_EQ(fill(pair.first.get()), 0U);
  EXPECT_EQ(read_available(pair.second.get()).size(), size);
}

TEST(TempDirTest, IsRemovedWithItsFiles) {
  std::filesystem::path path;
  {
    const TempDir dir;
    path = dir.path();
    EXPECT_EQ(dir.write("file", "text"), dir / "file");
    EXPECT_EQ(dir.read("file"), "text");
    EXPECT_TRUE(std::filesystem::exists(path / "file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace ioa::test
