#pragma once

#include <gtest/gtest.h>

#include <memory>

namespace ioa::test {

/// Counts the objects that it hands out: a LifetimeTracker::Object is put where something must be
/// destroyed exactly once (a frame, a capture, a queue). A double destruction is a failure on the
/// spot; is_clean() says whether all are gone.
///
///     LifetimeTracker tracker;
///     { auto work = run(tracker.make()); }
///     EXPECT_TRUE(tracker.is_clean()) << tracker.alive();
class LifetimeTracker {
  struct Counts {
    int constructed = 0;
    int destroyed = 0;
    int moved = 0;
  };

 public:
  class Object {
   public:
    Object(const Object& other) : counts_(other.counts_) { born(); }
    Object(Object&& other) noexcept : counts_(other.counts_) {
      born();
      ++counts_->moved;
    }
    Object& operator=(const Object& other) = default;
    Object& operator=(Object&& other) noexcept {
      counts_ = other.counts_;
      return *this;
    }
    ~Object() {
      if (self_ != this) {
        ADD_FAILURE() << "a tracked object was destroyed twice, or copied as bytes";
        return;
      }
      self_ = nullptr;
      ++counts_->destroyed;
    }

   private:
    friend class LifetimeTracker;
    explicit Object(std::shared_ptr<Counts> counts) : counts_(std::move(counts)) { born(); }
    void born() noexcept {
      ++counts_->constructed;
      self_ = this;
    }

    std::shared_ptr<Counts> counts_;  // the tracker may go first
    Object* volatile self_ = nullptr;
  };

  Object make() const { return Object(counts_); }

  int constructed() const { return counts_->constructed; }
  int destroyed() const { return counts_->destroyed; }
  int moved() const { return counts_->moved; }
  int alive() const { return constructed() - destroyed(); }
  bool is_clean() const { return alive() == 0; }

 private:
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace ioa::test
