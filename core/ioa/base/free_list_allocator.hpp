#pragma once

#include <cstddef>

#include "ioa/base/free_list.hpp"

namespace ioa {

/// Has a container keep its nodes in the free lists.
template <class T>
struct FreeListAllocator {
  using value_type = T;

  FreeListAllocator() = default;
  template <class U>
  FreeListAllocator(const FreeListAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return static_cast<T*>(free_list_allocate(count * kSize));
  }
  void deallocate(T* block, std::size_t count) noexcept { free_list_release(block, count * kSize); }
  friend bool operator==(const FreeListAllocator&, const FreeListAllocator&) = default;

 private:
  static constexpr std::size_t kSize = sizeof(T);  // NOLINT(bugprone-sizeof-expression): of a node
};

}  // namespace ioa
