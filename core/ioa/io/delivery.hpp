#pragma once

#include <cstdint>
#include <optional>

namespace ioa {

/// Bytes that our kernel took for a TCP peer and that the peer's has not acknowledged (tcp(7),
/// SIOCOUTQ). `has_sent_end`: writing has been shut down, which counts there as one byte more. 0
/// for what is no TCP connection: there the peer has what was written.
std::uint64_t unacknowledged_bytes(int fd, bool has_sent_end) noexcept;

/// Those of them that have not even been sent, as the peer's window is full, or the network's
/// (tcp(7), SIOCOUTQNSD).
std::uint64_t unsent_bytes(int fd, bool has_sent_end) noexcept;

/// Why what is not acknowledged will never be, as an errno value; nothing while it may.
std::optional<int> lost_connection(int fd) noexcept;

}  // namespace ioa
