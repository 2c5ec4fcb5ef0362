#include "ioa/loop/post_queue.hpp"

#include <utility>

#include "ioa/loop/backend.hpp"

namespace ioa {

bool PostQueue::post(UniqueFunction<void()> function) {
  const std::lock_guard lock(mutex_);
  if (backend_ == nullptr) return false;
  const bool was_empty = functions_.empty();
  functions_.push_back(std::move(function));
  is_empty_.store(false, std::memory_order_release);
  // Who finds the queue empty wakes the loop; the others ride along. After the function can be
  // seen, or the loop would look too early and sleep again; under the lock, so that the backend is
  // there.
  if (was_empty) backend_->wake();
  return true;
}

void PostQueue::take(std::vector<UniqueFunction<void()>>& taken) {
  const std::lock_guard lock(mutex_);
  is_empty_.store(true, std::memory_order_release);
  functions_.swap(taken);
}

void PostQueue::close() noexcept {
  std::vector<UniqueFunction<void()>> dropped;  // destroyed after the lock: destructors may post
  const std::lock_guard lock(mutex_);
  backend_ = nullptr;
  dropped.swap(functions_);
}

}  // namespace ioa
