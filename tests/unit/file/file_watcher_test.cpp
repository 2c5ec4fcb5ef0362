#include "ioa/file/file_watcher.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using Mode = FileWatcher::Mode;

std::string kinds_of(const FileChange& change) {
  std::string text;
  for (const auto& [is, name] : {std::pair(change.is_created(), "created "),
                                 {change.is_removed(), "removed "},
                                 {change.is_replaced(), "replaced "},
                                 {change.is_truncated(), "truncated "},
                                 {change.has_new_content(), "content "},
                                 {change.has_new_attributes(), "attributes "}})
    if (is) text += name;
  return text;
}

// Every test in both modes: what is told may not depend on how it was noticed.
class FileWatcherTest : public test::FakeLoopTest, public ::testing::WithParamInterface<Mode> {
 protected:
  FileWatcherTest() {
    fake.set_real_descriptors(true);
    watcher = &loop.add(std::make_unique<FileWatcher>(GetParam(), 2s));
    EXPECT_EQ(::mkdir(folder.c_str(), 0700), 0);
  }

  std::unique_ptr<FileWatch> watch(const std::string& path) {
    return std::make_unique<FileWatch>(
        *watcher, path, [this](const FileChange& change) { told.push_back(kinds_of(change)); });
  }

  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::app) << text;
  }

  /// Long enough for two looks by polling, and until the kernel has nothing more to tell.
  void settle() {
    for (int i = 0; i < 3; ++i) {
      fake.advance(2s);
      test::turn_while_busy(loop);
    }
  }

  std::vector<std::string> told_since() {
    settle();
    return std::exchange(told, {});
  }

  using Told = std::vector<std::string>;
  test::TempDir temp;
  std::string folder = temp / "folder";
  std::string file = folder + "/file";
  FileWatcher* watcher = nullptr;
  std::vector<std::string> told;
};

TEST_P(FileWatcherTest, TellsWhatIsWrittenOnceForManyWrites) {
  write(file, "a");
  const auto log = watch(file);
  EXPECT_EQ(told_since(), Told());
  for (int i = 0; i < 100; ++i) write(file, "more");
  EXPECT_EQ(told_since(), Told{"content "});
  EXPECT_EQ(log->state()->st_size, 401);
}

TEST_P(FileWatcherTest, FollowsAFileThatIsDeletedAndMadeAnew) {
  write(file, "a");
  const auto log = watch(file);
  ::unlink(file.c_str());
  EXPECT_EQ(told_since(), Told{"removed content "});
  EXPECT_FALSE(log->state());
  write(file, "b");
  EXPECT_EQ(told_since(), Told{"created content "});
  write(file, "c");
  EXPECT_EQ(told_since(), Told{"content "});
}

TEST_P(FileWatcherTest, SeesAFileOfTheSameSizeThatTakesItsPlace) {
  write(file, "same");
  const auto log = watch(file);
  write(folder + "/new", "SAME");
  ::rename((folder + "/new").c_str(), file.c_str());
  EXPECT_EQ(told_since(), Told{"replaced content "});
  write(file, "more");
  EXPECT_EQ(told_since(), Told{"content "}) << "of the new file";
}

TEST_P(FileWatcherTest, SeesARenamingAwayAndBack) {
  write(file, "a");
  const auto log = watch(file);
  ::rename(file.c_str(), (folder + "/away").c_str());
  EXPECT_EQ(told_since(), Told{"removed content "});
  ::rename((folder + "/away").c_str(), file.c_str());
  EXPECT_EQ(told_since(), Told{"created content "});
}

TEST_P(FileWatcherTest, SeesTruncationAndAttributes) {
  write(file, "long");
  const auto log = watch(file);
  EXPECT_EQ(::truncate(file.c_str(), 1), 0);
  EXPECT_EQ(told_since(), Told{"truncated content "});
  ::chmod(file.c_str(), 0640);
  EXPECT_EQ(told_since(), Told{"attributes "});
}

TEST_P(FileWatcherTest, WaitsForAFileWhoseDirectoryComesLater) {
  const std::string late = temp / "late/file";
  const auto log = watch(late);
  EXPECT_EQ(told_since(), Told());
  EXPECT_EQ(::mkdir((temp / "late").c_str(), 0700), 0);
  EXPECT_EQ(told_since(), Told());
  write(late, "a");
  EXPECT_EQ(told_since(), Told{"created content "});
}

TEST_P(FileWatcherTest, FollowsItsPathWhenTheDirectoryIsReplaced) {
  write(file, "a");
  const auto log = watch(file);
  ::rename(folder.c_str(), (temp / "old").c_str());
  EXPECT_EQ(told_since(), Told{"removed content "});
  EXPECT_EQ(::mkdir(folder.c_str(), 0700), 0);
  write(file, "b");
  EXPECT_EQ(told_since(), Told{"created content "});
}

TEST_P(FileWatcherTest, FollowsALinkToAnotherTarget) {
  write(folder + "/one", "1");
  write(folder + "/two", "22");
  EXPECT_EQ(::symlink("one", file.c_str()), 0);
  const auto log = watch(file);
  write(folder + "/one", "1");
  EXPECT_EQ(told_since(), Told{"content "});
  EXPECT_EQ(::symlink("two", (folder + "/link").c_str()), 0);
  ::rename((folder + "/link").c_str(), file.c_str());
  EXPECT_EQ(told_since(), Told{"replaced content "});
  write(folder + "/two", "2");
  EXPECT_EQ(told_since(), Told{"content "});
}

TEST_P(FileWatcherTest, NoticesTheTargetOfADanglingLink) {
  EXPECT_EQ(::symlink((temp / "target").c_str(), file.c_str()), 0);
  const auto log = watch(file);
  write(temp / "target", "a");
  EXPECT_EQ(told_since(), Told{"created content "});
}

TEST_P(FileWatcherTest, WatchesADirectoryAndAFileInIt) {
  const auto directory = watch(folder);
  const auto log = watch(file);
  write(file, "a");
  const Told all = told_since();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NE(all[0], all[1]);
}

TEST_P(FileWatcherTest, SeveralWatchesOfOneFileDoNotDisturbEachOther) {
  write(file, "a");
  const auto first = watch(file);
  auto second = watch(file);
  write(file, "b");
  EXPECT_EQ(told_since(), (Told{"content ", "content "}));
  second.reset();
  write(file, "c");
  EXPECT_EQ(told_since(), Told{"content "});
}

TEST_P(FileWatcherTest, ItsCallbackMayDestroyItAndItsNeighbours) {
  write(file, "a");
  std::unique_ptr<FileWatch> first, second;
  int count = 0;
  auto end_both = [&](const FileChange&) {
    ++count;
    first.reset();
    second.reset();
  };
  first = std::make_unique<FileWatch>(*watcher, file, end_both);
  second = std::make_unique<FileWatch>(*watcher, file, end_both);
  write(file, "b");
  settle();
  EXPECT_EQ(count, 1);
}

TEST_P(FileWatcherTest, ItsCallbackMayRemoveTheWatcher) {
  write(file, "a");
  int count = 0;
  auto remove = [&](const FileChange&) {
    ++count;
    watcher->remove();
  };
  const FileWatch first(*watcher, file, remove);
  const FileWatch second(*watcher, file, remove);
  write(file, "b");
  settle();
  EXPECT_EQ(count, 1);
  write(file, "c");
  settle();
  EXPECT_EQ(count, 1);
}

TEST_P(FileWatcherTest, AnExceptionKeepsTheOthers) {
  write(file, "a");
  const FileWatch bad(*watcher, file,
                      [](const FileChange&) { throw std::runtime_error("thrown by the test"); });
  const auto good = watch(file);
  write(file, "b");
  EXPECT_THROW(settle(), std::runtime_error);
  EXPECT_EQ(told_since(), Told{"content "});
}

TEST_P(FileWatcherTest, TellsOnEnteringTheLoopWhatHasChangedBefore) {
  auto owned = std::make_unique<FileWatcher>(GetParam(), 2s);
  int count = 0;
  const FileWatch early(*owned, file, [&](const FileChange&) { ++count; });
  write(file, "a");
  settle();
  EXPECT_EQ(count, 0);
  loop.add(std::move(owned));
  settle();
  EXPECT_EQ(count, 1);
}

INSTANTIATE_TEST_SUITE_P(Modes, FileWatcherTest, ::testing::Values(Mode::automatic, Mode::polling),
                         [](const auto& of) {
                           return of.param == Mode::automatic ? "Automatic" : "Polling";
                         });

// With inotify there is nothing to poll for: an idle program does not wake up.
class FileWatcherIdleTest : public test::FakeLoopTest {};

TEST_F(FileWatcherIdleTest, DoesNotPollWhereTheKernelTells) {
  const test::TempDir temp;
  auto& watcher = loop.add(std::make_unique<FileWatcher>());
  const FileWatch log(watcher, temp / "file", [](const FileChange&) {});
  test::turn_while_busy(loop);
  EXPECT_TRUE(loop.timers().empty());
}

}  // namespace
}  // namespace ioa
