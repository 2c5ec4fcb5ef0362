#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using test::Pipe;
using test::run_line;
using test::spawn_error;

/// What the descriptors of a child that waits lead to, seen from here.
std::map<int, std::string> targets_of_child(SpawnRequest request) {
  Pipe pipe, echo;
  request.arguments = {"cat"};
  request.descriptors.push_back(FdAction::dup(pipe.read.get(), 0));
  request.descriptors.push_back(FdAction::dup(echo.write.get(), 1));
  const SpawnedChild child = spawn(request);
  // Once it answers, the dynamic linker has closed what it opens.
  char byte = 'x';
  EXPECT_EQ(::write(pipe.write.get(), &byte, 1), 1);
  EXPECT_EQ(::read(echo.read.get(), &byte, 1), 1);
  std::map<int, std::string> targets;
  const std::string folder = "/proc/" + std::to_string(child.pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    targets[std::stoi(entry.path().filename())] =
        std::filesystem::read_symlink(entry.path()).filename();
  pipe.write.reset();
  test::wait_for(child.pid);
  return targets;
}

std::set<int> fds_of_child(SpawnRequest request) {
  std::set<int> fds;
  for (const auto& [fd, target] : targets_of_child(std::move(request))) fds.insert(fd);
  return fds;
}

using Fds = std::set<int>;

class SpawnDescriptorsTest : public test::GuardedTest {
 protected:
  /// A descriptor to write to, of which lines() says what came.
  struct Sink {
    Pipe pipe;
    int fd() const { return pipe.write.get(); }
    std::string take() {
      pipe.write.reset();
      return test::read_all(pipe.read.get());
    }
  };

  test::TempDir temp;
};

TEST_F(SpawnDescriptorsTest, ByDefaultTheChildHasTheStandardOnesOnly) {
  const Pipe other;
  const int inherited = ::fcntl(other.read.get(), F_DUPFD, 50);  // not close-on-exec
  SpawnRequest request;
  EXPECT_EQ(fds_of_child(request), (Fds{0, 1, 2}));
  request.closes_others = false;
  EXPECT_EQ(fds_of_child(request).count(inherited), 1U);
  ::close(inherited);
}

TEST_F(SpawnDescriptorsTest, HasWhatTheStepsSayAndNothingBetween) {
  const Pipe pipe;
  SpawnRequest request;
  request.descriptors = {FdAction::dup(pipe.write.get(), 9), FdAction::dup(pipe.write.get(), 5),
                         FdAction::null(200)};
  EXPECT_EQ(fds_of_child(request), (Fds{0, 1, 2, 5, 9, 200}));
}

TEST_F(SpawnDescriptorsTest, OneSourceMayHaveManyTargets) {
  Sink sink;
  SpawnRequest request = SpawnRequest::shell("echo out; echo err >&2; echo five >&5");
  for (const int to : {1, 2, 5}) request.descriptors.push_back(FdAction::dup(sink.fd(), to));
  test::wait_for(spawn(request).pid);
  EXPECT_EQ(sink.take(), "out\nerr\nfive\n");
}

TEST_F(SpawnDescriptorsTest, TwoMayBeSwapped) {
  Sink first, second;
  SpawnRequest request;
  UniqueFd eight(::fcntl(first.fd(), F_DUPFD_CLOEXEC, 8));
  UniqueFd nine(::fcntl(second.fd(), F_DUPFD_CLOEXEC, 9));
  // Whatever numbers they have here: each has the other's there.
  request = SpawnRequest::command({"/bin/bash", "-c",
                                   "echo to-first >&" + std::to_string(nine.get()) +
                                       "; echo to-second >&" + std::to_string(eight.get())});
  request.descriptors = {FdAction::dup(eight.get(), nine.get()),
                         FdAction::dup(nine.get(), eight.get())};
  test::wait_for(spawn(request).pid);
  eight.reset();
  nine.reset();
  EXPECT_EQ(first.take(), "to-first\n");
  EXPECT_EQ(second.take(), "to-second\n");
}

TEST_F(SpawnDescriptorsTest, ThreeMayBeRotated) {
  Sink sinks[3];
  SpawnRequest request = SpawnRequest::shell("echo 0 >&5; echo 1 >&6; echo 2 >&7");
  // In a child of this one, whose numbers are known: 5, 6 and 7 are turned to 6, 7 and 5.
  const ::pid_t middle = ::fork();
  if (middle == 0) {
    for (int i = 0; i < 3; ++i) ::dup2(sinks[i].fd(), 100 + i);
    for (int i = 0; i < 3; ++i) ::dup2(100 + i, 5 + i);
    request.descriptors = {FdAction::dup(5, 6), FdAction::dup(6, 7), FdAction::dup(7, 5)};
    const WaitStatus status = test::wait_for(spawn(request).pid);
    ::_exit(status.shell_status());
  }
  EXPECT_EQ(test::wait_for(middle), WaitStatus::exited(0));
  EXPECT_EQ(sinks[0].take(), "1\n");
  EXPECT_EQ(sinks[1].take(), "2\n");
  EXPECT_EQ(sinks[2].take(), "0\n");
}

TEST_F(SpawnDescriptorsTest, StandardOnesMayBeSwapped) {
  Sink out, err;
  SpawnRequest request = SpawnRequest::shell("echo out; echo err >&2");
  const ::pid_t middle = ::fork();
  if (middle == 0) {
    ::dup2(out.fd(), 1);
    ::dup2(err.fd(), 2);
    request.descriptors = {FdAction::dup(1, 2), FdAction::dup(2, 1)};
    ::_exit(test::wait_for(spawn(request).pid).shell_status());
  }
  test::wait_for(middle);
  EXPECT_EQ(out.take(), "err\n");
  EXPECT_EQ(err.take(), "out\n");
}

TEST_F(SpawnDescriptorsTest, KeepAndDupOntoItselfSurviveExec) {
  Sink sink;
  const std::string number = std::to_string(sink.fd());
  for (const FdAction& step : {FdAction::keep(sink.fd()), FdAction::dup(sink.fd(), sink.fd())}) {
    SpawnRequest request = SpawnRequest::command({"/bin/bash", "-c", "echo kept >&" + number});
    request.descriptors = {step};
    EXPECT_TRUE(test::wait_for(spawn(request).pid).is_success());
  }
  EXPECT_NE(::fcntl(sink.fd(), F_GETFD) & FD_CLOEXEC, 0) << "of this process";
  EXPECT_EQ(sink.take(), "kept\nkept\n");
}

TEST_F(SpawnDescriptorsTest, ASourceMayBeClosedBeforeAndAfterItIsUsed) {
  for (const bool is_before : {true, false}) {
    Sink sink;
    SpawnRequest request = SpawnRequest::shell("echo here");
    const FdAction close = FdAction::close(sink.fd());
    const FdAction dup = FdAction::dup(sink.fd(), 1);
    request.descriptors = is_before ? std::vector{close, dup} : std::vector{dup, close};
    EXPECT_TRUE(test::wait_for(spawn(request).pid).is_success());
    EXPECT_EQ(sink.take(), "here\n");
  }
}

TEST_F(SpawnDescriptorsTest, AStandardOneMayBeClosed) {
  SpawnRequest request;
  request.descriptors = {FdAction::close(0), FdAction::close(77)};
  EXPECT_EQ(run_line("[ -e /proc/$$/fd/0 ] || echo closed", request).out, "closed\n");
}

TEST_F(SpawnDescriptorsTest, LaterStepsCount) {
  Sink sink;
  SpawnRequest request = SpawnRequest::shell("echo x >&5");
  request.descriptors = {FdAction::null(5), FdAction::dup(sink.fd(), 5)};
  test::wait_for(spawn(request).pid);
  EXPECT_EQ(sink.take(), "x\n");
  request.descriptors = {FdAction::null(5), FdAction::close(5)};
  EXPECT_FALSE(test::wait_for(spawn(request).pid).is_success());
}

TEST_F(SpawnDescriptorsTest, OpensFilesAsItIsTold) {
  const std::string path = temp / "log";
  SpawnRequest request = SpawnRequest::shell("echo line");
  request.descriptors = {FdAction::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 1, 0600)};
  test::wait_for(spawn(request).pid);
  test::wait_for(spawn(request).pid);
  EXPECT_EQ(temp.read("log"), "line\nline\n");
  struct ::stat made {};
  EXPECT_EQ(::stat(path.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0600U);
}

TEST_F(SpawnDescriptorsTest, ACopyIsOfWhatTheChildHasByThen) {
  const std::string path = temp / "both";
  SpawnRequest request = SpawnRequest::shell("echo out; echo err >&2");
  request.descriptors = {FdAction::open(path, O_WRONLY | O_CREAT, 1), FdAction::copy(1, 2)};
  EXPECT_TRUE(test::wait_for(spawn(request).pid).is_success());
  EXPECT_EQ(temp.read("both"), "out\nerr\n") << "with one offset";
  request.descriptors = {FdAction::dup(0, 0), FdAction::copy(987, 2)};
  EXPECT_EQ(spawn_error(request).subject(), "987 to 2");
}

TEST_F(SpawnDescriptorsTest, AFileThatIsOpenedIsOpenOnce) {
  SpawnRequest request;
  request.descriptors = {FdAction::open("/dev/null", O_RDONLY, 0),
                         FdAction::open("/dev/null", O_RDONLY, 42)};
  EXPECT_EQ(fds_of_child(request), (Fds{0, 1, 2, 42}));
}

TEST_F(SpawnDescriptorsTest, NamesTheStepThatFails) {
  SpawnRequest request = SpawnRequest::command({"true"});
  const auto failure = [&](FdAction step) {
    request.descriptors = {FdAction::null(5), std::move(step)};
    return spawn_error(request);
  };
  const Error open = failure(FdAction::open("/nowhere/file", O_RDONLY, 0));
  EXPECT_EQ(open.operation(), "open");
  EXPECT_EQ(open.subject(), "/nowhere/file");
  EXPECT_EQ(open.code().value(), ENOENT);
  const Error dup = failure(FdAction::dup(987, 1));
  EXPECT_EQ(dup.operation(), "dup");
  EXPECT_EQ(dup.subject(), "987 to 1");
  EXPECT_EQ(dup.code().value(), EBADF);
  const Error keep = failure(FdAction::keep(987));
  EXPECT_EQ(keep.operation(), "keep");
  EXPECT_EQ(keep.code().value(), EBADF);
  EXPECT_EQ(failure(FdAction::dup(987, 987)).code().value(), EBADF);
}

// Every arrangement of two steps over three numbers, against what a model says.
TEST_F(SpawnDescriptorsTest, AnyTwoStepsDoWhatTheySayInTheirOrder) {
  constexpr int kFirst = 60;
  std::vector<FdAction> all;
  for (int to = kFirst; to < kFirst + 3; ++to) {
    for (int from = kFirst; from < kFirst + 3; ++from) all.push_back(FdAction::dup(from, to));
    all.push_back(FdAction::close(to));
    all.push_back(FdAction::null(to));
  }
  // 60 is file a, 61 is b, 62 is c.
  std::vector<UniqueFd> files;
  for (int i = 0; i < 3; ++i) {
    temp.write(std::string(1, static_cast<char>('a' + i)), "");
    const std::string path = temp / std::string(1, static_cast<char>('a' + i));
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    files.emplace_back(::fcntl(file.get(), F_DUPFD_CLOEXEC, kFirst + i));
    ASSERT_EQ(files.back().get(), kFirst + i);
  }
  SpawnRequest request;
  for (const FdAction& first : all) {
    for (const FdAction& second : all) {
      request.descriptors = {first, second};
      std::map<int, std::string> expected;
      for (const FdAction& step : request.descriptors) {
        if (step.kind == FdAction::Kind::close)
          expected.erase(step.to);
        else if (step.kind == FdAction::Kind::open)
          expected[step.to] = "null";
        else
          expected[step.to] = std::string(1, static_cast<char>('a' + step.from - kFirst));
      }
      auto out = targets_of_child(request);
      for (int fd = 0; fd < 3; ++fd) out.erase(fd);
      EXPECT_EQ(out, expected) << static_cast<int>(first.kind) << ":" << first.from << ">"
                               << first.to << ", " << static_cast<int>(second.kind) << ":"
                               << second.from << ">" << second.to;
    }
  }
}

}  // namespace
}  // namespace ioa
