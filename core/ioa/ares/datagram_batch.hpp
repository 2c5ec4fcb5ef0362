#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace ioa::detail {

/// Datagrams of one connected socket, of which a system call moves many: sendmmsg(2), recvmmsg(2).
/// The descriptor is borrowed.
class DatagramBatch {
 public:
  using Bytes = std::span<const unsigned char>;

  explicit DatagramBatch(int fd);
  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  /// Puts a copy of a datagram in line; true if the line is long enough to be sent.
  bool add(Bytes datagram);
  /// Sends what is in line. False if the kernel takes no more at present.
  bool flush() noexcept;

  /// Takes what has come, as much as fits into one system call: whoever has handled that has room
  /// for more, and others have their turn.
  void receive() noexcept;
  /// The next datagram of those; empty behind the last one. Those that are empty themselves, which
  /// mean nothing, are left out. The bytes are there until more is received.
  Bytes next() noexcept;
  /// errno of what has failed in sending or receiving since this was asked last; 0 if nothing has.
  int take_error() noexcept { return std::exchange(error_, 0); }

 private:
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kMaxDatagram = 4096;  // more than any server is asked for

  struct Received {
    std::array<unsigned char, kMaxDatagram> bytes;
    std::array<unsigned char, 64> gap;  // they begin in different lines of the processor's cache
  };

  bool has_unsent() const noexcept { return first_ < ends_.size(); }

  int fd_;
  std::vector<unsigned char> out_;  // what is in line, one behind the other
  std::vector<std::size_t> ends_;   // of each
  std::size_t first_ = 0;           // that is not sent
  std::unique_ptr<std::array<Received, kBatch>> in_;
  std::array<iovec, kBatch> parts_{};
  std::array<mmsghdr, kBatch> headers_{};
  std::size_t received_ = 0;
  std::size_t next_ = 0;
  int error_ = 0;
};

}  // namespace ioa::detail
