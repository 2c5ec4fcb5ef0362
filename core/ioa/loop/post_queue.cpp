#include "ioa/loop/post_queue.hpp"

#include <utility>

#include "ioa/loop/backend.hpp"

namespace ioa {

bool PostQueue::post(UniqueFunction<void()> function) {
  const std::lock_guard lock(mutex_);
  if (backend_ == nullptr) return false;
  // Who finds the queue empty wakes the loop; the others ride along. Under the lock, so that the
  // backend is still there.
  if (functions_.empty()) backend_->wake();
  functions_.push_back(std::move(function));
  is_empty_.store(false, std::memory_order_release);
  return true;
}

std::vector<UniqueFunction<void()>> PostQueue::take() {
  const std::lock_guard lock(mutex_);
  is_empty_.store(true, std::memory_order_release);
  return std::exchange(functions_, {});
}

void PostQueue::close() noexcept {
  std::vector<UniqueFunction<void()>> dropped;  // destroyed after the lock: destructors may post
  const std::lock_guard lock(mutex_);
  backend_ = nullptr;
  dropped.swap(functions_);
}

}  // namespace ioa
