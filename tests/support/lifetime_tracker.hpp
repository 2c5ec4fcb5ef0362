#pragma once

#include <gtest/gtest.h>

#include <atomic>

namespace ioa::test {

/// Counts the objects that it hands out: a LifetimeTracker::Object is put where something must be
/// destroyed exactly once (a frame, a capture, a queue). A double destruction is a failure on the
/// spot; is_clean() says whether all are gone. Objects may go to other threads.
///
///     LifetimeTracker tracker;
///     { auto work = run(tracker.make()); }
///     EXPECT_TRUE(tracker.is_clean()) << tracker.alive();
class LifetimeTracker {
  // Lives until the tracker and all objects are gone. Objects hold it by a plain pointer, so that
  // destroying one twice is reported and does no more harm.
  struct Counts {
    std::atomic<int> constructed = 0;
    std::atomic<int> destroyed = 0;
    std::atomic<int> users = 1;
    void release() {
      if (--users == 0) delete this;
    }
  };

 public:
  class Object {
   public:
    Object(const Object& other) noexcept : Object(other.counts_) {}
    Object& operator=(const Object&) noexcept { return *this; }  // which objects there are stays
    ~Object() {
      if (self_ != this) {
        ADD_FAILURE() << "a tracked object was destroyed twice, or moved as bytes";
        return;
      }
      self_ = nullptr;
      ++counts_->destroyed;
      counts_->release();
    }

   private:
    friend class LifetimeTracker;
    explicit Object(Counts* counts) noexcept : counts_(counts), self_(this) {
      ++counts_->constructed;
      ++counts_->users;
    }

    Counts* counts_;
    Object* volatile self_;
  };

  LifetimeTracker() = default;
  LifetimeTracker(const LifetimeTracker&) = delete;
  LifetimeTracker& operator=(const LifetimeTracker&) = delete;
  ~LifetimeTracker() { counts_->release(); }

  Object make() const { return Object(counts_); }

  int constructed() const { return counts_->constructed; }
  int destroyed() const { return counts_->destroyed; }
  int alive() const { return constructed() - destroyed(); }
  bool is_clean() const { return alive() == 0; }

 private:
  Counts* counts_ = new Counts;
};

}  // namespace ioa::test
