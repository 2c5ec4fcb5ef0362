#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/loop/loop.hpp"
#include "tests/support/fake_backend.hpp"

namespace ioa::test {

using namespace std::chrono_literals;

/// How long a test may take before it has failed: it hangs.
inline constexpr std::chrono::seconds kStallLimit{10};

/// Ends the process, naming the test and what it waits for, if it lives for much longer than
/// kStallLimit (by SIGALRM: it works in an endless loop too). One at a time.
class StallGuard {
 public:
  explicit StallGuard(std::string_view what);
  StallGuard(const StallGuard&) = delete;
  StallGuard& operator=(const StallGuard&) = delete;
  ~StallGuard();
};

/// A test that fails if it hangs, or leaves a descriptor open after its members have been
/// destroyed.
class GuardedTest : public ::testing::Test {
 protected:
  GuardedTest();
  ~GuardedTest() override;

 private:
  StallGuard guard_;
  std::set<int> fds_;
};

/// Turns until `done()`; throws std::runtime_error naming `what` if the test stalls.
void turn_until(Loop& loop, const std::function<bool()>& done, std::string_view what);

/// Turns without waiting until nothing more happens, or `done()`.
void turn_while_busy(
    Loop& loop, const std::function<bool()>& done = [] { return false; });

/// Turns until `future` is ready, and returns its result or throws its failure. Throws
/// std::runtime_error if it is not ready in time.
template <class T>
T run(Loop& loop, Future<T> future, std::string_view what = "a future") {
  turn_until(
      loop, [&] { return future.ready(); }, what);
  return future.get();
}

/// True if `future` becomes ready without any waiting. False proves that it is not ready yet.
template <class T>
bool settles(Loop& loop, Future<T>& future) {
  turn_while_busy(loop, [&] { return future.ready(); });
  return future.ready();
}

/// A loop whose time and readiness the test moves: the base of most tests.
class FakeLoopTest : public GuardedTest {
 protected:
  FakeLoopTest() : FakeLoopTest(std::make_unique<FakeBackend>()) {}

  template <class T>
  T run(Future<T> future) {
    return test::run(loop, std::move(future));
  }
  template <class T>
  bool settles(Future<T>& future) {
    return test::settles(loop, future);
  }

  FakeBackend& fake;
  Loop loop;

 private:
  explicit FakeLoopTest(std::unique_ptr<FakeBackend> backend)
      : fake(*backend), loop(std::move(backend)) {}
};

/// A loop on the real backend: for what needs real descriptors, signals or threads.
class RealLoopTest : public GuardedTest {
 protected:
  template <class T>
  T run(Future<T> future) {
    return test::run(loop, std::move(future));
  }
  template <class T>
  bool settles(Future<T>& future) {
    return test::settles(loop, future);
  }

  Loop loop{LibeventBackend::create()};
};

}  // namespace ioa::test
