#include "ioa/base/free_list.hpp"

#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IOA_PLAIN_ALLOCATION 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define IOA_PLAIN_ALLOCATION 1
#endif
#endif

namespace ioa::detail {

constinit thread_local FreeLists free_lists{};

#ifdef IOA_PLAIN_ALLOCATION

// A recycled block would hide a use after free from the sanitizer: the lists stay without room.
void* allocate_block(std::size_t size) { return ::operator new(size); }
void release_block(void* block, std::size_t) noexcept { ::operator delete(block); }

#else

namespace {

constexpr std::uint32_t kMaxBlocksPerClass = 256;

struct Cleanup {
  ~Cleanup() {
    free_lists.is_closed = true;
    for (auto& list : free_lists.list) {
      list.room = 0;
      while (FreeLists::Block* block = list.head) {
        list.head = block->next;
        ::operator delete(block);
      }
    }
  }
};

/// Makes room in the lists of this thread, which is given back at its end.
void open_lists() {
  static thread_local Cleanup cleanup;
  static_cast<void>(&cleanup);
  free_lists.is_open = true;
  for (auto& list : free_lists.list) list.room = kMaxBlocksPerClass;
}

}  // namespace

void* allocate_block(std::size_t size) {
  if (!FreeLists::holds(size)) return ::operator new(size);
  const std::size_t grains = FreeLists::class_of(size) + 1;
  return ::operator new(grains* FreeLists::kGrain - FreeLists::kMallocWord);
}

void release_block(void* block, std::size_t size) noexcept {
  const bool is_first = !free_lists.is_open && FreeLists::holds(size) && block != nullptr;
  if (!is_first || free_lists.is_closed) return ::operator delete(block);
  open_lists();
  free_list_release(block, size);
}

#endif

}  // namespace ioa::detail
