#pragma once

#include <cerrno>

namespace ioa {

/// Calls `call` again for as long as a signal interrupts it (EINTR); returns its last result, with
/// errno as the call left it. close(2) is never retried: Linux has closed the descriptor by then.
template <class Call>
auto retry_on_eintr(Call&& call) {
  for (;;) {
    auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// True for the two errno values that mean "not now" on a non-blocking descriptor.
inline bool would_block(int errno_value) {
  return errno_value == EAGAIN || errno_value == EWOULDBLOCK;
}

}  // namespace ioa
