#include "ioa/future/task_set.hpp"

#include <utility>

#include "ioa/base/free_list.hpp"

namespace ioa {

struct TaskSet::Task : FreeListed {
  Task(TaskSet& owner, Future<> work) : set(&owner), future(std::move(work)) {
    next = owner.first_;
    if (next != nullptr) next->prev = this;
    owner.first_ = this;
  }
  void leave() noexcept {
    (prev != nullptr ? prev->next : set->first_) = next;
    if (next != nullptr) next->prev = prev;
  }

  static void finished(void* self) {
    auto* task = static_cast<Task*>(self);
    TaskSet& set = *task->set;
    std::exception_ptr error = task->future.error();
    task->leave();
    delete task;
    if (error) set.on_error_(set.argument_, std::move(error));
  }

  TaskSet* set;
  Task* prev = nullptr;
  Task* next = nullptr;
  Future<> future;
};

void TaskSet::add(Future<> task) {
  if (!task.valid()) return;
  auto* entry = new Task(*this, std::move(task));
  entry->future.react(&Task::finished, entry);
}

std::size_t TaskSet::size() const noexcept {
  std::size_t count = 0;
  for (Task* task = first_; task != nullptr; task = task->next) ++count;
  return count;
}

// Dropping a task may add or drop others: each round looks at the list anew.
void TaskSet::clear() noexcept {
  while (Task* task = first_) {
    task->leave();
    delete task;
  }
}

}  // namespace ioa
