#include "ioa/base/byte_buffer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "ioa/base/assert.hpp"

namespace ioa {

// Borrowed memory is never written to: with a capacity of 0, all that would write reallocates.
ByteBuffer::ByteBuffer(std::string_view borrowed) noexcept
    : memory_(const_cast<char*>(borrowed.data())), size_(borrowed.size()) {
  if (size_ == 0) memory_ = nullptr;
}

void ByteBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

std::span<char> ByteBuffer::prepare(std::size_t size) {
  if (is_borrowed()) reallocate(size_ + size);
  const std::size_t behind = capacity_ - offset_ - size_;
  if (behind < size && offset_ + behind >= size && offset_ >= size_) {
    // Moving back costs less than what was consumed: amortised constant a byte.
    std::memmove(memory_, memory_ + offset_, size_);
    offset_ = 0;
  } else if (behind < size) {
    reallocate(std::max({size_ + size, size_ * 2, std::size_t{256}}));
  }
  return {memory_ + offset_ + size_, capacity_ - offset_ - size_};
}

void ByteBuffer::reallocate(std::size_t capacity) {
  auto* memory = static_cast<char*>(std::malloc(capacity));
  if (memory == nullptr) throw std::bad_alloc();
  if (size_ > 0) std::memcpy(memory, data(), size_);
  if (capacity_ > 0) std::free(memory_);
  memory_ = memory;
  capacity_ = capacity;
  offset_ = 0;
}

void ByteBuffer::own() noexcept {
  if (is_borrowed()) reallocate(size_);
}

void ByteBuffer::commit(std::size_t size) {
  IOA_ASSERT(size <= capacity_ - offset_ - size_, "more bytes committed than were prepared");
  size_ += size;
}

void ByteBuffer::consume(std::size_t size) {
  IOA_ASSERT(size <= size_, "more bytes consumed than there are");
  offset_ += size;
  size_ -= size;
  searched_for_lf_ -= std::min(size, searched_for_lf_);
  if (size_ == 0) clear();
}

void ByteBuffer::clear() noexcept {
  if (capacity_ > 0) std::free(memory_);
  memory_ = nullptr;
  capacity_ = offset_ = size_ = searched_for_lf_ = 0;
}

void ByteBuffer::swap(ByteBuffer& other) noexcept {
  own();
  other.own();
  std::swap(memory_, other.memory_);
  std::swap(capacity_, other.capacity_);
  std::swap(offset_, other.offset_);
  std::swap(size_, other.size_);
  std::swap(searched_for_lf_, other.searched_for_lf_);
}

}  // namespace ioa
