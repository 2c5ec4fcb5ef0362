#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/loop/notifier_fixture.hpp"

namespace ioa {
namespace {

using test::LoggingNotifier;

class NotifierTreeTest : public test::NotifierTest {
 protected:
  static std::string children_of(const Notifier& notifier) {
    std::string names;
    notifier.for_each_child(
        [&](Notifier& child) { names += static_cast<LoggingNotifier&>(child).own_name; });
    return names;
  }
};

TEST_F(NotifierTreeTest, OutsideATreeItHasNeitherLoopNorParent) {
  const auto a = make("a");
  EXPECT_EQ(a->loop(), nullptr);
  EXPECT_EQ(a->parent(), nullptr);
  EXPECT_EQ(a->name(), "");
}

TEST_F(NotifierTreeTest, ARootHasALoopButNoParent) {
  LoggingNotifier& a = loop.add(make("a"));
  EXPECT_EQ(a.loop(), &loop);
  EXPECT_EQ(a.parent(), nullptr);
  EXPECT_EQ(take_log(), "+a");
}

TEST_F(NotifierTreeTest, AChildKnowsItsParent) {
  const auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  EXPECT_EQ(b.parent(), a.get());
  EXPECT_EQ(b.loop(), nullptr);
  EXPECT_EQ(take_log(), "");
}

TEST_F(NotifierTreeTest, KeepsTheOrderOfItsChildren) {
  const auto a = make("a");
  LoggingNotifier& x = a->add_child(make("x"));
  LoggingNotifier& y = a->add_child(make("y"));
  LoggingNotifier& z = a->add_child(make("z"));
  EXPECT_EQ(children_of(*a), "xyz");
  const auto released = a->release_child(y);
  EXPECT_EQ(children_of(*a), "xz");
  static_cast<void>(a->release_child(x));
  EXPECT_EQ(children_of(*a), "z");
  a->add_child(make("w"));
  EXPECT_EQ(children_of(*a), "zw");
  static_cast<void>(a->release_child(z));
  EXPECT_EQ(children_of(*a), "w");
}

TEST_F(NotifierTreeTest, ASubtreeEntersParentsFirst) {
  auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  b.add_child(make("c"));
  a->add_child(make("d"));
  loop.add(std::move(a));
  EXPECT_EQ(take_log(), "+a +b +c +d");
}

TEST_F(NotifierTreeTest, ASubtreeLeavesParentsFirst) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  LoggingNotifier& c = b.add_child(make("c"));
  a.add_child(make("d"));
  EXPECT_EQ(take_log(), "+a +b +c +d");
  a.remove();
  EXPECT_EQ(take_log(), "-a -b -c -d");
  EXPECT_EQ(a.loop(), nullptr);
  EXPECT_EQ(c.loop(), nullptr);
  EXPECT_EQ(c.parent(), &b) << "the subtree stays together";
}

TEST_F(NotifierTreeTest, AChildOfANotifierInTheLoopEntersAtOnce) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  EXPECT_EQ(b.loop(), &loop);
  EXPECT_EQ(take_log(), "+a +b");
}

TEST_F(NotifierTreeTest, AReleasedSubtreeLeavesAndCanComeBack) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  LoggingNotifier& c = b.add_child(make("c"));
  take_log();
  std::unique_ptr<Notifier> released = a.release_child(b);
  EXPECT_EQ(take_log(), "-b -c");
  EXPECT_EQ(b.loop(), nullptr);
  EXPECT_EQ(b.parent(), nullptr);
  turn();
  EXPECT_EQ(take_log(), "") << "what is released is not buried";
  LoggingNotifier& other = loop.add(make("o"));
  other.add_child(std::move(released));
  EXPECT_EQ(take_log(), "+o +b +c");
  EXPECT_EQ(b.parent(), &other);
  EXPECT_EQ(c.loop(), &loop);
}

TEST_F(NotifierTreeTest, DestroyingATreeDestroysTheLastChildFirst) {
  auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  b.add_child(make("c"));
  a->add_child(make("d"));
  a.reset();
  EXPECT_EQ(take_log(), "~a ~d ~b ~c");
}

TEST_F(NotifierTreeTest, AddedHooksMayAddChildren) {
  auto a = make("a");
  a->when_added = [&, raw = a.get()] { raw->add_child(make("b")); };
  a->add_child(make("c"));
  loop.add(std::move(a));
  EXPECT_EQ(take_log(), "+a +b +c");
}

TEST_F(NotifierTreeTest, AChildsHookMayAddASibling) {
  auto a = make("a");
  LoggingNotifier* raw = a.get();
  LoggingNotifier& b = a->add_child(make("b"));
  a->add_child(make("c"));
  b.when_added = [&, raw] { raw->add_child(make("d")); };
  loop.add(std::move(a));
  EXPECT_EQ(take_log(), "+a +b +d +c");
}

TEST_F(NotifierTreeTest, AChildsHookMayRemoveItselfOrASibling) {
  auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  LoggingNotifier& c = a->add_child(make("c"));
  LoggingNotifier& d = a->add_child(make("d"));
  b.when_added = [&] { b.remove(); };
  d.when_added = [&] { c.remove(); };
  LoggingNotifier& kept = loop.add(std::move(a));
  EXPECT_EQ(take_log(), "+a +b -b +c +d -c");
  EXPECT_EQ(children_of(kept), "d");
  turn();
  EXPECT_EQ(take_log(), "~b ~c");
}

TEST_F(NotifierTreeTest, AnAddedHookMayRemoveTheWholeSubtree) {
  auto a = make("a");
  LoggingNotifier& b = a->add_child(make("b"));
  a->add_child(make("c"));
  b.when_added = [raw = a.get()] { raw->remove(); };
  loop.add(std::move(a));
  EXPECT_EQ(take_log(), "+a +b -a -b");
  turn();
  EXPECT_EQ(take_log(), "~a ~c ~b");
}

TEST_F(NotifierTreeTest, AnAddedHookThatThrowsTakesTheSubtreeOut) {
  auto a = make("a");
  a->add_child(make("b"));
  LoggingNotifier& c = a->add_child(make("c"));
  c.when_added = [] { throw std::runtime_error("no descriptor"); };
  EXPECT_THROW(loop.add(std::move(a)), std::runtime_error);
  EXPECT_EQ(take_log(), "+a +b +c -a -b -c");
  turn();
  EXPECT_EQ(take_log(), "~a ~c ~b");
}

TEST_F(NotifierTreeTest, ManyChildrenEnterAndLeaveInLinearTime) {
  constexpr int kMany = 50'000;
  auto a = std::make_unique<Notifier>();
  for (int i = 0; i < kMany; ++i) a->add_child(std::make_unique<Notifier>());
  const auto begin = Clock::now();
  loop.add(std::move(a)).remove();
  turn();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(2));
}

TEST_F(NotifierTreeTest, TheLoopsEndTakesTheTreeDown) {
  log.clear();
  {
    Loop brief(std::make_unique<test::FakeBackend>());
    LoggingNotifier& a = brief.add(make("a"));
    a.add_child(make("b"));
    brief.add(make("c"));
  }
  EXPECT_EQ(take_log(), "+a +b +c -a -b -c ~c ~a ~b");
}

TEST_F(NotifierTreeTest, NamesAreForPeople) {
  LoggingNotifier& a = loop.add(make("a"));
  a.set_name("listener");
  EXPECT_EQ(a.name(), "listener");
}

using NotifierDeathTest = NotifierTreeTest;

TEST_F(NotifierDeathTest, DestroyingOneInsideItsLoopIsABug) {
  LoggingNotifier& a = loop.add(make("a"));
  EXPECT_DEATH(delete &a, "inside its loop");
}

TEST_F(NotifierDeathTest, ASecondOwnerIsABug) {
  LoggingNotifier& a = loop.add(make("a"));
  EXPECT_DEATH(loop.add(std::unique_ptr<Notifier>(&a)), "one owner");
  LoggingNotifier& b = a.add_child(make("b"));
  LoggingNotifier& c = a.add_child(make("c"));
  EXPECT_DEATH(static_cast<void>(b.release_child(c)), "only a parent");
}

}  // namespace
}  // namespace ioa
