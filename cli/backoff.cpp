#include "cli/backoff.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace ioa::cli {
namespace {

double random_fraction() {
  static thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0.0, 1.0)(random);
}

}  // namespace

std::optional<Duration> Backoff::next(TimePoint now) {
  if (!policy_.is_set()) return std::nullopt;
  if (policy_.retries && tries_ >= *policy_.retries) return std::nullopt;
  const std::optional<Duration> left = time_left(now);
  if (left && *left <= Duration::zero()) return std::nullopt;
  const Duration longest = policy_.max_delay;
  // Not doubled beyond the longest one, which may be as long as durations are.
  const Duration doubled = planned_ > longest / 2 ? longest : planned_ * 2;
  Duration delay = std::min(jittered(std::exchange(planned_, doubled)), longest);
  if (left) delay = std::min(delay, *left);
  ++tries_;
  return delay;
}

std::optional<Duration> Backoff::time_left(TimePoint now) const {
  if (!policy_.wait || *policy_.wait == Duration::zero()) return std::nullopt;
  return *policy_.wait - (now - started_);
}

Duration Backoff::jittered(Duration delay) {
  const double fraction = random_ ? random_() : random_fraction();
  const double factor = 0.75 + 0.5 * fraction;
  const double result = static_cast<double>(delay.count()) * factor;
  // A double has fewer digits than a count of nanoseconds, and may round beyond the largest one.
  if (result >= static_cast<double>(Duration::max().count())) return Duration::max();
  return Duration(static_cast<Duration::rep>(result));
}

}  // namespace ioa::cli
