#include "ioa/worker/thread_pool.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ioa/base/error.hpp"
#include "tests/support/child.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using test::Gate;

class ThreadPoolTest : public test::RealLoopTest {
 protected:
  ~ThreadPoolTest() override { gate_->open(); }

  ThreadPool::Options bounds(std::size_t threads, std::size_t abandoned) {
    ThreadPool::Options options;
    options.max_threads = threads;
    options.max_abandoned = abandoned;
    return options;
  }
  /// A job that is stuck until the gate opens, and then gives `value`.
  auto stuck(int value = 0) {
    return [gate = gate_, value] {
      gate->wait();
      return value;
    };
  }
  /// Waits, without a turn of the loop, for what threads do by themselves.
  template <class Condition>
  void eventually(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }

  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

TEST_F(ThreadPoolTest, StartsNoThreadBeforeTheFirstJob) {
  ThreadPool pool(loop);
  EXPECT_EQ(pool.threads(), 0u);
}

TEST_F(ThreadPoolTest, RunsAFunctionOnAnotherThreadAndGivesItsResult) {
  ThreadPool pool(loop);
  const auto id = run(pool.run([] { return std::this_thread::get_id(); }));
  EXPECT_NE(id, std::this_thread::get_id());
}

TEST_F(ThreadPoolTest, GivesResultsThatCanOnlyBeMoved) {
  ThreadPool pool(loop);
  EXPECT_EQ(*run(pool.run([] { return std::make_unique<int>(7); })), 7);
}

TEST_F(ThreadPoolTest, RunsFunctionsWithoutAResult) {
  ThreadPool pool(loop);
  auto ran = std::make_shared<std::atomic<bool>>(false);
  run(pool.run([ran] { *ran = true; }));
  EXPECT_TRUE(*ran);
}

TEST_F(ThreadPoolTest, HandsOnWhatTheFunctionThrows) {
  ThreadPool pool(loop);
  auto future = pool.run([]() -> int { throw Error::from_errno(ENOENT, "open", "x"); });
  try {
    run(std::move(future));
    FAIL() << "no failure";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "open x: No such file or directory (ENOENT)");
  }
}

TEST_F(ThreadPoolTest, DestroysTheFunctionBeforeItsFutureIsReady) {
  test::LifetimeTracker tracker;
  ThreadPool pool(loop);
  run(pool.run([object = tracker.make()] {}));
  EXPECT_TRUE(tracker.is_clean()) << tracker.alive();
}

TEST_F(ThreadPoolTest, RunsNoMoreJobsAtOnceThanItMayHaveThreads) {
  ThreadPool pool(loop, bounds(2, 0));
  std::vector<Future<int>> futures;
  for (int i = 0; i < 5; ++i) futures.push_back(pool.run(stuck(i)));
  gate_->await_waiting(2);
  EXPECT_EQ(pool.threads(), 2u);
  EXPECT_EQ(pool.queued(), 3u);
  gate_->open();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(std::move(futures[static_cast<std::size_t>(i)])), i);
}

TEST_F(ThreadPoolTest, UsesAThreadAgainInsteadOfStartingAnother) {
  ThreadPool pool(loop);
  for (int i = 0; i < 100; ++i) run(pool.run([] {}));
  EXPECT_EQ(pool.threads(), 1u);
}

TEST_F(ThreadPoolTest, EndsThreadsThatHaveBeenIdleForLong) {
  ThreadPool::Options options;
  options.idle_time = std::chrono::milliseconds(1);
  ThreadPool pool(loop, options);
  run(pool.run([] {}));
  eventually([&] { return pool.threads() == 0; });
  EXPECT_EQ(run(pool.run([] { return 3; })), 3);
}

TEST_F(ThreadPoolTest, BlocksSignalsButNotThoseOfFaults) {
  ThreadPool pool(loop);
  const sigset_t mask = run(pool.run([] {
    sigset_t blocked;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    return blocked;
  }));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE, SIGUSR1, SIGALRM})
    EXPECT_TRUE(sigismember(&mask, signal)) << signal;
  EXPECT_FALSE(sigismember(&mask, SIGSEGV));
  sigset_t own;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &own);
  EXPECT_FALSE(sigismember(&own, SIGINT));
}

TEST_F(ThreadPoolTest, NeverRunsAJobThatWasDroppedInLine) {
  ThreadPool pool(loop, bounds(1, 0));
  auto first = pool.run(stuck());
  gate_->await_waiting(1);
  test::LifetimeTracker tracker;
  auto ran = std::make_shared<std::atomic<bool>>(false);
  auto dropped = pool.run([ran, object = tracker.make()] { *ran = true; });
  auto last = pool.run([] {});
  EXPECT_EQ(pool.queued(), 2u);
  dropped.cancel();
  EXPECT_EQ(pool.queued(), 1u);
  EXPECT_TRUE(tracker.is_clean());
  gate_->open();
  run(std::move(last));
  EXPECT_FALSE(*ran);
}

TEST_F(ThreadPoolTest, ReplacesAThreadWhoseJobIsGivenUp) {
  ThreadPool pool(loop, bounds(1, 1));
  auto given_up = pool.run(stuck());
  gate_->await_waiting(1);
  auto next = pool.run([] { return 5; });
  given_up.cancel();
  EXPECT_EQ(run(std::move(next)), 5);
  EXPECT_EQ(pool.abandoned(), 1u);
  EXPECT_EQ(pool.threads(), 2u);
}

TEST_F(ThreadPoolTest, ReplacesNoMoreThreadsThanItsBound) {
  ThreadPool pool(loop, bounds(1, 2));
  for (int i = 1; i <= 3; ++i) {
    auto given_up = pool.run(stuck());
    gate_->await_waiting(i);
  }
  auto next = pool.run([] { return 5; });
  EXPECT_EQ(pool.threads(), 3u);
  EXPECT_EQ(pool.queued(), 1u);
  EXPECT_FALSE(settles(next));
  gate_->open();
  EXPECT_EQ(run(std::move(next)), 5);
}

TEST_F(ThreadPoolTest, HasNoMoreThreadsThanItsBoundOnceStuckJobsHaveEnded) {
  ThreadPool pool(loop, bounds(1, 4));
  for (int i = 1; i <= 4; ++i) {
    auto given_up = pool.run(stuck());
    gate_->await_waiting(i);
  }
  EXPECT_EQ(run(pool.run([] { return 1; })), 1);
  EXPECT_EQ(pool.threads(), 5u);
  gate_->open();
  eventually([&] { return pool.threads() == 1; });
  EXPECT_EQ(pool.abandoned(), 0u);
  EXPECT_EQ(run(pool.run([] { return 2; })), 2);
}

TEST_F(ThreadPoolTest, DropsTheLateResultOfAJobThatWasGivenUp) {
  test::LifetimeTracker tracker;
  ThreadPool pool(loop);
  {
    auto given_up = pool.run([gate = gate_, object = tracker.make()] {
      gate->wait();
      return object;
    });
    gate_->await_waiting(1);
  }
  gate_->open();
  eventually([&] { return pool.abandoned() == 0; });
  run(pool.run([] {}));
  eventually([&] { return pool.threads() <= 2; });
}

TEST_F(ThreadPoolTest, FailsWhatIsPendingWhenItIsDestroyed) {
  auto pool = std::make_unique<ThreadPool>(loop, bounds(1, 0));
  auto running = pool->run(stuck());
  gate_->await_waiting(1);
  auto in_line = pool->run([] { return 1; });
  pool.reset();
  for (auto* future : {&running, &in_line}) {
    try {
      run(std::move(*future));
      ADD_FAILURE() << "no failure";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::abandoned);
    }
  }
}

TEST_F(ThreadPoolTest, LetsAJobEndAfterPoolAndLoopHaveGone) {
  auto done = std::make_shared<Gate>();
  {
    Loop other(std::make_unique<test::FakeBackend>());
    ThreadPool pool(other);
    auto future = pool.run([gate = gate_, done] {
      gate->wait();
      done->open();
    });
    gate_->await_waiting(1);
  }
  gate_->open();
  done->wait();
}

TEST_F(ThreadPoolTest, FailsTheJobsInLineIfItsLastThreadIsGivenUpAndNoneCanBeStarted) {
  EXPECT_TRUE(test::in_child([this] {
    ThreadPool pool(loop, bounds(1, 1));
    Future<int> given_up = pool.run(stuck());
    Future<int> waits = pool.run([] { return 1; });
    Future<int> waits_too = pool.run([] { return 1; });
    eventually([&] { return pool.queued() == 2; });
    test::refuse({{SYS_clone, EAGAIN}, {SYS_clone3, EAGAIN}});
    given_up.cancel();
    try {
      run(std::move(waits));
    } catch (const Error& error) {
      return error.kind() == ErrorKind::overloaded && error.code().value() == EAGAIN &&
             waits_too.has_failed() && pool.queued() == 0;
    }
    return false;
  }));
}

TEST_F(ThreadPoolTest, InAForkedChildItRefusesWorkAndCanBeDestroyed) {
  auto pool = std::make_unique<ThreadPool>(loop, bounds(2, 1));
  Future<int> pending = pool->run(stuck(7));
  Future<int> second = pool->run(stuck(8));
  Future<int> in_line = pool->run([] { return 9; });
  EXPECT_TRUE(test::in_child([&] {
    loop.after_fork();
    Future<int> refused = pool->run([] { return 1; });
    bool is_told = false;
    try {
      run(std::move(refused));
    } catch (const Error& error) {
      is_told = error.kind() == ErrorKind::unsupported;
    }
    const bool is_empty = pool->threads() + pool->queued() + pool->abandoned() == 0;
    pending.cancel();
    pool.reset();
    return is_told && is_empty && second.has_failed() && in_line.has_failed();
  }));
  gate_->open();
  EXPECT_EQ(run(std::move(pending)), 7) << "the parent's goes on";
  EXPECT_EQ(run(std::move(in_line)), 9);
}

TEST_F(ThreadPoolTest, FailsAJobForWhichNoThreadCanBeStarted) {
  ThreadPool::Options options;
  options.stack_size = std::size_t{1} << 60;
  ThreadPool pool(loop, options);
  auto future = pool.run([] {});
  ASSERT_TRUE(future.has_failed());
  try {
    future.get();
  } catch (const Error& error) {
    EXPECT_EQ(error.operation(), "pthread_create");
    EXPECT_EQ(error.kind(), ErrorKind::overloaded);
  }
  EXPECT_EQ(pool.queued(), 0u);
}

TEST_F(ThreadPoolTest, SurvivesManyJobsOfWhichSomeAreDropped) {
  ThreadPool pool(loop, bounds(4, 2));
  auto count = std::make_shared<std::atomic<int>>(0);
  std::vector<Future<int>> futures;
  for (int i = 0; i < 600; ++i) {
    futures.push_back(pool.run([count, i] {
      ++*count;
      return i;
    }));
    if (i % 5 == 0) futures[static_cast<std::size_t>(i / 2)].cancel();
    if (i % 50 == 0) loop.turn(Duration::zero());
  }
  for (auto& future : futures) {
    if (future.valid()) run(std::move(future));
  }
  EXPECT_GE(*count, 480);
  EXPECT_LE(pool.threads(), 6u);
}

TEST_F(ThreadPoolTest, MayBeDestroyedByTheConsumerOfItsResult) {
  auto pool = std::make_unique<ThreadPool>(loop);
  auto future = pool->run([] { return 1; }).then([&pool](int value) {
    pool.reset();
    return value;
  });
  EXPECT_EQ(run(std::move(future)), 1);
}

}  // namespace
}  // namespace ioa
