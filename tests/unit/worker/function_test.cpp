#include "ioa/worker/function.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/fd_count.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/temp_dir.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;

/// Runs `future` and returns what kind of Error it fails with; `failed` for none.
template <class T>
std::optional<ErrorKind> kind_of_failure(Loop& loop, Future<T> future) {
  try {
    test::run(loop, std::move(future));
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

class FunctionTest : public test::RealLoopTest, public ::testing::WithParamInterface<WorkerModel> {
 protected:
  FunctionOptions options(std::size_t workers = 1) const {
    FunctionOptions options;
    options.model = GetParam();
    options.min_workers = std::min<std::size_t>(workers, 1);
    options.max_workers = workers;
    return options;
  }
  template <class Signature, class Code>
  Function<Signature>& start(Code code, FunctionOptions options) {
    return add(std::make_unique<Function<Signature>>(std::move(code), std::move(options)));
  }
  template <class F>
  F& add(std::unique_ptr<F> function) {
    F& added = loop.add(std::move(function));
    functions_.emplace_back(added);
    return added;
  }
  /// Threads end, and close their ends, a moment after their Function has left.
  ~FunctionTest() override {
    for (const auto& function : functions_)
      if (FunctionPool* pool = function.get()) pool->remove();
    while (test::new_fds(before_).find("socket:") != std::string::npos) loop.turn(Duration::zero());
  }
  bool is_process() const { return GetParam() == WorkerModel::process; }

 private:
  std::set<int> before_ = test::open_fds();
  std::vector<WeakRef<FunctionPool>> functions_;
};

TEST_P(FunctionTest, CallsCodeElsewhere) {
  auto& add = start<int(int, int)>([](int a, int b) { return a + b; }, options());
  EXPECT_EQ(run(add.call(1, 2)), 3);
  auto& where = start<::pid_t()>([] { return ::getpid(); }, options());
  EXPECT_EQ(run(where.call()) != ::getpid(), is_process());
  auto& nothing = start<void(std::string)>([](const std::string&) {}, options());
  EXPECT_NO_THROW(run(nothing.call("x")));
}

TEST_P(FunctionTest, AnswersComeToTheirCalls) {
  auto& twice = start<int(int)>([](int x) { return 2 * x; }, options(3));
  std::vector<Future<int>> answers;
  for (int i = 0; i < 500; ++i) answers.push_back(twice.call(i));
  for (int i = 0; i < 500; ++i)
    EXPECT_EQ(run(std::move(answers[static_cast<std::size_t>(i)])), 2 * i);
  EXPECT_EQ(twice.queued(), 0u);
  EXPECT_EQ(twice.workers_busy(), 0u);
  EXPECT_LE(twice.workers(), 3u);
}

TEST_P(FunctionTest, WhatItThrowsFailsTheCallAndTheWorkerStays) {
  auto& picky = start<int(int)>(
      [calls = 0](int x) mutable {
        ++calls;
        if (x == 1) throw Error::from_errno(EDOM, "count");
        if (x == 2) throw std::runtime_error("two");
        if (x == 3) throw std::string("no exception at all");
        return calls;
      },
      options());
  try {
    run(picky.call(1));
    ADD_FAILURE();
  } catch (const WorkerError& error) {
    EXPECT_EQ(error.code().value(), EDOM);
  }
  EXPECT_THROW(run(picky.call(2)), WorkerError);
  EXPECT_THROW(run(picky.call(3)), WorkerError);
  EXPECT_EQ(run(picky.call(0)), 4) << "the same worker, with what it has kept";
}

TEST_P(FunctionTest, ExitOnDieMakesAnotherWorker) {
  FunctionOptions exits = options();
  exits.exit_on_die = true;
  auto& picky = start<int(bool)>(
      [calls = 0](bool dies) mutable {
        ++calls;
        if (dies) throw std::runtime_error("dead");
        return calls;
      },
      exits);
  EXPECT_EQ(run(picky.call(false)), 1);
  Future<int> dies = picky.call(true);
  Future<int> next = picky.call(false);
  EXPECT_THROW(run(std::move(dies)), WorkerError);
  EXPECT_EQ(run(std::move(next)), 1);
}

TEST_P(FunctionTest, HigherPrioritiesGoFirst) {
  // The letters come back in the order in which the one worker has had them.
  auto& order = start<std::string(char)>(
      [seen = std::string()](char c) mutable {
        seen.push_back(c);
        return seen;
      },
      options());
  std::vector<Future<std::string>> answers;
  answers.push_back(order.call('-'));  // keeps the worker busy
  for (const auto& [letter, priority] : std::initializer_list<std::pair<char, int>>{
           {'a', 0}, {'b', 5}, {'c', 0}, {'d', 5}, {'e', -1}, {'f', 10}})
    answers.push_back(order.call_with_priority(priority, letter));
  std::string last;
  for (auto& answer : answers) {
    std::string seen = run(std::move(answer));
    if (seen.size() > last.size()) last = seen;
  }
  EXPECT_EQ(last, "-fbdace");
}

TEST_P(FunctionTest, MoreWorkersComeWithTheCallsUpToTheLimit) {
  auto& wait = start<void(int)>([](int) {}, options(3));
  EXPECT_EQ(wait.workers(), 1u);
  std::vector<Future<>> answers;
  for (int i = 0; i < 6; ++i) answers.push_back(wait.call(i));
  EXPECT_EQ(wait.workers(), 3u);
  EXPECT_EQ(wait.workers_busy(), 3u);
  EXPECT_EQ(wait.queued(), 3u);
  for (auto& answer : answers) run(std::move(answer));
  EXPECT_EQ(wait.workers_idle(), 3u);
}

TEST_P(FunctionTest, IdleWorkersEndOneByOne) {
  FunctionOptions short_lived = options(3);
  short_lived.idle_timeout = 1ms;
  auto& wait = start<void(int)>([](int) {}, short_lived);
  std::vector<Future<>> answers;
  for (int i = 0; i < 3; ++i) answers.push_back(wait.call(i));
  for (auto& answer : answers) run(std::move(answer));
  test::turn_until(
      loop, [&] { return wait.workers() == 1; }, "the end of two workers");
  test::turn_while_busy(loop);
  EXPECT_EQ(wait.workers(), 1u);
}

TEST_P(FunctionTest, AWorkerIsReplacedAfterSoManyCalls) {
  FunctionOptions two = options();
  two.max_worker_calls = 2;
  auto& count = start<int()>([calls = 0]() mutable { return ++calls; }, two);
  std::vector<Future<int>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(count.call());
  std::vector<int> counts;
  for (auto& answer : answers) counts.push_back(run(std::move(answer)));
  EXPECT_EQ(counts, (std::vector<int>{1, 2, 1, 2, 1}));
  count.set_max_worker_calls(0);
  EXPECT_EQ(run(count.call()), 2);
  EXPECT_EQ(run(count.call()), 3);
}

TEST_P(FunctionTest, ACancelledCallInLineIsNotMade) {
  auto& order = start<std::string(char)>(
      [seen = std::string()](char c) mutable {
        seen.push_back(c);
        return seen;
      },
      options());
  Future<std::string> first = order.call('a');
  Future<std::string> running = order.call('b');
  { Future<std::string> dropped = order.call('c'); }
  { Future<std::string> dropped = order.call_with_priority(9, 'd'); }
  EXPECT_EQ(order.queued(), 1u);
  first = {};  // a worker has it: it is made, and nobody hears of it
  EXPECT_EQ(run(std::move(running)), "ab");
}

TEST_P(FunctionTest, RestartedWorkersSeeTheNewState) {
  auto state = std::make_shared<std::atomic<int>>(1);
  auto& look = start<int()>([state] { return state->load(); }, options());
  EXPECT_EQ(run(look.call()), 1);
  Future<int> before = look.call();
  *state = 2;
  look.restart();
  const int seen = run(std::move(before));
  if (is_process()) {
    EXPECT_EQ(seen, 1);
  }
  EXPECT_EQ(run(look.call()), 2);
  EXPECT_EQ(look.workers(), 1u);
}

TEST_P(FunctionTest, StoppingEndsTheWorkersAndALaterCallStartsThemAgain) {
  auto& add = start<int(int)>([](int x) { return x + 1; }, options());
  Future<int> running = add.call(1);
  Future<int> waiting = add.call(2);
  Future<> stopped = add.stop();
  EXPECT_EQ(run(std::move(running)), 2);
  EXPECT_EQ(kind_of_failure(loop, std::move(waiting)), ErrorKind::abandoned);
  run(std::move(stopped));
  EXPECT_EQ(add.workers(), 0u);
  EXPECT_EQ(run(add.call(3)), 4);
  run(add.stop());
  run(add.stop());
}

TEST_P(FunctionTest, RemovingItFailsAllCalls) {
  auto& add = start<int(int)>([](int x) { return x + 1; }, options());
  Future<int> running = add.call(1);
  Future<int> waiting = add.call(2);
  add.remove();
  EXPECT_EQ(kind_of_failure(loop, std::move(running)), ErrorKind::abandoned);
  EXPECT_EQ(kind_of_failure(loop, std::move(waiting)), ErrorKind::abandoned);
}

TEST_P(FunctionTest, TheCodeIsMadeInTheWorkerOnceEach) {
  auto made = Function<::pid_t()>::made_by(
      [] { return [pid = ::getpid(), calls = 0]() mutable { return ++calls == 1 ? pid : calls; }; },
      options());
  auto& function = add(std::move(made));
  const ::pid_t pid = run(function.call());
  EXPECT_EQ(pid != ::getpid(), is_process());
  EXPECT_EQ(run(function.call()), 2);
}

TEST_P(FunctionTest, WhatMakingTheCodeThrowsFailsTheCalls) {
  using Code = int (*)();
  auto& function = add(Function<int()>::made_by(
      []() -> Code { throw std::runtime_error("no database"); }, options()));
  EXPECT_THROW(run(function.call()), WorkerError);
  EXPECT_THROW(run(function.call()), WorkerError);
}

TEST_P(FunctionTest, LongMessagesGoThroughAndTooLongOnesAreErrors) {
  FunctionOptions limited = options();
  limited.max_message = std::size_t{1} << 20;
  auto& repeat = start<std::string(std::string, int)>(
      [](const std::string& text, int times) {
        std::string all;
        for (int i = 0; i < times; ++i) all += text;
        return all;
      },
      limited);
  const std::string text(500'000, 'x');
  EXPECT_EQ(run(repeat.call(text, 2)).size(), 1'000'000u);
  EXPECT_THROW(run(repeat.call(text, 3)), WorkerError) << "the result";
  EXPECT_THROW(static_cast<void>(repeat.call(text + text + text, 1)), Error) << "the arguments";
  EXPECT_EQ(run(repeat.call("ab", 2)), "abab");
}

TEST_P(FunctionTest, OutsideOfALoopThereAreNoCalls) {
  Function<int()> function([] { return 1; });
  EXPECT_THROW(static_cast<void>(function.call()), std::logic_error);
}

INSTANTIATE_TEST_SUITE_P(Models, FunctionTest,
                         ::testing::Values(WorkerModel::process, WorkerModel::thread),
                         [](const auto& model) {
                           return model.param == WorkerModel::process ? "process" : "thread";
                         });

class FunctionDeathTest : public test::RealLoopTest {
 protected:
  static FunctionOptions options(std::size_t workers = 1) {
    FunctionOptions options;
    options.max_workers = workers;
    return options;
  }
};

TEST_F(FunctionDeathTest, OnlyTheCallThatWasRunningIsLost) {
  auto& fragile = loop.add(std::make_unique<Function<int(int)>>(
      [](int x) {
        if (x == 1) ::raise(SIGKILL);
        return x;
      },
      options()));
  std::vector<Future<int>> answers;
  for (int i = 1; i <= 4; ++i) answers.push_back(fragile.call(i));
  EXPECT_EQ(kind_of_failure(loop, std::move(answers[0])), ErrorKind::disconnected);
  for (int i = 2; i <= 4; ++i)
    EXPECT_EQ(run(std::move(answers[static_cast<std::size_t>(i) - 1])), i);
}

TEST_F(FunctionDeathTest, AnIdleWorkerThatDiesIsNotGivenTheNextCall) {
  auto& add =
      loop.add(std::make_unique<Function<int(int)>>([](int x) { return x + 1; }, options()));
  EXPECT_EQ(run(add.call(1)), 2);
  const ::pid_t pid = add.worker_pids().at(0);
  ::kill(pid, SIGKILL);
  EXPECT_EQ(run(add.call(2)), 3) << "whether its death is known yet or not";
  test::turn_until(
      loop, [&] { return add.worker_pids().size() == 1 && add.worker_pids()[0] != pid; },
      "a new worker");
}

// Calls are told apart from outside by the lines they write: a call that fails may have been made,
// one that succeeds has been made, and none is made twice or pends for ever.
TEST_F(FunctionDeathTest, NoQueuedCallIsLostWheneverAWorkerIsKilled) {
  constexpr int kCalls = 24;
  for (int step = 0; step < 60; ++step) {
    const test::TempDir dir;
    const std::string path = dir / "calls";
    auto& write = loop.add(std::make_unique<Function<int(int)>>(
        [path](int x) {
          FILE* file = std::fopen(path.c_str(), "a");
          std::fprintf(file, "%d\n", x);
          std::fclose(file);
          return x;
        },
        options(2)));
    std::vector<Future<int>> answers;
    for (int i = 0; i < kCalls; ++i) answers.push_back(write.call(i));
    for (int i = 0; i < step; ++i) loop.turn(Duration::zero());
    for (const ::pid_t pid : write.worker_pids()) ::kill(pid, SIGKILL);
    int done = 0;
    int failed = 0;
    for (int i = 0; i < kCalls; ++i) {
      try {
        EXPECT_EQ(run(std::move(answers[static_cast<std::size_t>(i)])), i);
        ++done;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::disconnected);
        ++failed;
      }
    }
    EXPECT_EQ(done + failed, kCalls);
    write.remove();
    std::vector<int> times(kCalls);
    FILE* file = std::fopen(path.c_str(), "r");
    int number = 0;
    while (file != nullptr && std::fscanf(file, "%d", &number) == 1)
      ++times.at(static_cast<std::size_t>(number));
    if (file != nullptr) std::fclose(file);
    int made = 0;
    for (const int count : times) {
      EXPECT_LE(count, 1);
      made += count;
    }
    EXPECT_GE(made, done);
  }
}

TEST_F(FunctionDeathTest, AWorkerThatDiesBeforeItDoesAnythingFailsTheCall) {
  auto& hopeless = loop.add(Function<int()>::made_by(
      [] {
        ::_exit(1);
        return [] { return 1; };
      },
      options()));
  EXPECT_EQ(kind_of_failure(loop, hopeless.call()), ErrorKind::disconnected);
  EXPECT_EQ(kind_of_failure(loop, hopeless.call()), ErrorKind::disconnected);
}

TEST_F(FunctionDeathTest, AWorkerThatAnswersRubbishIsReplaced) {
  auto& mad = loop.add(std::make_unique<Function<int(int)>>(
      [](int x) {
        if (x == 1)
          for (int fd = 3; fd < 20; ++fd) static_cast<void>(!::write(fd, "rubbish", 7));
        return x;
      },
      options()));
  EXPECT_EQ(kind_of_failure(loop, mad.call(1)), ErrorKind::disconnected);
  EXPECT_EQ(run(mad.call(2)), 2);
}

TEST_F(FunctionDeathTest, RemovingABusyOneEndsItsProcess) {
  auto& stuck = loop.add(std::make_unique<Function<void()>>(
      [] {
        for (;;) ::pause();
      },
      options()));
  Future<> never = stuck.call();
  const ::pid_t pid = stuck.worker_pids().at(0);
  stuck.remove();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(kind_of_failure(loop, std::move(never)), ErrorKind::abandoned);
}

}  // namespace
}  // namespace ioa
