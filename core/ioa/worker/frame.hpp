#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ioa/base/bytes.hpp"

/// How messages lie on the socket between this process and a worker; not part of the interface.
namespace ioa::detail {

/// A message as it was found at the front of the bytes received: a view into them.
struct Frame {
  std::uint8_t kind = 0;     ///< What the two sides have agreed on.
  std::uint64_t number = 0;  ///< Likewise.
  std::string_view payload;

  /// How many bytes it takes, header included.
  std::size_t size() const noexcept;
};

/// A magic byte, a version, the kind, a zero; the payload's length (4 bytes) and the number (8),
/// both with the least significant byte first.
inline constexpr std::size_t kFrameHeaderSize = 16;
inline constexpr std::uint8_t kFrameVersion = 1;

/// How long a message may be where nothing else is said, and at all.
inline constexpr std::size_t kMaxMessage = std::size_t{16} << 20;
inline constexpr std::size_t kLongestMessage = UINT32_MAX;

/// Appends a frame. Throws Error (EMSGSIZE) if the payload is longer than `limit`.
void append_frame(Bytes& out, std::uint8_t kind, std::uint64_t number, std::string_view payload,
                  std::size_t limit);

/// The frame at the front of `bytes`; nullopt while it is not complete. Throws Error of operation
/// "receive": EPROTO if this is no frame of this version, EMSGSIZE if its payload is longer than
/// `limit`, whatever else is there. Nothing is allocated for what a header claims.
std::optional<Frame> parse_frame(std::string_view bytes, std::size_t limit);

/// The bytes at the end of the stream that are no whole frame: throws Error (EPROTO), unless there
/// are none.
void check_end_of_frames(std::string_view left);

}  // namespace ioa::detail
