#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ioa {

/// Memory to read into, for one event of one Stream: the thread's, so that no connection holds any.
/// A Stream that reads in a turn inside another's callback gets memory of its own, since the outer
/// one still looks at what it has read.
class ReadSpace {
 public:
  static constexpr std::size_t kSize = std::size_t{64} << 10;
  /// Room in front, for the end of an incomplete message: putting that before what follows it costs
  /// less than the other way round.
  static constexpr std::size_t kFront = std::size_t{4} << 10;

  ReadSpace();
  ReadSpace(const ReadSpace&) = delete;
  ReadSpace& operator=(const ReadSpace&) = delete;
  ~ReadSpace();

  /// To be read into.
  std::span<char> space() const noexcept { return {memory_ + kFront, kSize}; }
  /// The first `size` bytes of the space, with a copy of `front` (at most kFront bytes) before
  /// them.
  std::string_view bytes(std::size_t size, std::string_view front = {}) const noexcept;

 private:
  char* memory_;
};

}  // namespace ioa
