#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/unique_function.hpp"

namespace ioa {

/// Functions that wait to be called once, first in first out: a Loop's deferred calls. They lie in
/// a ring, one after the other, since a list of them would cost most of its time in waiting for
/// memory.
///
/// A function may push others, cancel any, and run the queue. One that throws is through; the
/// others stay.
class FunctionQueue {
 public:
  /// Names a function for as long as it waits; never used twice, and never 0.
  using Ticket = std::uint64_t;

  FunctionQueue() = default;
  FunctionQueue(const FunctionQueue&) = delete;
  FunctionQueue& operator=(const FunctionQueue&) = delete;
  ~FunctionQueue() { clear(); }

  bool empty() const noexcept { return size() == 0; }
  std::size_t size() const noexcept { return end_ - begin_ - cancelled_; }

  template <class F>
  Ticket push(F&& function) {
    if (end_ - begin_ == capacity_) grow();
    // Into an empty slot. Made in place, since moving what was just made costs a stall.
    std::construct_at(&slot(end_), std::forward<F>(function));
    IOA_ASSERT(slot(end_), "there is no function to call");
    return end_++;
  }

  /// Destroys a function that waits.
  void cancel(Ticket ticket) noexcept;
  /// Destroys all of them, and those that they push while they are destroyed.
  void clear() noexcept;

  /// Calls the functions that wait by now. Returns how many.
  std::size_t run_generation() {
    return run_generation([](UniqueFunction<void()>& function) { function(); });
  }
  /// The same, each of them by `call(function)`.
  template <class Call>
  std::size_t run_generation(Call call) {
    const Ticket end = end_;
    std::size_t count = 0;
    while (begin_ < end) {
      UniqueFunction<void()> function = std::move(slot(begin_));  // the ring may grow under it
      ++begin_;
      if (function) {
        ++count;
        call(function);
      } else {
        --cancelled_;
      }
    }
    return count;
  }

 private:
  UniqueFunction<void()>& slot(Ticket ticket) noexcept { return ring_[ticket & (capacity_ - 1)]; }
  void grow();

  std::unique_ptr<UniqueFunction<void()>[]> ring_;
  std::size_t capacity_ = 0;   // 0, or a power of two
  std::size_t cancelled_ = 0;  // they keep their places, as empty functions
  Ticket begin_ = 1;
  Ticket end_ = 1;
};

}  // namespace ioa
