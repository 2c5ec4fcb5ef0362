#pragma once

#include <cstddef>
#include <exception>

#include "ioa/future/future.hpp"

namespace ioa {

/// Holds background work until it ends, hands each failure to a function, and cancels what is left
/// when it is cleared or destroyed.
///
/// LIFETIME: the function may destroy the set.
class TaskSet {
 public:
  /// `on_error(argument, failure)` is called from the ReadyQueue, once a failed task.
  TaskSet(void (*on_error)(void*, std::exception_ptr), void* argument) noexcept
      : on_error_(on_error), argument_(argument) {}
  TaskSet(const TaskSet&) = delete;
  TaskSet& operator=(const TaskSet&) = delete;
  ~TaskSet() { clear(); }

  void add(Future<> task);
  std::size_t size() const noexcept;
  bool empty() const noexcept { return first_ == nullptr; }
  void clear() noexcept;

 private:
  struct Task;

  void (*on_error_)(void*, std::exception_ptr);
  void* argument_;
  Task* first_ = nullptr;
};

}  // namespace ioa
