#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "tests/unit/process/spawn_fixture.hpp"

namespace ioa {
namespace {

// The ignored and the blocked signals of the child, as masks_of_child() gives them.
std::string masks(unsigned long ignored, unsigned long blocked) {
  char text[64];
  std::snprintf(text, sizeof text, "%016lx %016lx ", ignored, blocked);
  return text;
}

constexpr unsigned long bit(int signal) { return 1UL << (signal - 1); }

/// Sets a disposition, and the old one back at its end.
class Disposition {
 public:
  Disposition(int signal, void (*handler)(int))
      : signal_(signal), old_(std::signal(signal, handler)) {}
  Disposition(const Disposition&) = delete;
  Disposition& operator=(const Disposition&) = delete;
  ~Disposition() { std::signal(signal_, old_); }

 private:
  int signal_;
  void (*old_)(int);
};

class SpawnSignalsTest : public test::GuardedTest {
 protected:
  // grep(1) directly: a shell changes some of this for its children.
  static std::string masks_of_child(SpawnRequest request = {}) {
    request.arguments = {"grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"};
    std::string text;
    std::string out = test::run_blocking(std::move(request)).out;
    for (const char* name : {"SigIgn:\t", "SigBlk:\t"})
      text += out.substr(out.find(name) + 8, 16) + " ";
    return text;
  }
};

TEST_F(SpawnSignalsTest, SigpipeIsAtItsDefaultAlthoughThisProcessIgnoresIt) {
  const Disposition ignored(SIGPIPE, SIG_IGN);
  EXPECT_EQ(std::stoul(masks_of_child().substr(0, 16), nullptr, 16) & bit(SIGPIPE), 0U);
  EXPECT_EQ(test::wait_for(spawn(SpawnRequest::shell("kill -PIPE $$")).pid).signal(), SIGPIPE);
}

TEST_F(SpawnSignalsTest, WhatIsIgnoredHereIsIgnoredThere) {
  const Disposition ignored(SIGHUP, SIG_IGN);
  const Disposition handled(SIGUSR1, [](int) {});
  const std::string child = masks_of_child();
  SignalState now = SignalState::current();
  EXPECT_TRUE(now.ignores(SIGHUP));
  EXPECT_FALSE(now.ignores(SIGUSR1)) << "a handler does not survive exec";
  EXPECT_NE(std::stoul(child.substr(0, 16), nullptr, 16) & bit(SIGHUP), 0U);
  EXPECT_EQ(std::stoul(child.substr(0, 16), nullptr, 16) & bit(SIGUSR1), 0U);
}

TEST_F(SpawnSignalsTest, GivesBackWhatTheProgramHasInherited) {
  const Disposition hup(SIGHUP, [](int) {});  // it was ignored when the program was started
  const Disposition usr(SIGUSR2, SIG_IGN);    // the program's own affair
  ::sigset_t blocked, before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  SpawnRequest request;
  EXPECT_EQ(std::stoul(masks_of_child().substr(17, 16), nullptr, 16), bit(SIGTERM));
  request.signals = SignalState();
  EXPECT_EQ(masks_of_child(request), masks(0, 0));
  request.signals->set_ignored(SIGHUP, true).set_ignored(SIGPIPE, true).set_blocked(SIGINT, true);
  EXPECT_EQ(masks_of_child(request), masks(bit(SIGHUP) | bit(SIGPIPE), bit(SIGINT)));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(SpawnSignalsTest, GivesBackOnlyWhatWasLookedAt) {
  const Disposition hup(SIGHUP, SIG_IGN);
  const Disposition usr(SIGUSR1, SIG_DFL);
  const SignalState inherited = SignalState::current({SIGUSR1, SIGPIPE});
  EXPECT_TRUE(inherited.covers(SIGUSR1));
  EXPECT_FALSE(inherited.covers(SIGHUP));
  const Disposition usr_now(SIGUSR1, SIG_IGN);
  SpawnRequest request;
  request.signals = inherited;
  EXPECT_EQ(masks_of_child(request), masks(bit(SIGHUP), 0));
}

TEST_F(SpawnSignalsTest, TheMaskOfThisThreadStaysAsItWas) {
  ::sigset_t before, after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  test::wait_for(spawn(SpawnRequest::command({"true"})).pid);
  test::spawn_error(SpawnRequest::command({"/nowhere"}));
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < NSIG; ++signal)
    EXPECT_EQ(::sigismember(&before, signal), ::sigismember(&after, signal)) << signal;
}

TEST_F(SpawnSignalsTest, StatusesAreThereThoughSigchldIsIgnored) {
  const Disposition ignored(SIGCHLD, SIG_IGN);
  const SignalState inherited = SignalState::current();
  SpawnRequest request = SpawnRequest::shell("exit 5");
  request.signals = inherited;
  EXPECT_EQ(test::wait_for(spawn(request).pid), WaitStatus::exited(5));
  request = {};
  request.signals = inherited;
  EXPECT_NE(std::stoul(masks_of_child(request).substr(0, 16), nullptr, 16) & bit(SIGCHLD), 0U);
}

TEST_F(SpawnSignalsTest, StatusesAreThereThoughAHandlerDoesNotWantThem) {
  struct ::sigaction action {
  }, before{};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_NOCLDWAIT | SA_RESTART;
  ASSERT_EQ(::sigaction(SIGCHLD, &action, &before), 0);
  EXPECT_EQ(test::wait_for(spawn(SpawnRequest::shell("exit 6")).pid), WaitStatus::exited(6));
  ::sigaction(SIGCHLD, &before, nullptr);
}

std::atomic<int> handled_elsewhere = 0;

// The child has this process's handlers until exec, and its memory: none may run there.
TEST_F(SpawnSignalsTest, NoHandlerRunsInTheChildHoweverManySignalsArrive) {
  static const ::pid_t own = ::getpid();
  handled_elsewhere = 0;
  const Disposition handled(SIGUSR1, [](int) {
    if (::getpid() != own) ++handled_elsewhere;
  });
  // The whole group is told again and again, this process and what it starts.
  std::atomic<bool> stop = false;
  const ::pid_t group = ::getpgrp();
  ::setpgid(0, 0);
  std::thread sender([&] {
    while (!stop) {
      ::kill(0, SIGUSR1);
      std::this_thread::yield();
    }
  });
  int started = 0;
  for (int i = 0; i < 100; ++i) {
    SpawnRequest request = SpawnRequest::command({"true"});
    request.signals = SignalState().set_ignored(SIGUSR1, i % 2 == 0);
    const WaitStatus status = test::wait_for(spawn(request).pid);
    started += status.is_success() || status.signal() == SIGUSR1;
  }
  stop = true;
  sender.join();
  ::setpgid(0, group);
  EXPECT_EQ(started, 100);
  EXPECT_EQ(handled_elsewhere, 0);
}

}  // namespace
}  // namespace ioa
