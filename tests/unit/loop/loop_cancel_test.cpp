#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "ioa/future/promise.hpp"
#include "ioa/loop/timeout.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa {
namespace {

using namespace std::chrono_literals;
using Tracked = test::LifetimeTracker::Object;

constexpr int kDescriptor = 77;

// An operation made of a watch: ready when the descriptor is readable.
Future<> readable(Loop& loop) {
  struct Wait {
    explicit Wait(Loop& target) : watch(target) {}
    IoWatch watch;
    Promise<> promise;
  };
  auto* wait = new Wait(loop);
  wait->watch.set_callback([wait](IoEvent) {
    wait->promise.done();
    delete wait;
  });
  wait->watch.start(kDescriptor, IoEvent::read);
  wait->promise.on_cancel([wait] { delete wait; });
  return wait->promise.future();
}

// Scenarios that are cancelled after 0, 1, 2, ... turns: the loop must be empty afterwards.
class LoopCancelTest : public test::FakeLoopTest {
 protected:
  using Scenario = std::function<Future<>(Loop&, Tracked)>;

  void check(const Scenario& scenario) {
    fake.set_ready(kDescriptor, IoEvent::read);
    for (int turns = 0;; ++turns) {
      ASSERT_LT(turns, 1000) << "the scenario has no end";
      Future<> future = scenario(loop, tracker.make());
      for (int i = 0; i < turns && !future.ready(); ++i) loop.turn();
      const bool is_over = future.ready();
      future.cancel();
      ASSERT_TRUE(tracker.is_clean()) << tracker.alive() << " left after " << turns << " turns";
      ASSERT_TRUE(loop.timers().empty()) << "after " << turns << " turns";
      ASSERT_TRUE(fake.watched(kDescriptor).empty()) << "after " << turns << " turns";
      ASSERT_EQ(loop.turn(0s), 0U) << "something was still queued after " << turns << " turns";
      if (is_over) return;
    }
  }

  test::LifetimeTracker tracker;
};

TEST_F(LoopCancelTest, Sleeping) {
  check([](Loop& target, Tracked parameter) -> Future<> {
    const Tracked local = parameter;
    for (int i = 0; i < 3; ++i) co_await sleep_for(target, 1s);
  });
}

TEST_F(LoopCancelTest, WaitingForTurns) {
  check([](Loop& target, Tracked parameter) -> Future<> {
    const Tracked local = parameter;
    for (int i = 0; i < 3; ++i) co_await target.next_turn();
  });
}

TEST_F(LoopCancelTest, WaitingForADescriptor) {
  check([](Loop& target, Tracked parameter) -> Future<> {
    const Tracked local = parameter;
    for (int i = 0; i < 3; ++i) co_await readable(target);
  });
}

TEST_F(LoopCancelTest, AllOfThemInNestedCoroutines) {
  static const auto inner = [](Loop& target, Tracked parameter, int depth) -> Future<> {
    const Tracked local = parameter;
    co_await sleep_for(target, 1ms);
    co_await readable(target);
    co_await target.next_turn();
    if (depth == 0) co_return;
    Future<> chained = sleep_for(target, 1ms).then([] {});
    co_await std::move(chained);
  };
  check([](Loop& target, Tracked parameter) -> Future<> {
    const Tracked local = parameter;
    Future<> beside = inner(target, parameter, 0);
    co_await inner(target, parameter, 1);
    co_await std::move(beside);
  });
}

// A notifier whose work is cancelled by its removal, at any turn.
class Worker : public Notifier {
 public:
  explicit Worker(Tracked object) : object_(std::move(object)) {}

 private:
  void added_to_loop(Loop& loop) override {
    adopt(work(loop));
    adopt(work(loop));
  }
  Future<> work(Loop& loop) {
    const Tracked local = object_;
    for (int i = 0; i < 3; ++i) {
      co_await sleep_for(loop, 1ms);
      co_await readable(loop);
    }
    remove();
    co_await loop.next_turn();
    ADD_FAILURE() << "work went on after its notifier was removed";
  }
  Tracked object_;
};

TEST_F(LoopCancelTest, RemovingANotifierAtAnyTurn) {
  fake.set_ready(kDescriptor, IoEvent::read);
  for (int turns = 0; turns < 12; ++turns) {
    Worker& worker = loop.add(std::make_unique<Worker>(tracker.make()));
    const WeakRef<Worker> ref(worker);
    for (int i = 0; i < turns && ref.get() != nullptr; ++i) loop.turn();
    if (Worker* alive = ref.get()) alive->remove();
    EXPECT_TRUE(loop.timers().empty());
    EXPECT_TRUE(fake.watched(kDescriptor).empty());
    loop.turn(0s);
    ASSERT_TRUE(tracker.is_clean()) << "after " << turns << " turns";
  }
}

TEST_F(LoopCancelTest, TheLoopsEndAtAnyTurn) {
  for (int turns = 0; turns < 12; ++turns) {
    {
      auto backend = std::make_unique<test::FakeBackend>();
      backend->set_ready(kDescriptor, IoEvent::read);
      Loop brief(std::move(backend));
      const WeakRef<Worker> ref(brief.add(std::make_unique<Worker>(tracker.make())));
      for (int i = 0; i < turns && ref.get() != nullptr; ++i) brief.turn();
    }
    ASSERT_TRUE(tracker.is_clean()) << "after " << turns << " turns";
  }
}

}  // namespace
}  // namespace ioa
