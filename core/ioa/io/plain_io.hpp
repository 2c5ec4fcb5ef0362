#pragma once

#include <span>
#include <string_view>

#include "ioa/io/transport.hpp"

namespace ioa::detail {

/// Read and write a descriptor itself. Sockets are used with MSG_DONTWAIT and MSG_NOSIGNAL, so one
/// that was inherited need not be non-blocking. `is_socket` is true until a call finds that it is
/// none: that costs no call of its own for sockets.
IoResult read_descriptor(int fd, std::span<char> space, bool& is_socket) noexcept;
IoResult write_descriptor(int fd, std::string_view bytes, bool& is_socket) noexcept;

}  // namespace ioa::detail
