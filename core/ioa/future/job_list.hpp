#pragma once

#include <cstddef>
#include <utility>

namespace ioa {

/// One piece of work that waits in a JobList: intrusive, so that queueing allocates nothing, and
/// doubly linked, so that cancelling takes it out in constant time. Destroying it takes it out too.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  bool is_queued() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = nullptr;
  }
  /// Does the work; whoever took the job from its list calls this.
  void run() { run_(argument_); }
  /// True if running it means `function`: how the owner of a list knows its own jobs.
  bool runs(void (*function)(void*)) const noexcept { return run_ == function; }

 protected:
  ~Job() { unlink(); }
  /// What running the job means; the owner may change both whenever it is not running.
  void (*run_)(void*) = nullptr;
  void* argument_ = nullptr;

 private:
  friend class JobList;
  Job* prev_ = nullptr;
  Job* next_ = nullptr;
};

/// Jobs in the order in which they were pushed. It owns none of them.
class JobList {
 public:
  JobList() noexcept { ring_.prev_ = ring_.next_ = &ring_; }
  JobList(const JobList&) = delete;
  JobList& operator=(const JobList&) = delete;
  ~JobList() {
    while (pop() != nullptr) {
    }
  }

  bool empty() const noexcept { return ring_.next_ == &ring_; }
  /// Counts them.
  std::size_t size() const noexcept {
    std::size_t count = 0;
    for (const Job* job = ring_.next_; job != &ring_; job = job->next_) ++count;
    return count;
  }

  /// Appends `job`, unless it already is in a list.
  void push(Job& job) noexcept {
    if (job.is_queued()) return;
    job.prev_ = ring_.prev_;
    job.next_ = &ring_;
    ring_.prev_->next_ = &job;
    ring_.prev_ = &job;
  }

  /// Takes the first job out; null if there is none.
  Job* pop() noexcept {
    Job* job = ring_.next_;
    if (job == &ring_) return nullptr;
    ring_.next_ = job->next_;
    job->next_->prev_ = &ring_;
    job->prev_ = job->next_ = nullptr;
    return job;
  }

  /// Moves all jobs of `other` to the end of this list.
  void take_all(JobList& other) noexcept {
    if (other.empty()) return;
    Job* first = std::exchange(other.ring_.next_, &other.ring_);
    Job* last = std::exchange(other.ring_.prev_, &other.ring_);
    first->prev_ = ring_.prev_;
    ring_.prev_->next_ = first;
    last->next_ = &ring_;
    ring_.prev_ = last;
  }

 private:
  struct Ring : Job {};
  Ring ring_;  // stands between the last job and the first
};

}  // namespace ioa
