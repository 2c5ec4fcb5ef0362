#include "ioa/io/read_space.hpp"

#include <cstring>
#include <memory>
#include <utility>

namespace ioa {
namespace {

// The memory of this thread, while nobody uses it.
std::unique_ptr<char[]>& spare() {
  static thread_local std::unique_ptr<char[]> memory;
  return memory;
}

}  // namespace

// Not initialised: pages that are never written cost no memory.
ReadSpace::ReadSpace() : memory_(spare().release()) {
  if (memory_ == nullptr) memory_ = new char[kFront + kSize];
}

ReadSpace::~ReadSpace() { spare().reset(memory_); }

std::string_view ReadSpace::bytes(std::size_t size, std::string_view front) const noexcept {
  char* begin = memory_ + kFront - front.size();
  if (!front.empty()) std::memcpy(begin, front.data(), front.size());
  return {begin, front.size() + size};
}

}  // namespace ioa
