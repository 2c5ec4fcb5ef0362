#pragma once

#include <cstdint>
#include <exception>

#include "ioa/future/future.hpp"
#include "ioa/future/node_list.hpp"

namespace ioa {

/// Futures that wait for the same thing, or for a counter to reach their marks. Dropping one takes
/// it out. Those that are left when the list is destroyed fail with kind `abandoned`.
class Waiters {
 public:
  Waiters() = default;
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;
  ~Waiters();

  bool empty() const noexcept { return list_.empty(); }

  /// Adds one more, with a mark that is not below those before.
  Future<> add(std::uint64_t mark = 0);
  /// Completes those whose mark is at most `mark`.
  void done_until(std::uint64_t mark);
  void done_all() { done_until(UINT64_MAX); }
  void fail_all(const std::exception_ptr& error);

 private:
  struct Waiter;
  detail::NodeList<Waiter> list_;
};

}  // namespace ioa
