#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/loop/notifier_fixture.hpp"

namespace ioa {
namespace {

using test::LoggingNotifier;

// remove(): gone at once, destroyed at the end of the outermost turn.
class NotifierRemoveTest : public test::NotifierTest {};

TEST_F(NotifierRemoveTest, TheObjectLivesUntilTheTurnEnds) {
  LoggingNotifier& a = loop.add(make("a"));
  loop.later([&] {
    a.remove();
    EXPECT_EQ(a.loop(), nullptr);
    EXPECT_EQ(take_log(), "+a -a");
  });
  turn();
  EXPECT_EQ(take_log(), "~a");
}

TEST_F(NotifierRemoveTest, OutsideATurnItLivesUntilTheNextOneEnds) {
  LoggingNotifier& a = loop.add(make("a"));
  a.remove();
  EXPECT_EQ(take_log(), "+a -a");
  turn();
  EXPECT_EQ(take_log(), "~a");
}

TEST_F(NotifierRemoveTest, RemovingTwiceDoesNothing) {
  LoggingNotifier& a = loop.add(make("a"));
  a.remove();
  a.remove();
  EXPECT_EQ(take_log(), "+a -a");
  turn();
  EXPECT_EQ(take_log(), "~a");
}

TEST_F(NotifierRemoveTest, OutsideATreeItDoesNothing) {
  const auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  a->remove();
  b.remove();
  EXPECT_EQ(take_log(), "");
}

TEST_F(NotifierRemoveTest, ACallbackMayRemoveItsGrandparent) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  LoggingNotifier& c = b.add_child(make("c"));
  take_log();
  loop.later([&] {
    a.remove();
    EXPECT_EQ(c.loop(), nullptr);
    EXPECT_EQ(c.parent(), &b);  // all of them are still there
    EXPECT_EQ(take_log(), "-a -b -c");
  });
  turn();
  EXPECT_EQ(take_log(), "~a ~b ~c");
}

TEST_F(NotifierRemoveTest, InANestedTurnTheObjectLivesUntilTheOutermostEnds) {
  LoggingNotifier& a = loop.add(make("a"));
  take_log();
  loop.later([&] {
    loop.later([&] { a.remove(); });
    turn();
    turn();
    EXPECT_EQ(take_log(), "-a");
    EXPECT_EQ(a.loop(), nullptr);
  });
  turn();
  EXPECT_EQ(take_log(), "~a");
}

TEST_F(NotifierRemoveTest, AfterAnExceptionItIsBuriedInTheNextTurn) {
  LoggingNotifier& a = loop.add(make("a"));
  take_log();
  loop.later([&] {
    a.remove();
    throw std::runtime_error("no");
  });
  EXPECT_THROW(turn(), std::runtime_error);
  EXPECT_EQ(take_log(), "-a");
  turn();
  EXPECT_EQ(take_log(), "~a");
}

TEST_F(NotifierRemoveTest, ADestructorMayRemoveOthers) {
  struct Remover : Notifier {
    explicit Remover(Notifier& other) : victim(other) {}
    ~Remover() override { victim.remove(); }
    Notifier& victim;
  };
  LoggingNotifier& a = loop.add(make("a"));
  Remover& remover = loop.add(std::make_unique<Remover>(a));
  remover.remove();
  turn();
  EXPECT_EQ(take_log(), "+a -a ~a");
}

TEST_F(NotifierRemoveTest, ARemovingHookMayRemoveItsOwnNotifierAgain) {
  LoggingNotifier& a = loop.add(make("a"));
  a.when_removing = [&] { a.remove(); };
  a.remove();
  EXPECT_EQ(take_log(), "+a -a");
  turn();
  EXPECT_EQ(take_log(), "~a");
}

TEST_F(NotifierRemoveTest, AChildsHookMayRemoveTheChildWhileItsParentLeaves) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  a.add_child(make("c"));
  b.when_removing = [&] { b.remove(); };
  take_log();
  a.remove();
  EXPECT_EQ(take_log(), "-a -b -c");
  turn();
  EXPECT_EQ(take_log(), "~a ~c ~b");
}

TEST_F(NotifierRemoveTest, ARemovingHookMayRemoveTheParent) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  b.add_child(make("c"));
  a.add_child(make("d"));
  b.when_removing = [&] { a.remove(); };
  take_log();
  b.remove();
  EXPECT_EQ(take_log(), "-b -a -d -c");
  turn();
  EXPECT_EQ(take_log(), "~a ~d ~b ~c");
}

TEST_F(NotifierRemoveTest, ARemovingHookMayRemoveSiblings) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  LoggingNotifier& c = a.add_child(make("c"));
  LoggingNotifier& d = a.add_child(make("d"));
  a.add_child(make("e"));
  c.when_removing = [&] {
    b.remove();
    d.remove();
  };
  take_log();
  a.remove();
  EXPECT_EQ(take_log(), "-a -b -c -d -e");
  turn();
  // b had left already, so it stays with its parent; d was taken out by itself.
  EXPECT_EQ(take_log(), "~d ~a ~e ~c ~b");
}

TEST_F(NotifierRemoveTest, ARemovingHookMayReleaseTheNotifierFromItsParent) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  a.add_child(make("c"));
  std::unique_ptr<Notifier> kept;
  b.when_removing = [&] { kept = a.release_child(b); };
  take_log();
  a.remove();
  EXPECT_EQ(take_log(), "-a -b -c");
  EXPECT_EQ(b.loop(), nullptr);
  turn();
  EXPECT_EQ(take_log(), "~a ~c");
  kept.reset();
  EXPECT_EQ(take_log(), "~b");
}

TEST_F(NotifierRemoveTest, ANotifierThatItsHookReleasesIsNotBuried) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  std::unique_ptr<Notifier> kept;
  b.when_removing = [&] { kept = a.release_child(b); };
  b.remove();
  turn();
  EXPECT_EQ(take_log(), "+a +b -b");
  EXPECT_EQ(kept.get(), &b);
}

TEST_F(NotifierRemoveTest, ARemovedNotifierMayBeRemovedFromManyCallbacksOfOneTurn) {
  std::vector<LoggingNotifier*> all;
  for (int i = 0; i < 3; ++i) all.push_back(&loop.add(make(std::to_string(i))));
  for (int i = 0; i < 3; ++i)
    loop.later([&] {
      for (LoggingNotifier* each : all) each->remove();
    });
  take_log();
  turn();
  EXPECT_EQ(take_log(), "-0 -1 -2 ~0 ~1 ~2");
}

TEST_F(NotifierRemoveTest, TheLoopsEndBuriesWhatWasRemoved) {
  {
    Loop brief(std::make_unique<test::FakeBackend>());
    brief.add(make("a")).remove();
  }
  EXPECT_EQ(take_log(), "+a -a ~a");
}

}  // namespace
}  // namespace ioa
