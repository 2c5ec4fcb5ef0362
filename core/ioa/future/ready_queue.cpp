#include "ioa/future/ready_queue.hpp"

#include "ioa/base/assert.hpp"

namespace ioa {
namespace {

constinit thread_local ReadyQueue* current_queue = nullptr;

}  // namespace

ReadyQueue::ReadyQueue() : outer_(current_queue) { current_queue = this; }

ReadyQueue::~ReadyQueue() {
  reap();
  IOA_ASSERT(current_queue == this, "queues of one thread must end in reverse order");
  current_queue = outer_;
}

ReadyQueue& ReadyQueue::current() {
  IOA_ASSERT(current_queue != nullptr, "this thread has no Loop, so no Future can react here");
  return *current_queue;
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

void ReadyQueue::reap() noexcept {
  if (doomed_.empty()) return;
  while (Job* job = doomed_.pop()) job->run();
  doomed_.take_all(postponed_);
}

}  // namespace ioa
