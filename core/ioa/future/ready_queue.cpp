#include "ioa/future/ready_queue.hpp"

#include "ioa/base/assert.hpp"

namespace ioa {
constinit thread_local ReadyQueue* ReadyQueue::current_ = nullptr;

ReadyQueue::ReadyQueue() : outer_(current_) { current_ = this; }

ReadyQueue::~ReadyQueue() {
  reap();
  IOA_ASSERT(current_ == this, "queues of one thread must end in reverse order");
  current_ = outer_;
}

std::size_t ReadyQueue::drain(std::size_t limit) {
  reap();
  std::size_t count = 0;
  while (count < limit) {
    Job* job = jobs_.pop();
    if (job == nullptr) break;
    ++count;
    ++drained_;
    job->run();
    reap();
  }
  return count;
}

void ReadyQueue::reap_doomed() noexcept {
  while (Job* job = doomed_.pop()) job->run();
  doomed_.take_all(postponed_);
}

}  // namespace ioa
