#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ioa {

/// Makes bytes out of nothing, up to a number of them: a source that is always ready.
class ByteGenerator {
 public:
  explicit ByteGenerator(std::uint64_t size) noexcept : left_(size) {}
  ByteGenerator(const ByteGenerator&) = delete;
  ByteGenerator& operator=(const ByteGenerator&) = delete;
  virtual ~ByteGenerator() = default;

  /// Writes the next bytes to `space` and returns how many: all that fit, or what is left; 0 at the
  /// end.
  std::size_t generate(std::span<char> space) noexcept;
  /// How many are still to come.
  std::uint64_t left() const noexcept { return left_; }

 private:
  virtual void fill(std::span<char> space) noexcept = 0;

  std::uint64_t left_;
};

/// Zero bytes.
class ZeroGenerator final : public ByteGenerator {
 public:
  using ByteGenerator::ByteGenerator;

 private:
  void fill(std::span<char> space) noexcept override;
};

/// Random bytes that nothing compresses and no two runs have in common: xoshiro256++ by Blackman
/// and Vigna, its state from getrandom(2). Faster than a network, and no source of keys.
class RandomGenerator final : public ByteGenerator {
 public:
  /// Throws Error if the system has no randomness.
  explicit RandomGenerator(std::uint64_t size);

 private:
  void fill(std::span<char> space) noexcept override;
  std::uint64_t next() noexcept;

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace ioa
