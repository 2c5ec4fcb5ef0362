#pragma once

#include <cstddef>
#include <cstdint>

#include "ioa/base/clock.hpp"

namespace ioa {

/// What the parts of the engine count in their Loop: plain additions, from its thread.
struct LoopCounters {
  std::uint64_t turns = 0;
  std::uint64_t ready_callbacks = 0;   ///< Of descriptors and signals.
  std::uint64_t signal_callbacks = 0;  ///< These among them.
  std::uint64_t posted_calls = 0;
  std::uint64_t deferred_calls = 0;
  std::uint64_t stream_bytes_read = 0;
  std::uint64_t stream_bytes_written = 0;
  std::uint64_t lookups = 0;
  std::uint64_t failed_lookups = 0;
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
  std::uint64_t lookups = 0;               ///< Begun, of names and of addresses.
  std::uint64_t failed_lookups = 0;

  // While Loop::set_measuring() was on: what turns took from waking up to the next wait.
  Duration busy_time{};
  Duration longest_turn{};

  // At present.
  std::size_t notifiers = 0;
  std::size_t descriptors = 0;  ///< That are watched.
  std::size_t signals = 0;      ///< That are watched.
  std::size_t timers = 0;       ///< That are armed.
};

}  // namespace ioa
