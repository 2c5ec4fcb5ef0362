#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ioa {

/// A flat queue of bytes: append at the back, consume from the front without moving what stays.
///
/// Views into it hold until the next non-const call. The memory is given back when the buffer
/// becomes empty, so that an idle connection holds none.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  /// A buffer of bytes that lie somewhere else, and stay there for as long as this holds them: they
  /// are copied only when something is appended or the buffer is moved from.
  static ByteBuffer borrow(std::string_view bytes) noexcept { return ByteBuffer(bytes); }

  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    ByteBuffer taken(static_cast<ByteBuffer&&>(other));
    swap(taken);
    return *this;
  }
  ~ByteBuffer() { clear(); }

  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }
  const char* data() const noexcept { return memory_ + offset_; }
  std::string_view view() const noexcept { return {data(), size_}; }
  std::size_t capacity() const noexcept { return capacity_; }

  void append(std::string_view bytes);

  /// Space for at least `size` bytes behind the data, to be filled and then committed.
  std::span<char> prepare(std::size_t size);
  /// Adds the first `size` bytes of the prepared space to the data.
  void commit(std::size_t size);

  /// Drops `size` bytes from the front; at most size().
  void consume(std::size_t size);
  /// Drops all bytes and the memory.
  void clear() noexcept;

  /// How many bytes at the front are known to hold no LF: for whoever looks for lines, so that a
  /// line which comes in pieces is searched once. It goes where the bytes go.
  std::size_t searched_for_lf() const noexcept { return searched_for_lf_; }
  void set_searched_for_lf(std::size_t size) noexcept { searched_for_lf_ = size; }

  void swap(ByteBuffer& other) noexcept;

 private:
  explicit ByteBuffer(std::string_view borrowed) noexcept;
  bool is_borrowed() const noexcept { return capacity_ == 0 && size_ > 0; }
  void reallocate(std::size_t capacity);
  /// Makes borrowed bytes its own.
  void own() noexcept;

  char* memory_ = nullptr;
  std::size_t capacity_ = 0;  // of the memory that is its own
  std::size_t offset_ = 0;
  std::size_t size_ = 0;
  std::size_t searched_for_lf_ = 0;
};

}  // namespace ioa
