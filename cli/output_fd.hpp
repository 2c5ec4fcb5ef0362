#pragma once

#include <string_view>

namespace ioa::cli {

/// Writes all of `bytes` to a descriptor that may be non-blocking, waiting where it must. Returns 0
/// or the errno value. For results and talk, which are small; payload goes through a Pump.
int write_fully(int fd, std::string_view bytes) noexcept;

}  // namespace ioa::cli
