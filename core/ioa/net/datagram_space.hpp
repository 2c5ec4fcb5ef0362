#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "ioa/net/datagram.hpp"

namespace ioa::detail {

/// Memory to receive a batch of datagrams into: the thread's, so that no Socket holds any; not part
/// of the interface. A Socket that receives in a turn inside another's callback gets memory of its
/// own.
class DatagramSpace {
 public:
  static constexpr std::size_t kMaxBatch = 32;
  /// For all datagrams of a batch. Pages that are never written cost no memory.
  static constexpr std::size_t kBytes = std::size_t{2} << 20;

  DatagramSpace();
  DatagramSpace(const DatagramSpace&) = delete;
  DatagramSpace& operator=(const DatagramSpace&) = delete;
  ~DatagramSpace();

  /// Headers for at most `count` datagrams of at most `size` bytes each, ready for recvmmsg(2).
  /// With control messages only if `wants_control`: what nobody looks at, as descriptors that a
  /// peer passes, the kernel then throws away.
  std::span<mmsghdr> prepare(std::size_t count, std::size_t size, bool wants_control);
  /// The datagram that the header at `index` was filled with; `local_port` is for its `to`.
  Datagram at(std::size_t index, std::uint16_t local_port) const;

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
  static std::unique_ptr<Memory>& spare();
};

}  // namespace ioa::detail
