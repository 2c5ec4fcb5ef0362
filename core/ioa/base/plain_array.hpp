#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

namespace ioa {

/// An array of plain values that grows at its end: a std::vector that grows by realloc(3). The
/// kernel moves a large block as pages, so growing neither copies it nor touches new memory, which
/// for millions of elements costs more than filling them in. Elements have their full alignment.
template <class T>
class PlainArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  PlainArray() = default;
  PlainArray(const PlainArray&) = delete;
  PlainArray& operator=(const PlainArray&) = delete;
  ~PlainArray() { std::free(block_); }

  std::size_t size() const noexcept { return size_; }
  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  T& operator[](std::size_t index) noexcept { return data_[index]; }
  const T& operator[](std::size_t index) const noexcept { return data_[index]; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }

  /// Throws std::bad_alloc; then nothing has changed.
  void push_back(const T& value) {
    if (size_ == capacity_) grow();
    data_[size_++] = value;
  }

 private:
  struct Element {
    T value;
  };
  static constexpr std::size_t kSlack = alignof(T) > alignof(std::max_align_t)
                                            ? alignof(T) - alignof(std::max_align_t)
                                            : 0;

  static std::size_t slack_of(const void* block) noexcept {
    const auto misfit = reinterpret_cast<std::uintptr_t>(block) % alignof(T);
    return misfit == 0 ? 0 : alignof(T) - misfit;
  }

  void grow() {
    const std::size_t capacity = std::max<std::size_t>(2 * capacity_, 8);
    const std::size_t before = slack_of(block_);
    void* block = std::realloc(block_, capacity * sizeof(Element) + kSlack);
    if (block == nullptr) throw std::bad_alloc();
    char* bytes = static_cast<char*>(block);
    // Small blocks may come to lie otherwise than before.
    if (const std::size_t now = slack_of(block); now != before && size_ > 0)
      std::memmove(bytes + now, bytes + before, size_ * sizeof(Element));
    block_ = block;
    data_ = reinterpret_cast<T*>(bytes + slack_of(block));
    capacity_ = capacity;
  }

  void* block_ = nullptr;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace ioa
