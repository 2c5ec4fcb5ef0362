#pragma once

#include <cstdint>

#include "ioa/base/clock.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {

/// Whether somebody answers on a connected UDP socket: sends what is most likely answered on
/// `port`, again after a quarter and a half of `limit`, and yields whether a datagram came. A limit
/// that is not positive is none. Fails with an Error of errno if an ICMP error came back, or
/// nothing could be sent.
Future<bool> ask_udp(Loop& loop, UniqueFd fd, std::uint16_t port, Duration limit);

}  // namespace ioa::cli
