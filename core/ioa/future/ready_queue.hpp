#pragma once

#include <cstddef>
#include <cstdint>

#include "ioa/base/assert.hpp"
#include "ioa/future/job_list.hpp"

namespace ioa {

/// The reactions of Futures that have become ready: run by the Loop, first in first out, never on
/// the stack of whoever made the Future ready. So a producer may be destroyed by its consumer, and
/// a chain of any length needs no stack.
///
/// Constructing one makes it the thread's current queue until it is destroyed; a Loop has one.
/// Tests of Futures use one alone.
class ReadyQueue {
 public:
  ReadyQueue();
  ~ReadyQueue();
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;

  /// The queue of this thread. There must be one: that is a Loop's (or a test's) task.
  static ReadyQueue& current() {
    IOA_ASSERT(current_ != nullptr, "this thread has no Loop, so no Future can react here");
    return *current_;
  }

  bool empty() const noexcept { return jobs_.empty(); }
  void push(Job& job) noexcept { jobs_.push(job); }

  /// Runs jobs until none is left, those included that they queue, but at most `limit` of them.
  /// Returns how many ran. An exception that a job lets out leaves the rest queued.
  std::size_t drain(std::size_t limit);
  /// How many have ever run.
  std::uint64_t drained() const noexcept { return drained_; }
  std::size_t size() const noexcept { return jobs_.size(); }

  /// Takes a job that destroys something which could not be destroyed where it stood (a coroutine
  /// frame cancelled while its own code was running). It runs after the current job.
  void doom(Job& job) noexcept { doomed_.push(job); }
  /// As doom(), from a doomed job that cannot do its work yet: an outer turn has to end first.
  void postpone(Job& job) noexcept { postponed_.push(job); }
  void reap() noexcept {
    if (!doomed_.empty()) reap_doomed();
  }

 private:
  void reap_doomed() noexcept;

  static thread_local constinit ReadyQueue* current_;

  JobList jobs_;
  JobList doomed_;
  JobList postponed_;
  ReadyQueue* outer_;
  std::uint64_t drained_ = 0;
};

}  // namespace ioa
