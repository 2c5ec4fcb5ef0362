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

namespace ioa {

#ifdef IOA_PLAIN_ALLOCATION

// A recycled block would hide a use after free from the sanitizer.
void* free_list_allocate(std::size_t size) { return ::operator new(size); }
void free_list_release(void* block, std::size_t) noexcept { ::operator delete(block); }

#else

namespace {

constexpr std::size_t kGrain = 32;
// A block takes a whole number of grains together with malloc's word in front of it.
constexpr std::size_t kMallocWord = sizeof(std::size_t);
constexpr std::size_t kClasses = (kFreeListMaxSize + kMallocWord - 1) / kGrain + 1;
constexpr std::uint32_t kMaxBlocksPerClass = 256;

constexpr std::size_t class_of(std::size_t size) { return (size + kMallocWord - 1) / kGrain; }

struct Block {
  Block* next;
};

struct List {
  Block* head;
  std::uint32_t count;
};

struct Lists {
  List list[kClasses];
  bool cleanup_registered;
  bool closed;  // the thread is ending: keep nothing more
};

// Trivial, so that reaching it costs no initialisation check.
constinit thread_local Lists lists{};

struct Cleanup {
  ~Cleanup() {
    lists.closed = true;
    for (auto& list : lists.list) {
      while (Block* block = list.head) {
        list.head = block->next;
        ::operator delete(block);
      }
      list.count = 0;
    }
  }
};

void register_cleanup() {
  static thread_local Cleanup cleanup;
  static_cast<void>(&cleanup);
  lists.cleanup_registered = true;
}

}  // namespace

void* free_list_allocate(std::size_t size) {
  if (size == 0 || size > kFreeListMaxSize) return ::operator new(size);
  const std::size_t index = class_of(size);
  List& list = lists.list[index];
  if (Block* block = list.head) {
    list.head = block->next;
    --list.count;
    return block;
  }
  return ::operator new((index + 1) * kGrain - kMallocWord);
}

void free_list_release(void* block, std::size_t size) noexcept {
  if (block == nullptr) return;
  if (size == 0 || size > kFreeListMaxSize || lists.closed) return ::operator delete(block);
  List& list = lists.list[class_of(size)];
  if (list.count >= kMaxBlocksPerClass) return ::operator delete(block);
  if (!lists.cleanup_registered) register_cleanup();
  auto* free_block = static_cast<Block*>(block);
  free_block->next = list.head;
  list.head = free_block;
  ++list.count;
}

#endif

}  // namespace ioa
