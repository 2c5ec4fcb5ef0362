#include "ioa/process/spawn.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "tests/support/fd_count.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

using test::Ran;
using test::run_blocking;
using test::run_line;
using test::spawn_error;

class SpawnTest : public test::GuardedTest {
 protected:
  /// A file with this text that may be executed.
  std::string make_program(const std::string& name, const std::string& text, ::mode_t mode = 0755) {
    std::string path = temp / name;
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  test::TempDir temp;
};

// --- The program ----------------------------------------------------------------------------

TEST_F(SpawnTest, RunsAProgramWithItsArgumentsAsTheyAre) {
  const Ran ran = run_blocking(SpawnRequest::command({"printf", "[%s]", "a b", "", "$HOME *"}));
  EXPECT_EQ(ran.out, "[a b][][$HOME *]");
  EXPECT_TRUE(ran.status.is_success());
}

TEST_F(SpawnTest, GivesALineToTheShell) {
  EXPECT_EQ(run_line("echo a; exit 7").status, WaitStatus::exited(7));
}

TEST_F(SpawnTest, TheProgramMayDifferFromItsFirstArgument) {
  SpawnRequest request = SpawnRequest::command({"other name", "-c", "echo \"$0\"", "zero"});
  request.program = "sh";
  EXPECT_EQ(run_blocking(std::move(request)).out, "zero\n");
}

TEST_F(SpawnTest, EveryExitStatusComesOutUnchanged) {
  for (int code = 0; code < 256; ++code) {
    const SpawnedChild child = spawn(SpawnRequest::shell("exit " + std::to_string(code)));
    EXPECT_EQ(test::wait_for(child.pid), WaitStatus::exited(code));
  }
}

TEST_F(SpawnTest, EverySignalComesOutUnchanged) {
  ::rlimit no_core{0, 0};
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal == 32 || signal == 33) continue;  // the C library's own
    SpawnRequest request = SpawnRequest::shell("kill -" + std::to_string(signal) + " $$; sleep 9");
    request.limits = {{RLIMIT_CORE, no_core.rlim_cur, no_core.rlim_max}};
    const bool stops =
        signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
    const bool is_ignored =
        signal == SIGCHLD || signal == SIGURG || signal == SIGWINCH || signal == SIGCONT;
    if (stops || is_ignored) continue;
    const SpawnedChild child = spawn(request);
    EXPECT_EQ(test::wait_for(child.pid).signal(), signal);
  }
}

TEST_F(SpawnTest, TheDescriptorRefersToTheChild) {
  test::Pipe pipe;
  SpawnRequest request = SpawnRequest::command({"cat"});
  request.descriptors = {FdAction::dup(pipe.read.get(), 0)};
  const SpawnedChild child = spawn(request);
  ASSERT_TRUE(child.pidfd);
  EXPECT_NE(::fcntl(child.pidfd.get(), F_GETFD) & FD_CLOEXEC, 0);
  ::pollfd ended{child.pidfd.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  pipe.write.reset();
  EXPECT_EQ(::poll(&ended, 1, 5000), 1);
  EXPECT_TRUE(test::wait_for(child.pid).is_success());
}

// --- Looking for it -------------------------------------------------------------------------

TEST_F(SpawnTest, AMissingProgramIsNoExitStatus) {
  const Error error = spawn_error(SpawnRequest::command({"no-such-program-anywhere"}));
  EXPECT_EQ(error.operation(), "exec");
  EXPECT_EQ(error.subject(), "no-such-program-anywhere");
  EXPECT_EQ(error.code().value(), ENOENT);
  EXPECT_EQ(spawn_error(SpawnRequest::command({""})).code().value(), ENOENT);
  EXPECT_EQ(spawn_error(SpawnRequest::command({"/nowhere/at/all"})).code().value(), ENOENT);
}

TEST_F(SpawnTest, AFileThatMayNotBeRunIsAnotherFailure) {
  EXPECT_EQ(spawn_error(SpawnRequest::command({make_program("plain", "x", 0644)})).code().value(),
            EACCES);
  EXPECT_EQ(spawn_error(SpawnRequest::command({temp / ""})).code().value(), EACCES);
}

TEST_F(SpawnTest, LeavesNoChildAndNoDescriptorWhenItFails) {
  const std::set<int> before = test::open_fds();
  for (int i = 0; i < 50; ++i) spawn_error(SpawnRequest::command({"/nowhere"}));
  EXPECT_EQ(test::new_fds(before), "");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(SpawnTest, LooksAlongThePathOfTheChild) {
  make_program("mine", "#!/bin/sh\necho found\n");
  SpawnRequest request = SpawnRequest::command({"mine"});
  EXPECT_EQ(spawn_error(request).code().value(), ENOENT);
  request.environment.set("PATH", "/nowhere:" + temp / "" + ":/bin");
  EXPECT_EQ(run_blocking(request).out, "found\n");
  request.searches_path = false;
  EXPECT_EQ(spawn_error(request).code().value(), ENOENT);
}

TEST_F(SpawnTest, WithoutAPathItLooksWhereTheSystemsProgramsAre) {
  SpawnRequest request = SpawnRequest::command({"printf", "ok"});
  request.environment.clear();
  EXPECT_EQ(run_blocking(request).out, "ok");
}

TEST_F(SpawnTest, AnEmptyPartOfThePathIsTheChildsDirectory) {
  make_program("mine", "#!/bin/sh\necho here\n");
  SpawnRequest request = SpawnRequest::command({"mine"});
  request.directory = temp / "";
  for (const char* path : {"", ":/nowhere", "/nowhere:", "/nowhere::/bin"}) {
    request.environment.set("PATH", path);
    EXPECT_EQ(run_blocking(request).out, "here\n") << path;
  }
}

TEST_F(SpawnTest, OneThatMayNotBeRunDoesNotHideOneThatMay) {
  EXPECT_EQ(::mkdir((temp / "first").c_str(), 0755), 0);
  make_program("first/mine", "x", 0644);
  SpawnRequest request = SpawnRequest::command({"mine"});
  request.environment.set("PATH", temp / "first" + ":/nowhere");
  EXPECT_EQ(spawn_error(request).code().value(), EACCES);
  EXPECT_EQ(::mkdir((temp / "second").c_str(), 0755), 0);
  make_program("second/mine", "#!/bin/sh\necho second\n");
  request.environment.set("PATH", temp / "first" + ":" + temp / "second");
  EXPECT_EQ(run_blocking(request).out, "second\n");
}

TEST_F(SpawnTest, AFileOfNoKnownFormatIsGivenToTheShell) {
  const std::string script = make_program("script", "echo \"$0\" \"$@\"\n");
  SpawnRequest request = SpawnRequest::command({script, "a", "b c"});
  EXPECT_EQ(run_blocking(request).out, script + " a b c\n");
  request.searches_path = false;
  EXPECT_EQ(spawn_error(request).code().value(), ENOEXEC);
}

// --- What makes no sense --------------------------------------------------------------------

TEST_F(SpawnTest, RefusesRequestsThatMakeNoSense) {
  const auto is_refused = [](const SpawnRequest& request) {
    const Error error = spawn_error(request);
    return error.operation() == "spawn" && error.code().value() == EINVAL;
  };
  EXPECT_TRUE(is_refused(SpawnRequest()));
  EXPECT_TRUE(is_refused(SpawnRequest::command({std::string("a\0b", 3)})));
  SpawnRequest request = SpawnRequest::command({"true"});
  request.descriptors = {FdAction::dup(-1, 3)};
  EXPECT_TRUE(is_refused(request));
  request.descriptors = {FdAction::close(-1)};
  EXPECT_TRUE(is_refused(request));
  request.descriptors.clear();
  request.environment.set("", "x");
  EXPECT_TRUE(is_refused(request));
  request.environment.clear().set("A", std::string("x\0", 2));
  EXPECT_TRUE(is_refused(request));
}

// --- Environment, directory and the rest ----------------------------------------------------

TEST_F(SpawnTest, AVariableMayHaveTheChildsPid) {
  // Whatever else says what it is.
  for (const bool is_changed : {false, true}) {
    SpawnRequest request = SpawnRequest::command({"sh", "-c", "echo $$ $IOA_PID $A"});
    request.pid_variable = "IOA_PID";
    if (is_changed) request.environment.set("IOA_PID", "1").set("A", "a");
    const std::string out = run_blocking(std::move(request)).out;
    std::istringstream words(out);
    std::string pid;
    std::string variable;
    std::string rest;
    words >> pid >> variable >> rest;
    EXPECT_EQ(pid, variable) << out;
    EXPECT_EQ(rest, is_changed ? "a" : "") << out;
  }
}

TEST_F(SpawnTest, TheEnvironmentIsInheritedChangedOrReplaced) {
  ::setenv("IOA_TEST_SPAWN", "old", 1);
  EXPECT_EQ(run_line("echo $IOA_TEST_SPAWN").out, "old\n");
  SpawnRequest request;
  request.environment.set("IOA_TEST_SPAWN", "new");
  EXPECT_EQ(run_line("echo $IOA_TEST_SPAWN", request).out, "new\n");
  request.environment.unset("IOA_TEST_SPAWN");
  EXPECT_EQ(run_line("echo ${IOA_TEST_SPAWN-none}", request).out, "none\n");
  SpawnRequest bare = SpawnRequest::command({"/usr/bin/env"});
  bare.environment.clear().set("ONLY", "this");
  EXPECT_EQ(run_blocking(bare).out, "ONLY=this\n");
  ::unsetenv("IOA_TEST_SPAWN");
}

TEST_F(SpawnTest, RunsInAnotherDirectoryWhichFilesThatItOpensCountFrom) {
  make_program("text", "content");
  SpawnRequest request = SpawnRequest::command({"cat"});
  request.directory = temp / "";
  request.descriptors = {FdAction::open("text", O_RDONLY, 0)};
  EXPECT_EQ(run_blocking(request).out, "content");
  request.directory = "/nowhere";
  const Error error = spawn_error(request);
  EXPECT_EQ(error.operation(), "chdir");
  EXPECT_EQ(error.subject(), "/nowhere");
  EXPECT_EQ(error.code().value(), ENOENT);
}

TEST_F(SpawnTest, HasItsOwnUmaskWhichFilesThatItOpensGet) {
  SpawnRequest request;
  request.umask = 027;
  request.descriptors = {FdAction::open(temp / "made", O_WRONLY | O_CREAT, 5)};
  EXPECT_EQ(run_line("umask", request).out, "0027\n");
  struct ::stat made {};
  EXPECT_EQ(::stat((temp / "made").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0640U);
}

TEST_F(SpawnTest, IsNicerByWhatIsAsked) {
  const int own = std::atoi(run_line("nice").out.c_str());
  SpawnRequest request;
  request.nice = 3;
  EXPECT_EQ(std::atoi(run_line("nice", request).out.c_str()), std::min(own + 3, 19));
  request.nice = 100;
  EXPECT_EQ(run_line("nice", request).out, "19\n");
}

TEST_F(SpawnTest, HasItsOwnLimits) {
  SpawnRequest request;
  request.limits = {{RLIMIT_NOFILE, 64, 128}, {RLIMIT_CORE, 0, 0}};
  request.descriptors = {FdAction::dup(2, 100)};
  EXPECT_EQ(
      run_line("ulimit -Sn; ulimit -Hn; ulimit -c; [ -e /proc/self/fd/100 ] && echo open", request)
          .out,
      "64\n128\n0\nopen\n");
  request.limits = {{RLIMIT_NOFILE, 64, 128}, {RLIMIT_NPROC, 2, 1}};
  const Error error = spawn_error(SpawnRequest(request));
  EXPECT_EQ(error.operation(), "spawn") << "without arguments";
  request.arguments = {"true"};
  EXPECT_EQ(spawn_error(request).operation(), "setrlimit");
  EXPECT_EQ(spawn_error(request).subject(), "nproc");
  EXPECT_EQ(spawn_error(request).code().value(), EINVAL);
}

TEST_F(SpawnTest, LeadsAGroupOrASessionOrJoinsAGroup) {
  // pid, group, session
  const std::string ask = "set -- $(cat /proc/$$/stat); echo $1 $5 $6";
  const auto [pid, group, session] = [&] {
    std::istringstream in(run_line(ask).out);
    std::array<int, 3> ids{};
    in >> ids[0] >> ids[1] >> ids[2];
    return ids;
  }();
  EXPECT_EQ(group, ::getpgrp());
  EXPECT_EQ(session, ::getsid(0));

  SpawnRequest request;
  request.process_group = 0;
  EXPECT_EQ(
      run_line("set -- $(cat /proc/$$/stat); [ $5 = $1 ] && [ $6 != $1 ] && echo leads", request)
          .out,
      "leads\n");
  request.new_session = true;
  EXPECT_EQ(
      run_line("set -- $(cat /proc/$$/stat); [ $5 = $1 ] && [ $6 = $1 ] && echo leads", request)
          .out,
      "leads\n");

  SpawnRequest first = SpawnRequest::command({"sleep", "60"});
  first.process_group = 0;
  const SpawnedChild leader = spawn(first);
  SpawnRequest second;
  second.process_group = leader.pid;
  EXPECT_EQ(run_line("set -- $(cat /proc/$$/stat); echo $5", second).out,
            std::to_string(leader.pid) + "\n");
  ::kill(leader.pid, SIGKILL);
  EXPECT_EQ(test::wait_for(leader.pid).signal(), SIGKILL);

  second.process_group = 1 << 30;
  second.arguments = {"true"};
  EXPECT_EQ(spawn_error(second).operation(), "setpgid");
}

TEST_F(SpawnTest, TakesOtherIdsForGood) {
  if (::getuid() != 0) GTEST_SKIP() << "only root may change its ids";
  SpawnRequest request;
  request.user = 65534;
  request.group = 65533;
  request.groups = {{65532, 65531}};
  EXPECT_EQ(run_line("grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr '\\t' ' ' ", request).out,
            "Uid: 65534 65534 65534 65534\n"
            "Gid: 65533 65533 65533 65533\n"
            "Groups: 65531 65532 \n");
  request.groups = {std::vector<::gid_t>()};
  EXPECT_EQ(run_line("grep Groups: /proc/self/status | tr -d '\\t ' ", request).out, "Groups:\n");
  EXPECT_EQ(::getuid(), 0U) << "of this process";
  EXPECT_EQ(::geteuid(), 0U);
}

TEST_F(SpawnTest, SaysWhichIdItMayNotTake) {
  if (::getuid() != 0) GTEST_SKIP() << "only root may start somebody who may not";
  // A child that is nobody tries to become root again.
  const ::pid_t other = ::fork();
  if (other == 0) {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
    SpawnRequest request = SpawnRequest::command({"true"});
    const auto step = [&] { return spawn_error(request).operation(); };
    request.user = 0;
    if (step() != "setuid") ::_exit(1);
    request.group = 0;
    if (step() != "setgid") ::_exit(2);
    request.groups = {std::vector<::gid_t>{0}};
    if (step() != "setgroups") ::_exit(3);
    request = SpawnRequest::command({"true"});
    request.nice = -5;
    if (step() != "nice") ::_exit(4);
    ::_exit(0);
  }
  EXPECT_EQ(test::wait_for(other), WaitStatus::exited(0));
}

TEST_F(SpawnTest, DiesWithItsParent) {
  test::Pipe pipe;
  const ::pid_t middle = ::fork();
  if (middle == 0) {
    SpawnRequest request = SpawnRequest::command({"sleep", "60"});
    request.parent_death_signal = SIGKILL;
    request.descriptors = {FdAction::dup(pipe.write.get(), 1)};
    spawn(request);
    ::_exit(0);
  }
  EXPECT_TRUE(test::wait_for(middle).is_success());
  pipe.write.reset();
  EXPECT_EQ(test::read_all(pipe.read.get()), "") << "at its end once the child is dead";
}

TEST_F(SpawnTest, CanBeUsedFromAnyThread) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 20; ++k) {
        const SpawnedChild child = spawn(SpawnRequest::shell("exit " + std::to_string(10 * i)));
        int status = 0;
        ::waitpid(child.pid, &status, 0);
        good += WEXITSTATUS(status) == 10 * i;
        try {
          spawn(SpawnRequest::command({"/nowhere/" + std::to_string(i)}));
        } catch (const Error& error) {
          good += error.subject() == "/nowhere/" + std::to_string(i);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

}  // namespace
}  // namespace ioa
