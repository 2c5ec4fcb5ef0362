#include "cli/commands/run_child/terminal_link.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "cli/commands/run_child/child_set_up.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::cli {
namespace {

constexpr std::size_t kReadSize = 4096;  // what a terminal holds

std::optional<TerminalSize> our_size() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (const auto size = terminal_size(fd)) return size;
  return std::nullopt;
}

/// Whether what is typed at our terminal is for us: a program in the background must leave it be.
bool is_in_foreground() {
  return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

ByteEnd open_source(const ChildInput& input) {
  if (input.kind != ChildInput::Kind::inherit) return ByteEnd::own(open_input(input));
  UniqueFd copy(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!copy) return ByteEnd::discard();  // a closed one: at its end
  return ByteEnd::inherited(copy.release(), ByteEnd::Access::read);
}

}  // namespace

TerminalSettings settings_for_child(const ChildInput& input) {
  TerminalSettings settings;
  settings.size = our_size().value_or(TerminalSize{});
  if (input.kind == ChildInput::Kind::inherit) settings.modes = terminal_modes(STDIN_FILENO);
  if (settings.modes) return settings;
  const PseudoTerminal sample = open_pseudo_terminal();
  settings.modes = terminal_modes(sample.terminal.get());
  if (settings.modes) settings.modes->c_lflag &= ~static_cast<::tcflag_t>(ECHO);
  return settings;
}

TerminalLink::TerminalLink(Loop& loop, const ChildInput& input, UniqueFd controller)
    : source_(open_source(input)),
      controller_(ByteEnd::own(std::move(controller))),
      source_watch_(loop),
      controller_watch_(loop) {
  if (input.kind == ChildInput::Kind::inherit && is_in_foreground())
    modes_ = terminal_modes(STDIN_FILENO);
  hold(true);
  controller_watch_.set_callback([this](IoEvent) {
    controller_watch_.stop();
    flush();
  });
  source_watch_.set_callback([this](IoEvent) { typed(); });
  if (source_.fd() >= 0)
    source_watch_.start(source_.fd(), IoEvent::read);
  else
    end_input();
}

TerminalLink::~TerminalLink() {
  source_watch_.stop();
  controller_watch_.stop();
  hold(false);
}

void TerminalLink::hold(bool holds) {
  if (!modes_) return;
  ::termios modes = *modes_;
  if (holds) {
    if (!is_in_foreground()) return;
    ::cfmakeraw(&modes);
  }
  retry_on_eintr([&] { return ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes); });
}

void TerminalLink::take_size() {
  const auto size = our_size();
  if (!size || !controller_.is_open()) return;
  try {
    set_terminal_size(controller_.fd(), *size);
  } catch (const Error&) {  // the child's terminal is gone
  }
}

void TerminalLink::typed() {
  std::array<char, kReadSize> bytes{};
  const ssize_t size = source_.read(bytes);
  if (size < 0 && would_block(errno)) return;
  source_watch_.stop();
  if (size <= 0) return end_input();
  buffer_.append({bytes.data(), static_cast<std::size_t>(size)});
  last_ = bytes.at(static_cast<std::size_t>(size) - 1);
  flush();
}

void TerminalLink::end_input() {
  has_ended_ = true;
  const auto modes = terminal_modes(controller_.fd());
  if (modes && (modes->c_lflag & ICANON) != 0) {
    // Behind an unfinished line the first one only hands that line over.
    const char end = static_cast<char>(modes->c_cc[VEOF]);
    buffer_.append(std::string(last_ == '\n' ? 1 : 2, end));
  }
  flush();
}

void TerminalLink::flush() {
  while (!buffer_.empty()) {
    const ssize_t size = controller_.write(buffer_.view());
    if (size >= 0) {
      buffer_.consume(static_cast<std::size_t>(size));
    } else if (would_block(errno)) {
      return controller_watch_.start(controller_.fd(), IoEvent::write);
    } else {
      return buffer_.clear();  // nobody reads there any more
    }
  }
  if (!has_ended_) source_watch_.start(source_.fd(), IoEvent::read);
}

}  // namespace ioa::cli
