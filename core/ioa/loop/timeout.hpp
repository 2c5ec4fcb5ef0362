#pragma once

#include "ioa/base/clock.hpp"
#include "ioa/future/future.hpp"

namespace ioa {

class Loop;

/// Becomes ready `delay` after the current turn began; a delay that is not positive, in the next
/// turn. Dropping the Future disarms it.
Future<> sleep_for(Loop& loop, Duration delay);

}  // namespace ioa
