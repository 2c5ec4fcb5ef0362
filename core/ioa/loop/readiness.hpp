#pragma once

#include "ioa/future/future.hpp"

namespace ioa {

class Loop;

/// Ready once `fd` can be read (or has an error, or its end) without blocking: for those who bring
/// descriptors of their own and read them themselves. All who wait for one descriptor are told at
/// once, in the order in which they asked, so whoever comes second may find nothing (EAGAIN) and
/// waits again.
///
/// `fd` is borrowed, and stays open until the Future is ready or dropped. Dropping it ends the
/// watching. FAILS with the Error of the system if the descriptor cannot be watched (EBADF).
Future<> readable(Loop& loop, int fd);
/// The same for writing.
Future<> writable(Loop& loop, int fd);

}  // namespace ioa
