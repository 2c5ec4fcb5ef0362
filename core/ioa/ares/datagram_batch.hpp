#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace ioa::detail {

/// Datagrams of one connected socket, of which a system call moves many: sendmmsg(2), recvmmsg(2).
/// What c-ares sends one by one waits here until the turn's work is done, and what it receives one
/// by one has been here since the first of them. The descriptor is borrowed.
class DatagramBatch {
 public:
  using Bytes = std::span<const unsigned char>;

  explicit DatagramBatch(int fd);

  int fd() const noexcept { return fd_; }

  /// Puts a datagram in line; true if the line is long enough to be sent.
  bool add(std::span<const iovec> parts);
  /// Sends what is in line. False if the kernel takes no more at present.
  bool flush() noexcept;
  bool has_unsent() const noexcept { return first_ < ends_.size(); }

  /// Begins a round of reading, which takes what is there, but not for ever.
  void begin_reading() noexcept;
  /// The next datagram, or -1 and errno: EAGAIN at the end of the round, else what has failed in
  /// sending or receiving, once. Empty ones, which mean nothing, are left out. The bytes, which may
  /// be changed, are there until the next call.
  ssize_t receive(unsigned char** bytes) noexcept;
  /// errno of the failure that receive() has told last; 0 if there was none.
  int last_error() const noexcept { return last_error_; }
  /// True if receive() is to be called although nothing may have come.
  bool has_error() const noexcept { return error_ != 0; }

 private:
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kRoundsOfReading = 8;
  static constexpr std::size_t kMaxDatagram = 4097;  // c-ares' own buffer

  struct Received {
    std::array<unsigned char, kMaxDatagram> bytes;
  };

  bool receive_more() noexcept;

  int fd_;
  std::vector<unsigned char> out_;  // what is in line, one behind the other
  std::vector<std::size_t> ends_;   // of each
  std::size_t first_ = 0;           // that is not sent
  std::unique_ptr<std::array<Received, kBatch>> in_;
  std::array<mmsghdr, kBatch> headers_{};
  std::size_t received_ = 0;
  std::size_t next_ = 0;
  std::size_t rounds_left_ = 0;
  int error_ = 0;
  int last_error_ = 0;
};

}  // namespace ioa::detail
