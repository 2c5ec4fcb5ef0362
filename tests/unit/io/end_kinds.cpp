#include "tests/unit/io/end_kinds.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "ioa/base/error.hpp"
#include "tests/support/socket_pair.hpp"

namespace ioa::test {
namespace {

int checked(int result, const char* operation) {
  if (result < 0) throw Error::from_errno(errno, operation);
  return result;
}

int open_file(const std::string& path, int flags) {
  return checked(::open(path.c_str(), flags | O_CLOEXEC, 0644), "open");
}

void set_non_blocking(int fd, bool on) {
  checked(::fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0), "fcntl");
}

struct Pty {
  UniqueFd master;
  UniqueFd slave;
};

Pty make_pty() {
  int master = -1;
  int slave = -1;
  checked(::openpty(&master, &slave, nullptr, nullptr, nullptr), "openpty");
  Pty pty{UniqueFd(master), UniqueFd(slave)};
  ::fcntl(master, F_SETFD, FD_CLOEXEC);
  ::fcntl(slave, F_SETFD, FD_CLOEXEC);
  termios mode{};
  checked(::tcgetattr(slave, &mode), "tcgetattr");
  ::cfmakeraw(&mode);
  checked(::tcsetattr(slave, TCSANOW, &mode), "tcsetattr");
  return pty;
}

/// Blocking ends of a FIFO that nobody but root can open again.
SocketPair sealed_pipe(const TempDir& dir) {
  const std::string path = dir / "fifo";
  checked(::mkfifo(path.c_str(), 0600), "mkfifo");
  UniqueFd reader(open_file(path, O_RDONLY | O_NONBLOCK));
  UniqueFd writer(open_file(path, O_WRONLY));
  checked(::chmod(path.c_str(), 0), "chmod");
  set_non_blocking(reader.get(), false);
  return {std::move(reader), std::move(writer)};
}

SocketPair blocking(SocketPair pair) {
  set_non_blocking(pair.first.get(), false);
  set_non_blocking(pair.second.get(), false);
  return pair;
}

/// An inherited end, with the privileges of the kind.
ByteEnd inherit(int fd, EndKind kind, ByteEnd::Access access) {
  std::optional<OtherUser> other;
  if (kind == EndKind::sealed_pipe) other.emplace();
  return ByteEnd::inherited(fd, access);
}

}  // namespace

std::string_view name_of(EndKind kind) {
  constexpr std::array<std::string_view, 13> kNames{
      "file", "append_file",   "pipe",     "sealed_pipe",     "socket_pair",
      "tcp",  "inherited_tcp", "terminal", "terminal_master", "zero",
      "null", "full",          "discard"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string bulk_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 88172645463325252;
  for (char& byte : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  return bytes;
}

SharedDescription::SharedDescription(int fd) : copy_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)) {}

bool SharedDescription::is_non_blocking() const {
  return (::fcntl(copy_.get(), F_GETFL) & O_NONBLOCK) != 0;
}

OtherUser::OtherUser() : before_(::setfsuid(65534)) {}
OtherUser::~OtherUser() { ::setfsuid(static_cast<uid_t>(before_)); }

TestSource::TestSource(EndKind kind, std::string bytes) : bytes_(std::move(bytes)), kind_(kind) {
  SocketPair pair;
  switch (kind) {
    case EndKind::file: {
      take_inherited(open_file(dir_.write("source", bytes_), O_RDONLY), kind);
      return;
    }
    case EndKind::zero:
      take_inherited(open_file("/dev/zero", O_RDONLY), kind);
      return;
    case EndKind::null:
      take_inherited(open_file("/dev/null", O_RDONLY), kind);
      return;
    case EndKind::discard:
      end_.emplace(ByteEnd::discard());
      return;
    case EndKind::pipe:
      pair = blocking(pipe_pair());
      break;
    case EndKind::sealed_pipe:
      pair = sealed_pipe(dir_);
      break;
    case EndKind::socket_pair:
      pair = blocking(unix_pair());
      break;
    case EndKind::tcp:
      pair = tcp_pair();
      end_.emplace(ByteEnd::own(std::move(pair.first)));
      feeder_ = std::move(pair.second);
      return;
    case EndKind::inherited_tcp:
      pair = blocking(tcp_pair());
      break;
    case EndKind::terminal: {
      Pty pty = make_pty();
      pair = {std::move(pty.slave), std::move(pty.master)};
      break;
    }
    default:
      throw std::logic_error("no source of this kind");
  }
  take_inherited(pair.first.release(), kind);
  feeder_ = std::move(pair.second);
  set_non_blocking(feeder_.get(), true);
}

void TestSource::take_inherited(int fd, EndKind kind) {
  description_.emplace(fd);
  end_.emplace(inherit(fd, kind, ByteEnd::Access::read));
}

void TestSource::step(std::uint64_t taken) {
  while (feeder_ && fed_ < bytes_.size()) {
    const ssize_t size = ::write(feeder_.get(), bytes_.data() + fed_, bytes_.size() - fed_);
    if (size <= 0) break;
    fed_ += static_cast<std::uint64_t>(size);
  }
  // A terminal that is hung up drops what its reader has not taken.
  if (ends && fed_ == bytes_.size() && (kind_ != EndKind::terminal || taken >= fed_))
    feeder_.reset();
}

std::string TestSource::expected() const {
  if (kind_ == EndKind::zero) return std::string(bytes_.size(), '\0');
  return kind_ == EndKind::null || kind_ == EndKind::discard ? std::string() : bytes_;
}

TestSink::TestSink(EndKind kind) {
  SocketPair pair;
  switch (kind) {
    case EndKind::file:
    case EndKind::append_file: {
      file_ = dir_.write("sink", "");
      const int append = kind == EndKind::append_file ? O_APPEND : 0;
      take_inherited(open_file(file_, O_WRONLY | append), kind);
      return;
    }
    case EndKind::null:
      take_inherited(open_file("/dev/null", O_WRONLY), kind);
      return;
    case EndKind::full:
      take_inherited(open_file("/dev/full", O_WRONLY), kind);
      return;
    case EndKind::discard:
      end_.emplace(ByteEnd::discard());
      return;
    case EndKind::pipe:
      pair = blocking(pipe_pair());
      break;
    case EndKind::sealed_pipe:
      pair = sealed_pipe(dir_);
      break;
    case EndKind::socket_pair:
      pair = blocking(unix_pair());
      break;
    case EndKind::tcp:
      pair = tcp_pair();
      end_.emplace(ByteEnd::own(std::move(pair.second)));
      collector_ = std::move(pair.first);
      return;
    case EndKind::inherited_tcp:
      pair = blocking(tcp_pair());
      break;
    case EndKind::terminal: {
      Pty pty = make_pty();
      pair = {std::move(pty.master), std::move(pty.slave)};
      break;
    }
    case EndKind::terminal_master: {
      Pty pty = make_pty();
      pair = {std::move(pty.slave), std::move(pty.master)};
      break;
    }
    default:
      throw std::logic_error("no sink of this kind");
  }
  take_inherited(pair.second.release(), kind);
  collector_ = std::move(pair.first);
  set_non_blocking(collector_.get(), true);
}

void TestSink::take_inherited(int fd, EndKind kind) {
  description_.emplace(fd);
  end_.emplace(inherit(fd, kind, ByteEnd::Access::write));
}

void TestSink::step() {
  if (!collector_) return;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t size = ::read(collector_.get(), chunk.data(), chunk.size());
    if (size <= 0) return;
    collected_.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

std::string TestSink::arrived() {
  step();
  if (file_.empty()) return collected_;
  std::ifstream file(file_, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ioa::test
