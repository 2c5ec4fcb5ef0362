#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "tests/unit/loop/notifier_fixture.hpp"

namespace ioa {
namespace {

using test::LoggingNotifier;

class WeakRefTest : public test::NotifierTest {};

TEST_F(WeakRefTest, RefersToNothingAtFirst) { EXPECT_EQ(WeakRef<Notifier>().get(), nullptr); }

TEST_F(WeakRefTest, FindsItsTargetWhileThatLives) {
  auto a = make("a");
  const WeakRef<LoggingNotifier> ref(*a);
  const WeakRef<LoggingNotifier> copy = ref;
  EXPECT_EQ(ref.get(), a.get());
  EXPECT_EQ(copy.get(), a.get());
  a.reset();
  EXPECT_EQ(ref.get(), nullptr);
  EXPECT_EQ(copy.get(), nullptr);
}

TEST_F(WeakRefTest, FindsARemovedTargetUntilItIsBuried) {
  LoggingNotifier& a = loop.add(make("a"));
  const WeakRef<LoggingNotifier> ref(a);
  a.remove();
  EXPECT_EQ(ref.get(), &a);
  EXPECT_EQ(ref.get()->loop(), nullptr);
  turn();
  EXPECT_EQ(ref.get(), nullptr);
}

TEST_F(WeakRefTest, DoesNotKeepItsTargetAlive) {
  std::unique_ptr<WeakRef<LoggingNotifier>> ref;
  {
    const auto a = make("a");
    ref = std::make_unique<WeakRef<LoggingNotifier>>(*a);
  }
  EXPECT_EQ(take_log(), "~a");
  EXPECT_EQ(ref->get(), nullptr);
}

TEST_F(WeakRefTest, MayGoBeforeItsTarget) {
  const auto a = make("a");
  { const WeakRef<LoggingNotifier> ref(*a); }
  const WeakRef<LoggingNotifier> second(*a);
  EXPECT_EQ(second.get(), a.get());
}

TEST_F(WeakRefTest, SurvivesReparenting) {
  LoggingNotifier& a = loop.add(make("a"));
  LoggingNotifier& b = a.add_child(make("b"));
  const WeakRef<LoggingNotifier> ref(b);
  auto released = a.release_child(b);
  EXPECT_EQ(ref.get(), &b);
  loop.add(std::move(released));
  EXPECT_EQ(ref.get(), &b);
}

}  // namespace
}  // namespace ioa
