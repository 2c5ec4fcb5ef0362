#include "ioa/io/byte_end.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "ioa/base/syscall.hpp"

namespace ioa {
namespace {

bool poll_now(int fd, short events) noexcept {
  pollfd entry{fd, events, 0};
  return retry_on_eintr([&] { return ::poll(&entry, 1, 0); }) > 0;
}

/// Whether the descriptor itself allows what /proc would allow whoever owns the file.
bool allows(int fd, ByteEnd::Access access) noexcept {
  const int mode = ::fcntl(fd, F_GETFL) & O_ACCMODE;
  return mode == O_RDWR || mode == (access == ByteEnd::Access::read ? O_RDONLY : O_WRONLY);
}

/// A description of our own of an inherited pipe or terminal, non-blocking; nothing if the system
/// does not allow it (another user's pipe, no /proc, a FIFO whose reader has left).
UniqueFd reopen(int fd, ByteEnd::Access access) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int direction = access == ByteEnd::Access::read ? O_RDONLY : O_WRONLY;
  return UniqueFd(::open(path, direction | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

/// /dev/null, zero, full and urandom (the kernel's devices.txt): they never make anybody wait.
bool is_memory_device(int fd) noexcept {
  constexpr unsigned kMemoryDevices = 1;
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode)) return false;
  if (major(status.st_rdev) != kMemoryDevices) return false;
  const unsigned number = minor(status.st_rdev);
  return number == 3 || number == 5 || number == 7 || number == 9;
}

/// As much of `bytes` as a terminal takes without waiting once poll(2) says that there is room: its
/// driver promises no more than one buffer of 256 bytes, and with output processing it asks for
/// room anew at each control character.
std::string_view terminal_chunk(std::string_view bytes) noexcept {
  constexpr std::size_t kMost = 128;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  bytes = bytes.substr(0, kMost);
  const auto end = std::find_if(bytes.begin(), bytes.end(), is_control);
  return bytes.substr(0, std::max<std::size_t>(1, static_cast<std::size_t>(end - bytes.begin())));
}

int close_checked(UniqueFd& fd) noexcept {
  const int number = fd.release();
  return number >= 0 && ::close(number) != 0 && errno != EINTR ? errno : 0;
}

}  // namespace

FdKind fd_kind(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return FdKind::other;
  if (S_ISREG(status.st_mode)) return FdKind::regular_file;
  if (S_ISFIFO(status.st_mode)) return FdKind::pipe;
  if (S_ISSOCK(status.st_mode)) return FdKind::socket;
  // A pty's master is a terminal to isatty(3), but opening it anew makes another pty (ptmx(4)).
  unsigned number = 0;
  if (S_ISCHR(status.st_mode) && ::isatty(fd) == 1 && ::ioctl(fd, TIOCGPTN, &number) != 0)
    return FdKind::terminal;
  return FdKind::other;
}

ByteEnd ByteEnd::own(UniqueFd fd) {
  ByteEnd end = borrow(fd.get());
  end.own_ = std::move(fd);
  return end;
}

ByteEnd ByteEnd::borrow(int fd) {
  ByteEnd end;
  end.fd_ = fd;
  end.kind_ = fd_kind(fd);
  return end;
}

ByteEnd ByteEnd::own_socket(UniqueFd fd) {
  ByteEnd end = borrow_socket(fd.get());
  end.own_ = std::move(fd);
  return end;
}

ByteEnd ByteEnd::borrow_socket(int fd) {
  ByteEnd end;
  end.fd_ = fd;
  end.kind_ = FdKind::socket;
  return end;
}

ByteEnd ByteEnd::connected(UniqueFd fd) {
  ByteEnd end = own_socket(std::move(fd));
  end.awaits_writer_ = true;
  return end;
}

ByteEnd ByteEnd::inherited(int fd, Access access) {
  ByteEnd end = borrow(fd);
  end.inherited_ = UniqueFd(fd);
  end.never_blocks_ = end.kind_ == FdKind::regular_file || is_memory_device(fd);
  end.is_tty_ = ::isatty(fd) == 1;
  if (!allows(fd, access)) {
    // Says EBADF at once. The other end of such a pipe is somebody else's, and not to be opened.
    end.never_blocks_ = true;
    return end;
  }
  if (end.kind_ != FdKind::pipe && end.kind_ != FdKind::terminal) return end;
  end.own_ = reopen(fd, access);
  if (!end.own_) return end;
  end.fd_ = end.own_.get();
  end.never_blocks_ = true;
  return end;
}

ByteEnd ByteEnd::discard() { return {}; }

ByteEnd ByteEnd::generated(std::unique_ptr<ByteGenerator> generator) {
  ByteEnd end;
  end.kind_ = FdKind::generated;
  end.generator_ = std::move(generator);
  return end;
}

ByteEnd ByteEnd::fifo_reader(UniqueFd fd) {
  ByteEnd end = own(std::move(fd));
  end.awaits_writer_ = true;
  return end;
}

ByteEnd ByteEnd::terminal_controller(UniqueFd fd) {
  ByteEnd end = borrow_terminal_controller(fd.get());
  end.own_ = std::move(fd);
  return end;
}

ByteEnd ByteEnd::borrow_terminal_controller(int fd) {
  ByteEnd end;
  end.fd_ = fd;
  end.kind_ = FdKind::terminal;
  end.is_controller_ = true;
  return end;
}

std::optional<std::uint64_t> ByteEnd::bytes_left() const noexcept {
  if (kind_ == FdKind::generated) return generator_->left();
  struct stat status {};
  if (kind_ != FdKind::regular_file || ::fstat(fd_, &status) != 0) return std::nullopt;
  const off_t at = std::max<off_t>(0, ::lseek(fd_, 0, SEEK_CUR));
  return static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size - at));
}

ssize_t ByteEnd::read_controller(std::span<char> space) noexcept {
  const ssize_t size = retry_on_eintr([&] { return ::read(fd_, space.data(), space.size()); });
  return size < 0 && errno == EIO ? 0 : size;  // nobody has the terminal open (pty(7))
}

ssize_t ByteEnd::write_controller(std::string_view bytes) noexcept {
  const ssize_t size = retry_on_eintr([&] { return ::write(fd_, bytes.data(), bytes.size()); });
  if (size > 0) is_within_line_ = bytes[static_cast<std::size_t>(size) - 1] != '\n';
  return size;
}

/// Within a line the first sign sends what there is of it, and only the second is the end
/// (termios(3), VEOF). A terminal that reads no lines has none.
int ByteEnd::end_terminal() noexcept {
  termios modes{};
  if (::tcgetattr(fd_, &modes) != 0) return errno;
  if ((modes.c_lflag & ICANON) == 0) return 0;
  const char sign = static_cast<char>(modes.c_cc[VEOF]);
  const char signs[] = {sign, sign};
  return write_controller({signs, is_within_line_ ? 2U : 1U}) < 0 ? errno : 0;
}

ssize_t ByteEnd::read(std::span<char> space) noexcept {
  if (is_controller_) return read_controller(space);
  switch (kind_) {
    case FdKind::generated:
      return static_cast<ssize_t>(generator_->generate(space));
    case FdKind::discard:
      return 0;
    case FdKind::socket:
      return retry_on_eintr([&] { return ::recv(fd_, space.data(), space.size(), MSG_DONTWAIT); });
    default:
      if (!never_blocks_ && !is_readable()) {
        errno = EAGAIN;
        return -1;
      }
      return retry_on_eintr([&] { return ::read(fd_, space.data(), space.size()); });
  }
}

ssize_t ByteEnd::write(std::string_view bytes) noexcept {
  if (is_controller_) return write_controller(bytes);
  switch (kind_) {
    case FdKind::discard:
      return static_cast<ssize_t>(bytes.size());
    case FdKind::socket:
      return retry_on_eintr(
          [&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    default:
      if (!never_blocks_) {
        if (!is_writable()) {
          errno = EAGAIN;
          return -1;
        }
        // Room for PIPE_BUF bytes is what poll(2) means for a pipe (pipe(7)).
        bytes = is_tty_ ? terminal_chunk(bytes) : bytes.substr(0, PIPE_BUF);
      }
      return retry_on_eintr([&] { return ::write(fd_, bytes.data(), bytes.size()); });
  }
}

bool ByteEnd::is_readable() const noexcept { return fd_ < 0 || poll_now(fd_, POLLIN); }
bool ByteEnd::is_writable() const noexcept { return fd_ < 0 || poll_now(fd_, POLLOUT); }

int ByteEnd::end_writing() noexcept {
  if (is_controller_ && fd_ >= 0) return end_terminal();
  if (kind_ != FdKind::socket) return close();
  return ::shutdown(fd_, SHUT_WR) == 0 ? 0 : errno;
}

int ByteEnd::close() noexcept {
  fd_ = -1;
  const int own_result = close_checked(own_);
  const int inherited_result = close_checked(inherited_);
  return own_result != 0 ? own_result : inherited_result;
}

}  // namespace ioa
