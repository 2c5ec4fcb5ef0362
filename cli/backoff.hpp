#pragma once

#include <cstdint>
#include <optional>

#include "cli/commands/connect_options.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/unique_function.hpp"

namespace ioa::cli {

/// The delays between tries: doubling, with a quarter of jitter either way, so that many programs
/// that wait for the same server do not come back at the same moment.
///
///     Backoff backoff(options.retry, loop.now());
///     while (!try_it()) {
///       const auto delay = backoff.next(Clock::now());
///       if (!delay) break;
///       co_await sleep_for(loop, *delay);
///     }
class Backoff {
 public:
  /// `policy` must outlive it; its `wait` counts from `started`. `random` gives a number from 0 to
  /// 1, for tests.
  Backoff(const RetryPolicy& policy, TimePoint started, UniqueFunction<double()> random = {})
      : policy_(policy), started_(started), planned_(policy.delay), random_(std::move(random)) {}

  /// The delay before the next try, which never reaches over the end of the policy's `wait`;
  /// nothing if there is to be none.
  std::optional<Duration> next(TimePoint now);
  /// Until the policy's `wait` is over, negative afterwards; nothing if it has no end.
  std::optional<Duration> time_left(TimePoint now) const;
  /// How many delays there were.
  std::uint32_t tries() const noexcept { return tries_; }
  /// The next delay is the first one again.
  void reset() noexcept { planned_ = policy_.delay; }

 private:
  Duration jittered(Duration delay);

  const RetryPolicy& policy_;
  TimePoint started_;
  Duration planned_;
  UniqueFunction<double()> random_;
  std::uint32_t tries_ = 0;
};

}  // namespace ioa::cli
