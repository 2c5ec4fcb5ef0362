#pragma once

#include <cstdint>

namespace ioa::detail {

/// How many datagrams the kernel has thrown away because nobody received them from `fd` in time;
/// 0 where it does not say. Not part of the interface.
std::uint64_t datagrams_dropped(int fd) noexcept;

}  // namespace ioa::detail
