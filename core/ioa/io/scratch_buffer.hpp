#pragma once

#include <cstddef>
#include <span>

namespace ioa {

/// The thread's buffer for bytes that are handed on within one call: one for all streams, since a
/// buffer each would cost an idle connection more than everything else. Made when first asked for;
/// pages that were never written cost no memory.
inline constexpr std::size_t kScratchSize = std::size_t{256} << 10;
std::span<char> scratch_buffer();

}  // namespace ioa
