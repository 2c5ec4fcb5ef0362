#include "ioa/io/scratch_buffer.hpp"

#include <cstdlib>
#include <memory>
#include <new>

namespace ioa {
namespace {

struct Free {
  void operator()(char* memory) const noexcept { std::free(memory); }
};

}  // namespace

std::span<char> scratch_buffer() {
  static thread_local std::unique_ptr<char, Free> memory;
  if (!memory) {
    memory.reset(static_cast<char*>(std::malloc(kScratchSize)));
    if (!memory) throw std::bad_alloc();
  }
  return {memory.get(), kScratchSize};
}

}  // namespace ioa
