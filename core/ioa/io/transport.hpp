#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>

#include "ioa/loop/backend.hpp"

namespace ioa {

/// What one attempt to read or write came to.
struct IoResult {
  enum class Status : std::uint8_t {
    done,     ///< `size` bytes were moved.
    end,      ///< Reading: there will be no more bytes.
    blocked,  ///< Not now: try again when the descriptor is ready for `waits_for`.
    failed,   ///< For good, with `error`.
  };

  Status status = Status::done;
  IoEvent waits_for = IoEvent::read;
  std::size_t size = 0;
  std::error_code error;

  static IoResult done(std::size_t size) noexcept { return {Status::done, {}, size, {}}; }
  static IoResult end() noexcept { return {Status::end, {}, 0, {}}; }
  static IoResult blocked(IoEvent waits_for) noexcept {
    return {Status::blocked, waits_for, 0, {}};
  }
  static IoResult failed(std::error_code error) noexcept { return {Status::failed, {}, 0, error}; }
};

/// What a Stream reads and writes through where its bytes are not simply those of the descriptor:
/// TLS above all. A Stream without one uses the descriptor itself.
///
/// Reading may have to wait until the descriptor can be written, and the other way round: each
/// direction says what it waits for (IoResult::blocked), so four combinations are possible.
///
/// OWNERSHIP: a Stream owns its Transport; the descriptor that a call gets is the Stream's. No call
/// blocks, throws, or calls the Stream.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Reads what there is, at most as much as `space` holds.
  virtual IoResult read(int fd, std::span<char> space) = 0;
  /// Writes from the front of `bytes`, which are not empty. After `blocked` it is called with the
  /// same bytes, and perhaps more behind them, at another address.
  virtual IoResult write(int fd, std::string_view bytes) = 0;
  /// Tells the peer that no more bytes will come; `done` once that is said.
  virtual IoResult shutdown(int fd) = 0;

  /// The Stream has closed its descriptors of these sides.
  virtual void closed(IoEvents) noexcept {}

  /// True if bytes have been taken from the descriptor and not yet been read: readiness would not
  /// tell.
  virtual bool has_unread() const noexcept { return false; }
};

}  // namespace ioa
