#pragma once

#include <cstddef>
#include <cstdint>
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

namespace detail {

/// The free blocks of one thread; not part of the interface.
struct FreeLists {
  static constexpr std::size_t kGrain = 32;
  // A block takes a whole number of grains together with malloc's word in front of it.
  static constexpr std::size_t kMallocWord = sizeof(std::size_t);
  static constexpr std::size_t kClasses = (kFreeListMaxSize + kMallocWord - 1) / kGrain + 1;

  struct Block {
    Block* next;
  };
  struct List {
    Block* head;
    std::uint32_t room;  // for how many more blocks; none before the thread's first, and at its end
  };

  static constexpr std::size_t class_of(std::size_t size) {
    return (size + kMallocWord - 1) / kGrain;
  }
  /// True for what the lists hold; a size of 0 is what coroutines and objects never have.
  static constexpr bool holds(std::size_t size) { return size - 1 < kFreeListMaxSize; }

  List list[kClasses];
  bool is_open;
  bool is_closed;  // the thread is ending: keep nothing more
};

// Trivial, so that reaching it costs no initialisation check.
extern constinit thread_local FreeLists free_lists;

[[nodiscard]] void* allocate_block(std::size_t size);
void release_block(void* block, std::size_t size) noexcept;

}  // namespace detail

/// A block of at least `size` bytes, aligned as operator new aligns. Throws std::bad_alloc.
[[nodiscard]] inline void* free_list_allocate(std::size_t size) {
  if (detail::FreeLists::holds(size)) {
    auto& list = detail::free_lists.list[detail::FreeLists::class_of(size)];
    if (auto* block = list.head) {
      list.head = block->next;
      ++list.room;
      return block;
    }
  }
  return detail::allocate_block(size);
}

/// Gives back a block; `size` is what was asked for.
inline void free_list_release(void* block, std::size_t size) noexcept {
  if (detail::FreeLists::holds(size) && block != nullptr) {
    auto& list = detail::free_lists.list[detail::FreeLists::class_of(size)];
    if (list.room > 0) {
      --list.room;
      auto* free_block = static_cast<detail::FreeLists::Block*>(block);
      free_block->next = list.head;
      list.head = free_block;
      return;
    }
  }
  detail::release_block(block, size);
}

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
