#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "ioa/base/unique_function.hpp"

namespace ioa {

class Backend;

/// The door through which other threads hand functions to a Loop. Threads that may outlive the Loop
/// hold it by shared_ptr: once the Loop is gone it takes nothing more.
class PostQueue {
 public:
  explicit PostQueue(Backend& backend) noexcept : backend_(&backend) {}

  /// Has `function` run on the loop's thread in its next turn, after what was posted before; wakes
  /// a waiting loop. False, and the function is destroyed, if the Loop has gone. From any thread.
  bool post(UniqueFunction<void()> function);

  /// Cheap, for a look every turn; may be out of date by a moment, and wake() makes up for that.
  bool empty() const noexcept { return is_empty_.load(std::memory_order_acquire); }
  /// Swaps `taken`, which is empty, for what has been posted since the last call; for the Loop.
  void take(std::vector<UniqueFunction<void()>>& taken);
  /// The Loop is going: refuses everything from now on.
  void close() noexcept;

 private:
  std::mutex mutex_;
  std::atomic<bool> is_empty_{true};
  Backend* backend_;
  std::vector<UniqueFunction<void()>> functions_;
};

}  // namespace ioa
