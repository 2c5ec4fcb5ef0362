#pragma once

#include <cstddef>
#include <new>

namespace ioa {

/// Memory for small objects that come and go at a high rate (Future states, coroutine frames):
/// bounded lists of free blocks, one set a thread, given back when the thread ends.
///
/// A malloc and free pair is most of the cost of a Future; a list costs a few instructions. A block
/// may be freed by another thread than the one that made it: it joins that thread's list. Blocks
/// over kFreeListMaxSize, and every block under a sanitizer, go straight to operator new and
/// delete.
inline constexpr std::size_t kFreeListMaxSize = 1024;

/// A block of at least `size` bytes, aligned as operator new aligns. Throws std::bad_alloc.
[[nodiscard]] void* free_list_allocate(std::size_t size);

/// Gives back a block; `size` is what was asked for.
void free_list_release(void* block, std::size_t size) noexcept;

/// Base class whose derived objects live in the free lists; the derived destructor must be virtual
/// or the object deleted as its own type, so that the size is right.
struct FreeListed {
  static void* operator new(std::size_t size) { return free_list_allocate(size); }
  static void operator delete(void* block, std::size_t size) noexcept {
    free_list_release(block, size);
  }
  // Types that need a wider alignment than the lists have.
  static void* operator new(std::size_t size, std::align_val_t alignment) {
    return ::operator new(size, alignment);
  }
  static void operator delete(void* block, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(block, alignment);  // clang 14 has the sized form only with an option
  }
};

}  // namespace ioa
