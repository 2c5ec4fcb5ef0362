#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "ioa/base/unique_fd.hpp"
#include "ioa/io/byte_generator.hpp"

namespace ioa {

/// What a descriptor is, as far as moving bytes is concerned.
enum class FdKind {
  regular_file,
  pipe,
  socket,
  terminal,
  discard,    ///< No descriptor at all: takes every byte, has none.
  generated,  ///< No descriptor either: a ByteGenerator.
  other,      ///< Character devices and whatever else.
};

/// The kind of an open descriptor; `other` if it cannot be told.
FdKind fd_kind(int fd) noexcept;

/// One side that bytes come from or go to, whatever it is made of. Calls on it never block longer
/// than a disk does, and O_NONBLOCK is never set on a description that other processes share:
/// inherited pipes and terminals are opened anew through /proc, inherited sockets are used with
/// MSG_DONTWAIT, and where neither is possible reads wait for readiness, and writes for poll(2) to
/// say that there is room: PIPE_BUF bytes are written then, or what a terminal has room for.
class ByteEnd {
 public:
  enum class Access { read, write };

  /// Takes a descriptor that is non-blocking and ours alone.
  static ByteEnd own(UniqueFd fd);
  /// As own(), for a descriptor that another ByteEnd (or the caller) keeps open.
  static ByteEnd borrow(int fd);
  /// A descriptor that this process was started with, or shares with another one. close() closes
  /// it.
  static ByteEnd inherited(int fd, Access access);
  /// Takes everything and forgets it; as a source it is at its end.
  static ByteEnd discard();
  /// A source of bytes that are made here. It takes none.
  static ByteEnd generated(std::unique_ptr<ByteGenerator> generator);
  /// As own() and borrow(), for what is known to be a socket.
  static ByteEnd own_socket(UniqueFd fd);
  static ByteEnd borrow_socket(int fd);
  /// As own_socket(), for one that has just been connected: it is read once it is readable, since
  /// nobody has had the time to say anything.
  static ByteEnd connected(UniqueFd fd);
  /// As own(), for a FIFO that has just been opened to read: its end counts only once somebody has
  /// opened it to write.
  static ByteEnd fifo_reader(UniqueFd fd);
  /// As own() and borrow(), for the controlling side of a pseudo-terminal: its end is that nobody
  /// has the terminal open any more, and end_writing() sends what the terminal's modes have for the
  /// end of a file.
  static ByteEnd terminal_controller(UniqueFd fd);
  static ByteEnd borrow_terminal_controller(int fd);

  ByteEnd(ByteEnd&&) noexcept = default;
  ByteEnd& operator=(ByteEnd&&) noexcept = default;

  FdKind kind() const noexcept { return kind_; }
  /// To be watched; -1 for discard, generated, and after close().
  int fd() const noexcept { return fd_; }
  bool is_open() const noexcept {
    return fd_ >= 0 || kind_ == FdKind::discard || kind_ == FdKind::generated;
  }
  /// True if it is to be read only once it is readable; see fifo_reader() and connected().
  bool awaits_writer() const noexcept { return awaits_writer_; }
  /// How much there is to come, of a regular file or a generator; nothing where nobody knows.
  std::optional<std::uint64_t> bytes_left() const noexcept;
  /// True if splice(2) and sendfile(2) on it cannot block.
  bool never_blocks() const noexcept { return never_blocks_; }

  /// As read(2) and write(2): -1 with errno; EAGAIN where they would block. SIGPIPE is not raised
  /// for sockets; for pipes the program ignores it.
  ssize_t read(std::span<char> space) noexcept;
  ssize_t write(std::string_view bytes) noexcept;

  /// True if a read would not block now (end of file and errors included).
  bool is_readable() const noexcept;
  bool is_writable() const noexcept;

  /// Says "no more bytes" to whoever reads at the other side: shuts a socket's write side down,
  /// sends a terminal its sign for the end, closes anything else. Returns 0 or an errno value.
  int end_writing() noexcept;
  /// Closes what is owned or inherited. Returns 0 or the errno value of close(2), which a network
  /// file system uses to report a failed write.
  int close() noexcept;

 private:
  ByteEnd() = default;
  ssize_t read_controller(std::span<char> space) noexcept;
  ssize_t write_controller(std::string_view bytes) noexcept;
  int end_terminal() noexcept;

  int fd_ = -1;
  FdKind kind_ = FdKind::discard;
  bool never_blocks_ = true;
  bool is_tty_ = false;  // a pty's master is one too
  bool awaits_writer_ = false;
  bool is_controller_ = false;
  bool is_within_line_ = false;  // what was written last was no end of a line
  std::unique_ptr<ByteGenerator> generator_;
  UniqueFd own_;        // what we opened or were given
  UniqueFd inherited_;  // closed by close(), but not used where own_ is
};

}  // namespace ioa
