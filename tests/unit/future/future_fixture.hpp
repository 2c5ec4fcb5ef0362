#pragma once

#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

#include "ioa/future/future.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/ready_queue.hpp"
#include "tests/support/lifetime_tracker.hpp"

namespace ioa::test {

/// Futures alone: a ReadyQueue without a Loop, and a tracker that must be clean in the end.
class FutureTest : public ::testing::Test {
 protected:
  void TearDown() override {
    settle();
    EXPECT_TRUE(tracker.is_clean()) << tracker.alive() << " tracked objects were leaked";
  }

  /// Runs reactions until none is left.
  void settle() {
    while (queue.drain(1000) > 0) {
    }
    queue.reap();
  }
  /// The result of a Future that needs nothing but the queue.
  template <class T>
  T take(Future<T> future) {
    settle();
    if (!future.ready()) throw std::logic_error("the Future is not ready");
    return future.get();
  }

  ReadyQueue queue;
  LifetimeTracker tracker;
};

/// The kind of the Error that `future` failed with; fails the test if it has none.
template <class T>
ErrorKind kind_of_failure(Future<T>& future) {
  try {
    if (auto error = future.error()) std::rethrow_exception(error);
    ADD_FAILURE() << "the Future has not failed";
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::failed;
}

inline Error broken() { return {ErrorKind::disconnected, {}, "read", "peer", "gone"}; }

}  // namespace ioa::test
