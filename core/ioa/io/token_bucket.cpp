#include "ioa/io/token_bucket.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace ioa {
namespace {

using std::chrono::milliseconds;

Duration time_of(double bytes, double rate) noexcept {
  // A century is enough for everybody, and does not overflow.
  constexpr double kLongest = 100.0 * 365 * 24 * 3600 * 1e9;
  return Duration(static_cast<Duration::rep>(std::min(std::ceil(bytes / rate), kLongest)));
}

}  // namespace

TokenBucket::TokenBucket(std::uint64_t rate, TimePoint now) noexcept
    : rate_(static_cast<double>(std::max<std::uint64_t>(rate, 1)) / 1e9) {
  const Duration one_byte = time_of(1, rate_);
  capacity_ = std::max<Duration>(milliseconds(50), one_byte);
  quantum_ = std::max<Duration>(milliseconds(10), one_byte);
  empty_at_ = now - quantum_;
}

std::uint64_t TokenBucket::available(TimePoint now) const noexcept {
  const Duration filled = std::min(now - empty_at_, capacity_);
  if (filled < quantum_) return 0;
  return std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(static_cast<double>(filled.count()) * rate_));
}

void TokenBucket::take(std::uint64_t bytes, TimePoint now) noexcept {
  empty_at_ = std::max(empty_at_, now - capacity_) + time_of(static_cast<double>(bytes), rate_);
}

TimePoint TokenBucket::next() const noexcept { return saturating_add(empty_at_, quantum_); }

}  // namespace ioa
