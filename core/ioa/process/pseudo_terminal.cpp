#include "ioa/process/pseudo_terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa {
namespace {

/// The controller of a pseudo-terminal as the end of a stream.
class TerminalTransport final : public Transport {
 public:
  IoResult read(int fd, std::span<char> space) override {
    const ssize_t size = retry_on_eintr([&] { return ::read(fd, space.data(), space.size()); });
    if (size > 0) return IoResult::done(static_cast<std::size_t>(size));
    // pty(7): EIO says that no terminal is open any more, and all that was written is read.
    if (size == 0 || errno == EIO) return IoResult::end();
    return failure(IoEvent::read);
  }

  IoResult write(int fd, std::string_view bytes) override {
    const ssize_t size = retry_on_eintr([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (size < 0) return failure(IoEvent::write);
    is_line_begun_ = size > 0 ? bytes[static_cast<std::size_t>(size) - 1] != '\n' : is_line_begun_;
    return IoResult::done(static_cast<std::size_t>(size));
  }

  IoResult shutdown(int fd) override {
    const auto modes = terminal_modes(fd);
    // Without canonical mode there is no such key: a terminal cannot say it then.
    if (!modes || (modes->c_lflag & ICANON) == 0) return IoResult::done(0);
    const char key = static_cast<char>(modes->c_cc[VEOF]);
    // Behind the beginning of a line the first key only hands that over. termios(3), VEOF
    for (int left = is_line_begun_ ? 2 : 1; left > 0; --left) {
      const IoResult result = write(fd, std::string_view(&key, 1));
      if (result.status != IoResult::Status::done) return result;
      is_line_begun_ = false;
    }
    return IoResult::done(0);
  }

 private:
  static IoResult failure(IoEvent waits_for) noexcept {
    if (would_block(errno)) return IoResult::blocked(waits_for);
    return IoResult::failed(std::error_code(errno, std::generic_category()));
  }

  bool is_line_begun_ = false;
};

[[noreturn]] void fail(const char* operation) {
  throw Error::from_errno(errno, operation, "pseudo-terminal");
}

}  // namespace

PseudoTerminal open_pseudo_terminal(const TerminalSettings& settings) {
  PseudoTerminal pty;
  pty.controller = UniqueFd(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!pty.controller) fail("open");
  const int unlocked = 0;
  if (::ioctl(pty.controller.get(), TIOCSPTLCK, &unlocked) != 0) fail("unlock");
  char name[64];
  if (const int error = ::ptsname_r(pty.controller.get(), name, sizeof name); error != 0)
    throw Error::from_errno(error, "name", "pseudo-terminal");
  pty.name = name;
  // By the controller and not by name: /dev/pts may be another one in here. Linux 4.13
  pty.terminal =
      UniqueFd(::ioctl(pty.controller.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.terminal) pty.terminal = UniqueFd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.terminal) fail("open");
  if (settings.modes && ::tcsetattr(pty.terminal.get(), TCSANOW, &*settings.modes) != 0)
    fail("set the modes of");
  set_terminal_size(pty.terminal.get(), settings.size);
  return pty;
}

std::optional<TerminalSize> terminal_size(int fd) noexcept {
  ::winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return TerminalSize{size.ws_row, size.ws_col};
}

void set_terminal_size(int fd, TerminalSize size) {
  ::winsize raw{};
  raw.ws_row = size.rows;
  raw.ws_col = size.columns;
  if (::ioctl(fd, TIOCSWINSZ, &raw) != 0) fail("set the size of");
}

std::optional<::termios> terminal_modes(int fd) noexcept {
  ::termios modes{};
  if (::tcgetattr(fd, &modes) != 0) return std::nullopt;
  return modes;
}

std::unique_ptr<Transport> terminal_transport() { return std::make_unique<TerminalTransport>(); }

std::unique_ptr<Stream> terminal_stream(UniqueFd controller) {
  auto stream = std::make_unique<Stream>(std::move(controller));
  stream->set_transport(terminal_transport());
  return stream;
}

}  // namespace ioa
