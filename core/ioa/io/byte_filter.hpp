#pragma once

#include <string_view>

namespace ioa {

/// Something that sees the bytes of one direction, and may change them: it translates line ends,
/// hashes, writes down. A Flow that has one copies, since the kernel shows nobody what it moves.
///
/// None of its functions may throw, or stop or destroy the flow.
class ByteFilter {
 public:
  virtual ~ByteFilter() = default;

  /// Called with each piece that was read; returns what is to be delivered in its place: `bytes`
  /// itself, or memory of its own that stays as it is until the next call.
  virtual std::string_view transform(std::string_view bytes) { return bytes; }
  /// Called with each piece that the sink has taken.
  virtual void delivered(std::string_view bytes) { static_cast<void>(bytes); }
};

}  // namespace ioa
