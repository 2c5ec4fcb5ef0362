#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ioa/base/clock.hpp"

namespace ioa {

/// Look-ups of one kind.
struct LookupCount {
  std::uint64_t begun = 0;
  std::uint64_t failed = 0;

  LookupCount& operator+=(const LookupCount& other) noexcept {
    begun += other.begun;
    failed += other.failed;
    return *this;
  }
};

/// How many turns took how long, by upper bounds: bucket `i` has those that took no longer than
/// `kBounds[i]` and longer than the bound before; the last bucket has those longer than all bounds.
class TurnHistogram {
 public:
  static constexpr std::array<Duration, 10> kBounds{
      std::chrono::microseconds(1000),   std::chrono::microseconds(2500),
      std::chrono::microseconds(5000),   std::chrono::microseconds(10'000),
      std::chrono::microseconds(25'000), std::chrono::microseconds(50'000),
      std::chrono::milliseconds(100),    std::chrono::milliseconds(250),
      std::chrono::milliseconds(500),    std::chrono::milliseconds(1000)};
  using Buckets = std::array<std::uint64_t, kBounds.size() + 1>;

  void add(Duration took) noexcept {
    const auto* const bound = std::lower_bound(kBounds.begin(), kBounds.end(), took);
    ++buckets_[static_cast<std::size_t>(bound - kBounds.begin())];
  }
  const Buckets& buckets() const noexcept { return buckets_; }

 private:
  Buckets buckets_{};
};

/// What the parts of the engine count in their Loop: plain additions, from its thread.
struct LoopCounters {
  std::uint64_t turns = 0;
  std::uint64_t ready_callbacks = 0;   ///< Of descriptors and signals.
  std::uint64_t signal_callbacks = 0;  ///< These among them.
  std::uint64_t posted_calls = 0;
  std::uint64_t deferred_calls = 0;
  std::uint64_t stream_bytes_read = 0;
  std::uint64_t stream_bytes_written = 0;
  LookupCount address_lookups;
  LookupCount name_lookups;
  LookupCount record_lookups;
  std::uint64_t children = 0;
};

/// How busy a Loop is, and has been: Loop::metrics().
struct LoopMetrics {
  std::uint64_t turns = 0;

  // Callbacks since the Loop was made.
  std::uint64_t descriptor_callbacks = 0;
  std::uint64_t signal_callbacks = 0;
  std::uint64_t posted_calls = 0;
  std::uint64_t timer_callbacks = 0;
  std::uint64_t deferred_calls = 0;
  std::uint64_t reactions = 0;  ///< Of Futures, the steps of coroutines among them.

  std::uint64_t stream_bytes_read = 0;     ///< What Streams gave to their users (under TLS: plain).
  std::uint64_t stream_bytes_written = 0;  ///< What was taken from them.
  LookupCount address_lookups;             ///< Of the addresses of names.
  LookupCount name_lookups;                ///< Of the names of addresses.
  LookupCount record_lookups;              ///< Of other records of DNS.
  std::uint64_t children = 0;              ///< Child processes whose end it was to await.

  // While Loop::set_measuring() was on: what turns took from waking up to the next wait.
  Duration busy_time{};
  Duration longest_turn{};
  TurnHistogram turn_times;

  // At present.
  std::size_t notifiers = 0;
  std::size_t descriptors = 0;  ///< That are watched.
  std::size_t signals = 0;      ///< That are watched.
  std::size_t timers = 0;       ///< That are armed.
};

}  // namespace ioa
