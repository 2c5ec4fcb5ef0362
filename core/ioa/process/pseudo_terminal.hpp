#pragma once

#include <termios.h>

#include <memory>
#include <optional>
#include <string>

#include "ioa/base/unique_fd.hpp"
#include "ioa/io/stream.hpp"

namespace ioa {

/// Of a terminal's window, in characters (ioctl_tty(2), TIOCSWINSZ).
struct TerminalSize {
  unsigned short rows = 24;
  unsigned short columns = 80;
  bool operator==(const TerminalSize&) const = default;
};

/// What a new pseudo-terminal is like.
struct TerminalSettings {
  TerminalSize size;
  /// Its modes; nullopt: the kernel's (echo, line by line, signals from keys).
  std::optional<::termios> modes;
};

/// A terminal that a program makes for its children. pty(7)
struct PseudoTerminal {
  /// What the terminal's user has: reads what the children write, and writes what they read.
  /// Non-blocking, close-on-exec. Reading fails with EIO when the last child has closed the
  /// terminal, which terminal_stream() takes for the end of file.
  UniqueFd controller;
  /// What the children have; blocking, close-on-exec. To be closed here once they have it.
  UniqueFd terminal;
  /// "/dev/pts/3"
  std::string name;
};

/// Throws Error.
///
///     PseudoTerminal pty = open_pseudo_terminal();
///     for (int fd : {0, 1, 2}) request.descriptors.push_back(FdAction::dup(pty.terminal.get(),
///     fd)); request.new_session = true; request.controlling_terminal = 0;
PseudoTerminal open_pseudo_terminal(const TerminalSettings& settings = {});

/// The size of the terminal `fd`, of either side; nullopt if it is no terminal.
std::optional<TerminalSize> terminal_size(int fd) noexcept;
/// The children in the foreground get SIGWINCH. Throws Error.
void set_terminal_size(int fd, TerminalSize size);
/// The modes of a terminal; nullopt if it is none.
std::optional<::termios> terminal_modes(int fd) noexcept;

/// Has a Stream on the controller of a pseudo-terminal end where the children do: EIO is the end of
/// file; to end writing it sends what the terminal's modes have for that (usually ^D).
std::unique_ptr<Transport> terminal_transport();
/// A Stream on the controller with that.
std::unique_ptr<Stream> terminal_stream(UniqueFd controller);

}  // namespace ioa
