#include <gtest/gtest.h>

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "ioa/future/promise.hpp"
#include "tests/support/lifetime_tracker.hpp"
#include "tests/unit/loop/notifier_fixture.hpp"

namespace ioa {
namespace {

using test::LoggingNotifier;
using Tracked = test::LifetimeTracker::Object;

Future<> wait_for(Future<> event, Tracked parameter) {
  const Tracked local = parameter;
  co_await std::move(event);
}

// Background work that a notifier holds.
class NotifierAdoptTest : public test::NotifierTest {
 protected:
  test::LifetimeTracker tracker;
  Promise<> promise;
};

TEST_F(NotifierAdoptTest, HoldsTheWorkUntilItEnds) {
  LoggingNotifier& a = loop.add(make("a"));
  a.adopt(wait_for(promise.future(), tracker.make()));
  turn();
  EXPECT_EQ(tracker.alive(), 2);
  promise.done();
  turn();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(NotifierAdoptTest, AFailureGoesToTheErrorHandler) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  int errors = 0;
  a.on_error([&](Notifier&, const std::exception_ptr&) { ++errors; });
  b.adopt(wait_for(promise.future(), tracker.make()));
  promise.fail(Error::from_errno(EPIPE, "write"));
  turn();
  EXPECT_EQ(errors, 1);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(NotifierAdoptTest, AFailureThatNobodyHandlesLeavesTheTurn) {
  LoggingNotifier& a = loop.add(make("a"));
  a.adopt(wait_for(promise.future(), tracker.make()));
  promise.fail(Error::from_errno(EPIPE, "write"));
  EXPECT_THROW(turn(), Error);
}

TEST_F(NotifierAdoptTest, RemovingCancelsTheWorkBeforeTheHook) {
  LoggingNotifier& a = loop.add(make("a"));
  a.adopt(wait_for(promise.future(), tracker.make()));
  a.when_removing = [&] { EXPECT_TRUE(tracker.is_clean()); };
  a.remove();
  EXPECT_FALSE(promise.wanted());
  turn();
}

TEST_F(NotifierAdoptTest, RemovingTheParentCancelsTheWorkOfTheChild) {
  LoggingNotifier& a = loop.add(make("a"));
  a.add_child(make("b")).adopt(wait_for(promise.future(), tracker.make()));
  a.remove();
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(NotifierAdoptTest, ReleasingTheChildCancelsItsWork) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  b.adopt(wait_for(promise.future(), tracker.make()));
  const auto released = a.release_child(b);
  EXPECT_TRUE(tracker.is_clean());
}

TEST_F(NotifierAdoptTest, WorkAdoptedByTheRemovingHookIsCancelledToo) {
  LoggingNotifier& a = loop.add(make("a"));
  a.when_removing = [&] { a.adopt(wait_for(promise.future(), tracker.make())); };
  a.remove();
  EXPECT_TRUE(tracker.is_clean());
  turn();
}

TEST_F(NotifierAdoptTest, TheWorkMayRemoveItsOwnNotifier) {
  LoggingNotifier& a = loop.add(make("a"));
  const auto body = [](Future<> start, Notifier& self, Future<> never,
                       Tracked parameter) -> Future<> {
    const Tracked local = parameter;
    co_await std::move(start);
    self.remove();
    EXPECT_EQ(self.loop(), nullptr);
    co_await std::move(never);
    ADD_FAILURE() << "removed work went on";
  };
  Promise<> never;
  a.adopt(body(promise.future(), a, never.future(), tracker.make()));
  take_log();
  promise.done();
  turn();
  EXPECT_TRUE(tracker.is_clean());
  EXPECT_FALSE(never.wanted());
  EXPECT_EQ(take_log(), "-a ~a");
}

TEST_F(NotifierAdoptTest, TheFrameGoesBeforeItsNotifierDoes) {
  LoggingNotifier& a = loop.add(make("a"));
  struct Toucher {
    LoggingNotifier& notifier;
    ~Toucher() { notifier.log += "frame "; }
  };
  const auto body = [](Future<> start, LoggingNotifier& self) -> Future<> {
    const Toucher toucher{self};
    co_await std::move(start);
    self.remove();
  };
  a.adopt(body(promise.future(), a));
  take_log();
  promise.done();
  turn();
  EXPECT_EQ(take_log(), "-a frame ~a");
}

TEST_F(NotifierAdoptTest, AMemberCoroutineIsStartedByTheHook) {
  class Session : public Notifier {
   public:
    Session(Future<> begin, std::string& target) : begin_(std::move(begin)), log_(target) {}

   private:
    void added_to_loop(Loop&) override { adopt(serve()); }
    Future<> serve() {
      co_await std::move(begin_);
      log_ += "served ";
      remove();
    }
    Future<> begin_;
    std::string& log_;
  };
  loop.add(std::make_unique<Session>(promise.future(), log));
  promise.done();
  turn();
  EXPECT_EQ(take_log(), "served");
}

using NotifierAdoptDeathTest = NotifierAdoptTest;

TEST_F(NotifierAdoptDeathTest, AdoptingOutsideALoopIsABug) {
  const auto a = make("a");
  EXPECT_DEATH(a->adopt(promise.future()), "inside a loop");
}

}  // namespace
}  // namespace ioa
