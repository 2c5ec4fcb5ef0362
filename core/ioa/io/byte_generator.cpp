#include "ioa/io/byte_generator.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa {

std::size_t ByteGenerator::generate(std::span<char> space) noexcept {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(space.size(), left_));
  if (size > 0) fill(space.first(size));
  left_ -= size;
  return size;
}

void ZeroGenerator::fill(std::span<char> space) noexcept {
  std::memset(space.data(), 0, space.size());
}

RandomGenerator::RandomGenerator(std::uint64_t size) : ByteGenerator(size) {
  // Of so few bytes it gives all or none (getrandom(2)).
  const ssize_t got =
      retry_on_eintr([&] { return ::getrandom(state_.data(), sizeof state_, GRND_NONBLOCK); });
  if (got != static_cast<ssize_t>(sizeof state_)) throw Error::from_errno(errno, "getrandom");
  state_[0] |= 1;  // all of it zero would stay zero
}

void RandomGenerator::fill(std::span<char> space) noexcept {
  char* to = space.data();
  std::size_t left = space.size();
  for (; left >= sizeof(std::uint64_t); left -= sizeof(std::uint64_t)) {
    const std::uint64_t word = next();
    std::memcpy(to, &word, sizeof word);
    to += sizeof word;
  }
  if (left == 0) return;
  const std::uint64_t word = next();
  std::memcpy(to, &word, left);
}

std::uint64_t RandomGenerator::next() noexcept {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace ioa
