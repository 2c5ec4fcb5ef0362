#include "ioa/future/task_set.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/future/future_fixture.hpp"

namespace ioa {
namespace {

using test::broken;
using Tracked = test::LifetimeTracker::Object;

Future<> wait_for(Future<int> work, Tracked parameter) {
  const Tracked local = parameter;
  const int ignored = co_await std::move(work);
  static_cast<void>(ignored);
}

class TaskSetTest : public test::FutureTest {
 protected:
  TaskSetTest() { tasks.emplace(&TaskSetTest::failed, this); }

  static void failed(void* self, std::exception_ptr error) {
    auto& test = *static_cast<TaskSetTest*>(self);
    test.errors.push_back(std::move(error));
    if (test.destroys_set) test.tasks.reset();
  }

  Promise<int> promise;
  std::optional<TaskSet> tasks;
  std::vector<std::exception_ptr> errors;
  bool destroys_set = false;
};

TEST_F(TaskSetTest, HoldsATaskUntilItEnds) {
  tasks->add(wait_for(promise.future(), tracker.make()));
  EXPECT_EQ(tasks->size(), 1U);
  settle();
  EXPECT_EQ(tasks->size(), 1U);
  promise.done(1);
  settle();
  EXPECT_TRUE(tasks->empty());
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_TRUE(errors.empty());
}

TEST_F(TaskSetTest, ATaskThatHasEndedAlreadyLeavesToo) {
  tasks->add(Future<>::resolved());
  settle();
  EXPECT_TRUE(tasks->empty());
}

TEST_F(TaskSetTest, ATaskOfNothingIsIgnored) {
  tasks->add(Future<>());
  EXPECT_TRUE(tasks->empty());
}

TEST_F(TaskSetTest, HandsEachFailureOverOnce) {
  tasks->add(wait_for(promise.future(), tracker.make()));
  tasks->add(Future<>::failed(broken()));
  promise.fail(broken());
  settle();
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_THROW(std::rethrow_exception(errors.front()), Error);
  EXPECT_TRUE(tasks->empty());
}

TEST_F(TaskSetTest, ClearingCancelsWhatIsLeft) {
  Promise<int> other;
  tasks->add(wait_for(promise.future(), tracker.make()));
  tasks->add(wait_for(other.future(), tracker.make()));
  tasks->clear();
  EXPECT_TRUE(tasks->empty());
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(promise.wanted());
  EXPECT_FALSE(other.wanted());
  tasks->clear();
}

TEST_F(TaskSetTest, ClearingDropsFailuresThatWereNotHandedOver) {
  tasks->add(Future<>::failed(broken()));
  tasks->clear();
  settle();
  EXPECT_TRUE(errors.empty());
}

TEST_F(TaskSetTest, DestroyingItCancelsWhatIsLeft) {
  tasks->add(wait_for(promise.future(), tracker.make()));
  tasks.reset();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(promise.wanted());
}

TEST_F(TaskSetTest, TheHandlerMayDestroyTheSet) {
  Promise<int> other;
  tasks->add(wait_for(other.future(), tracker.make()));
  tasks->add(Future<>::failed(broken()));
  tasks->add(Future<>::failed(broken()));
  destroys_set = true;
  settle();
  EXPECT_EQ(errors.size(), 1U);
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(other.wanted());
}

TEST_F(TaskSetTest, ATaskMayClearItsOwnSet) {
  const auto body = [](Future<int> start, std::optional<TaskSet>& set, Future<int> next,
                       Tracked parameter) -> Future<> {
    const Tracked local = parameter;
    const int value = co_await std::move(start);
    set->clear();
    const int more = co_await std::move(next);
    static_cast<void>(value + more);
  };
  Promise<int> next;
  tasks->add(body(promise.future(), tasks, next.future(), tracker.make()));
  promise.done(1);
  settle();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(next.wanted());
}

TEST_F(TaskSetTest, ATaskMayDestroyItsOwnSetAndFail) {
  const auto body = [](Future<int> start, std::optional<TaskSet>& set, Tracked) -> Future<> {
    const int value = co_await std::move(start);
    set.reset();
    throw std::runtime_error(std::to_string(value));
  };
  tasks->add(body(promise.future(), tasks, tracker.make()));
  promise.done(1);
  settle();
  EXPECT_TRUE(errors.empty());
}

TEST_F(TaskSetTest, ATaskThatIsCancelledMayAddAnother) {
  struct AtEnd {
    explicit AtEnd(std::function<void()> what) : run(std::move(what)) {}
    AtEnd(AtEnd&& other) noexcept : run(std::exchange(other.run, nullptr)) {}
    ~AtEnd() {
      if (run) run();
    }
    std::function<void()> run;
  };
  const auto body = [](Future<int> work, AtEnd, Tracked) -> Future<> {
    const int ignored = co_await std::move(work);
    static_cast<void>(ignored);
  };
  Promise<int> other;
  tasks->add(body(promise.future(),
                  AtEnd([&] { tasks->add(wait_for(other.future(), tracker.make())); }),
                  tracker.make()));
  tasks->clear();
  EXPECT_TRUE(tasks->empty());
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(TaskSetTest, ManyTasksEndInAnyOrder) {
  std::vector<Promise<int>> promises(100);
  for (auto& entry : promises) tasks->add(wait_for(entry.future(), tracker.make()));
  for (std::size_t i = 0; i < promises.size(); i += 3) promises[i].done(1);
  settle();
  EXPECT_EQ(tasks->size(), 66U);
  for (std::size_t i = promises.size(); i-- > 0;) promises[i].done(1);
  settle();
  EXPECT_TRUE(tasks->empty());
}

}  // namespace
}  // namespace ioa
