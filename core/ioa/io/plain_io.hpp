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

/// As write_descriptor(), from the fronts of several buffers, of which it may take the first ones
/// only; there is at least a byte.
IoResult write_descriptor(int fd, std::span<const std::string_view> parts,
                          bool& is_socket) noexcept;

}  // namespace ioa::detail
