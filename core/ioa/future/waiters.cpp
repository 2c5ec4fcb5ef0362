#include "ioa/future/waiters.hpp"

#include "ioa/base/free_list.hpp"
#include "ioa/future/promise.hpp"

namespace ioa {

struct Waiters::Waiter : FreeListed {
  Promise<> promise;
  std::uint64_t mark = 0;
  Waiter* prev = nullptr;
  Waiter* next = nullptr;
};

Waiters::~Waiters() {
  while (Waiter* waiter = list_.first()) {
    list_.remove(*waiter);
    delete waiter;
  }
}

Future<> Waiters::add(std::uint64_t mark) {
  auto* waiter = new Waiter;
  waiter->mark = mark;
  list_.push(*waiter);
  waiter->promise.on_cancel([this, waiter] {
    list_.remove(*waiter);
    delete waiter;
  });
  return waiter->promise.future();
}

void Waiters::done_until(std::uint64_t mark) {
  while (Waiter* waiter = list_.first()) {
    if (waiter->mark > mark) return;
    list_.remove(*waiter);
    waiter->promise.done();
    delete waiter;
  }
}

void Waiters::fail_all(const std::exception_ptr& error) {
  while (Waiter* waiter = list_.first()) {
    list_.remove(*waiter);
    waiter->promise.fail(error);
    delete waiter;
  }
}

}  // namespace ioa
