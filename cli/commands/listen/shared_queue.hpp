#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace ioa::cli {

/// Bytes that any number of queues hold together: what one source says to a thousand peers lies in
/// memory once. They do not change, and go with the last who holds them. For one thread.
class SharedBytes {
 public:
  SharedBytes() = default;
  /// A copy of these.
  explicit SharedBytes(std::string_view bytes);
  SharedBytes(const SharedBytes& other) noexcept;
  SharedBytes(SharedBytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedBytes& operator=(SharedBytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedBytes() { release(); }

  std::string_view view() const noexcept;

 private:
  struct Block;
  void release() noexcept;

  Block* block_ = nullptr;
};

/// What waits to be sent to one peer, in its order.
class SharedQueue {
 public:
  /// What a piece takes besides its bytes: so that many small ones are not free.
  static constexpr std::size_t kCostOfPiece = 64;

  /// Adds these but the first `sent` of them.
  void push(const SharedBytes& bytes, std::size_t sent = 0);
  bool is_empty() const noexcept { return bytes_ == 0; }
  /// How many bytes wait.
  std::size_t bytes() const noexcept { return bytes_; }
  /// The memory that it stands for: the bytes, and kCostOfPiece a piece.
  std::size_t cost() const noexcept { return bytes_ + (pieces_.size() - front_) * kCostOfPiece; }
  /// The first pieces, for sendmsg(2), as many as there is space for; views that hold until the
  /// queue changes.
  std::span<iovec> fill(std::span<iovec> space) const noexcept;
  /// So many bytes have been sent.
  void consume(std::size_t size) noexcept;
  /// Drops all.
  void clear() noexcept;

 private:
  std::vector<SharedBytes> pieces_;
  std::size_t front_ = 0;   // of the pieces; those before it are empty
  std::size_t offset_ = 0;  // in the first piece
  std::size_t bytes_ = 0;
};

}  // namespace ioa::cli
