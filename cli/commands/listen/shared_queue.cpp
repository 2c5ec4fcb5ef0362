#include "cli/commands/listen/shared_queue.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "ioa/base/assert.hpp"

namespace ioa::cli {

/// The bytes follow it.
struct SharedBytes::Block {
  std::size_t users;
  std::size_t size;
  char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
};

SharedBytes::SharedBytes(std::string_view bytes) {
  void* const memory = ::operator new(sizeof(Block) + bytes.size());
  block_ = new (memory) Block{1, bytes.size()};
  if (!bytes.empty()) std::memcpy(block_->bytes(), bytes.data(), bytes.size());
}

SharedBytes::SharedBytes(const SharedBytes& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) ++block_->users;
}

void SharedBytes::release() noexcept {
  if (block_ != nullptr && --block_->users == 0) ::operator delete(block_);
}

std::string_view SharedBytes::view() const noexcept {
  return block_ == nullptr ? std::string_view() : std::string_view(block_->bytes(), block_->size);
}

void SharedQueue::push(const SharedBytes& bytes, std::size_t sent) {
  IOA_ASSERT(sent <= bytes.view().size() && (sent == 0 || is_empty()),
             "only the first piece of a queue may have been sent in part");
  if (sent == bytes.view().size()) return;
  pieces_.push_back(bytes);
  if (sent > 0) offset_ = sent;
  bytes_ += bytes.view().size() - sent;
}

std::span<iovec> SharedQueue::fill(std::span<iovec> space) const noexcept {
  const std::size_t count = std::min(space.size(), pieces_.size() - front_);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view bytes = pieces_[front_ + i].view().substr(i == 0 ? offset_ : 0);
    // sendmsg(2) does not write there.
    space[i] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  return space.first(count);
}

void SharedQueue::consume(std::size_t size) noexcept {
  bytes_ -= size;
  if (bytes_ == 0) return clear();
  offset_ += size;
  while (offset_ >= pieces_[front_].view().size()) {
    offset_ -= pieces_[front_].view().size();
    pieces_[front_++] = SharedBytes();
  }
  // Half of it empty: moving the rest costs no more than what was sent did.
  if (front_ < pieces_.size() / 2) return;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(front_));
  front_ = 0;
}

void SharedQueue::clear() noexcept {
  pieces_ = {};
  front_ = offset_ = bytes_ = 0;
}

}  // namespace ioa::cli
