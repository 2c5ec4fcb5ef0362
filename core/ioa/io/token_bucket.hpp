#pragma once

#include <cstdint>

#include "ioa/base/clock.hpp"

namespace ioa {

/// Holds a stream to a rate: a token a byte, so many a second. What is not used is kept for 50 ms,
/// so that a loop that is late makes up for it; at first there is what 10 ms bring, so that a short
/// message goes out at once.
///
/// What is taken beyond what there is counts as well: it is waited for later.
class TokenBucket {
 public:
  /// `rate` is in bytes a second, at least 1.
  TokenBucket(std::uint64_t rate, TimePoint now) noexcept;

  /// How many bytes may be moved at `now`: 0, or as many as are worth a system call.
  std::uint64_t available(TimePoint now) const noexcept;
  void take(std::uint64_t bytes, TimePoint now) noexcept;
  /// When available() is more than 0 again.
  TimePoint next() const noexcept;

 private:
  double rate_;         // bytes a nanosecond
  Duration capacity_;   // in the time that it takes to fill
  Duration quantum_;    // the same, of the smallest move
  TimePoint empty_at_;  // when it would have been empty: what is there grows from then on
};

}  // namespace ioa
