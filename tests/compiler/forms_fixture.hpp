#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "ioa/future/future.hpp"
#include "ioa/future/ready_queue.hpp"
#include "tests/support/lifetime_tracker.hpp"

namespace ioa::forms {

/// What forms pass around: it owns memory, and its destruction is counted.
struct Payload {
  Payload(std::string words, test::LifetimeTracker::Object counted)
      : text(std::move(words)), object(std::move(counted)) {}

  std::string text;  // too long to lie inside the string
  test::LifetimeTracker::Object object;
};

/// What a form runs in.
class Env {
 public:
  Env(const test::LifetimeTracker& tracker, bool suspends)
      : tracker_(tracker), suspends_(suspends) {}

  bool suspends() const { return suspends_; }

  /// The unit of waiting: one reaction, or none at all.
  Future<> pause() const {
    Future<> ready = Future<>::resolved();
    if (!suspends_) return ready;
    return std::move(ready).then([] {});
  }
  Payload make() const {
    return {"a text that is too long for the inside of a string", tracker_.make()};
  }
  std::unique_ptr<Payload> make_unique() const { return std::make_unique<Payload>(make()); }

  /// Coroutines that a form awaits.
  Future<Payload> later() const {
    const Payload local = make();
    co_await pause();
    co_return local;
  }
  Future<int> size_of(Payload payload) const {
    const Payload local = payload;
    co_await pause();
    co_return static_cast<int>(local.text.size());
  }
  Future<int> number(int value) const {
    const Payload local = make();
    co_await pause();
    co_return value;
  }
  Future<bool> yes(bool value) const {
    co_await pause();
    co_return value;
  }
  Future<int> failing() const {
    const Payload local = make();
    co_await pause();
    throw std::runtime_error(local.text);
  }

 private:
  const test::LifetimeTracker& tracker_;
  bool suspends_;
};

/// A named way to write co_await.
struct Form {
  const char* name;
  Future<> (*run)(const Env&);
};
inline void PrintTo(const Form& form, std::ostream* out) { *out << form.name; }

/// Runs a form to its end, and cancels it after 0, 1, 2, ... reactions: nothing may leak or die
/// twice.
class CoroutineFormsTest : public ::testing::TestWithParam<Form> {
 protected:
  void run_to_the_end(bool suspends) {
    const Env env(tracker, suspends);
    Future<> future = GetParam().run(env);
    while (queue.drain(1000) > 0) {
    }
    ASSERT_TRUE(future.ready());
    EXPECT_NO_THROW(future.get());
    EXPECT_TRUE(tracker.is_clean()) << tracker.alive() << " objects are left";
  }

  void cancel_at_each_suspension() {
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 1000) << "the form has no end";
      bool is_over = false;
      {
        const Env env(tracker, true);
        Future<> future = GetParam().run(env);
        for (int i = 0; i < steps && !future.ready(); ++i) queue.drain(1);
        is_over = future.ready();
      }
      ASSERT_TRUE(tracker.is_clean())
          << tracker.alive() << " objects are left, cancelled after " << steps << " reactions";
      ASSERT_TRUE(queue.empty());
      if (is_over) return;
    }
  }

  ReadyQueue queue;
  test::LifetimeTracker tracker;
};

}  // namespace ioa::forms
