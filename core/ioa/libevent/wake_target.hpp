#pragma once

#include <cstdint>

namespace ioa::detail {

/// What has come other than a descriptor's readiness: something that a turn looks at, or only a
/// deadline of the alarm, which may be one that nobody has any more.
enum class Wake : std::uint8_t { event, alarm };

/// Told, inside event_base_loop(), that there is a reason for a turn.
class WakeTarget {
 public:
  virtual void woken(Wake reason) noexcept = 0;

 protected:
  ~WakeTarget() = default;
};

}  // namespace ioa::detail
