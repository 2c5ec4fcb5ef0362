#include "ioa/base/free_list.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace ioa {
namespace {

TEST(FreeListTest, BlocksHoldWhatWasAskedFor) {
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t size = 0; size <= kFreeListMaxSize + 64; size += 7) {
    void* block = free_list_allocate(size);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0U);
    std::memset(block, static_cast<int>(size), size);
    blocks.emplace_back(block, size);
  }
  for (const auto& [block, size] : blocks) {
    const auto* bytes = static_cast<const unsigned char*>(block);
    for (std::size_t i = 0; i < size; ++i)
      ASSERT_EQ(bytes[i], static_cast<unsigned char>(size)) << "blocks overlap";
    free_list_release(block, size);
  }
}

TEST(FreeListTest, ReleasingNothingIsAllowed) { free_list_release(nullptr, 8); }

TEST(FreeListTest, BlocksInUseNeverOverlap) {
  struct Used {
    unsigned char* bytes;
    std::size_t size;
    unsigned char mark;
  };
  std::mt19937 random(7);
  std::vector<Used> used;
  for (int i = 0; i < 20'000; ++i) {
    if (used.empty() || random() % 5 < 3) {
      const std::size_t size = 1 + random() % (kFreeListMaxSize + 100);
      auto* bytes = static_cast<unsigned char*>(free_list_allocate(size));
      const auto mark = static_cast<unsigned char>(i);
      std::memset(bytes, mark, size);
      used.push_back({bytes, size, mark});
    } else {
      std::swap(used[random() % used.size()], used.back());
      const Used block = used.back();
      used.pop_back();
      ASSERT_EQ(block.bytes[0], block.mark);
      ASSERT_EQ(block.bytes[block.size - 1], block.mark);
      free_list_release(block.bytes, block.size);
    }
  }
  for (const Used& block : used) free_list_release(block.bytes, block.size);
}

TEST(FreeListTest, ABlockMayBeReleasedByAnotherThread) {
  std::vector<void*> blocks;
  std::thread maker([&] {
    for (int i = 0; i < 1000; ++i) blocks.push_back(free_list_allocate(100));
  });
  maker.join();
  for (void* block : blocks) free_list_release(block, 100);
}

TEST(FreeListTest, AThreadMayReleaseBlocksWhileItEnds) {
  struct AtExit {
    ~AtExit() {
      free_list_release(block, 64);
      free_list_release(free_list_allocate(64), 64);
    }
    void* block = nullptr;
  };
  std::thread([] {
    // Made before the thread's lists are first used, so destroyed after them.
    static thread_local AtExit at_exit;
    at_exit.block = free_list_allocate(64);
    free_list_release(free_list_allocate(64), 64);
  }).join();
}

TEST(FreeListTest, DerivedObjectsLiveInTheLists) {
  struct Small : FreeListed {
    int number = 5;
  };
  const auto object = std::make_unique<Small>();
  EXPECT_EQ(object->number, 5);
}

TEST(FreeListTest, DerivedObjectsMayNeedAWiderAlignment) {
  struct alignas(128) Wide : FreeListed {
    char bytes[128];
  };
  std::vector<std::unique_ptr<Wide>> objects;
  for (int i = 0; i < 16; ++i) {
    objects.push_back(std::make_unique<Wide>());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(objects.back().get()) % 128, 0U);
  }
}

}  // namespace
}  // namespace ioa
