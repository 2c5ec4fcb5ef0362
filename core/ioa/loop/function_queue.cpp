#include "ioa/loop/function_queue.hpp"

#include <algorithm>

namespace ioa {

void FunctionQueue::cancel(Ticket ticket) noexcept {
  ++cancelled_;
  const UniqueFunction<void()> dropped = std::move(slot(ticket));
}

void FunctionQueue::clear() noexcept {
  while (begin_ < end_) {
    const UniqueFunction<void()> dropped = std::move(slot(begin_));
    ++begin_;
    if (!dropped) --cancelled_;
  }
}

void FunctionQueue::grow() {
  const std::size_t capacity = std::max<std::size_t>(2 * capacity_, 16);
  auto ring = std::make_unique<UniqueFunction<void()>[]>(capacity);
  for (Ticket ticket = begin_; ticket < end_; ++ticket)
    ring[ticket & (capacity - 1)] = std::move(slot(ticket));
  ring_ = std::move(ring);
  capacity_ = capacity;
}

}  // namespace ioa
