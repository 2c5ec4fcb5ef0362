#pragma once

#include <termios.h>

#include <optional>

#include "cli/commands/run_child/child_plan.hpp"
#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/process/pseudo_terminal.hpp"

namespace ioa::cli {

/// What a terminal for a child is to be like: of the size of ours, and with its modes if the child
/// gets what is typed there; otherwise nothing is echoed, since nobody types.
TerminalSettings settings_for_child(const ChildInput& input);

/// The way from a child's input to the terminal that the child is on. While what is typed at our
/// own terminal goes there, that one is in raw mode: keys such as ^C are the child's terminal's.
/// At the end of the input it sends the character that means that (^D).
class TerminalLink {
 public:
  /// `controller` is the child's terminal's, ours alone and non-blocking. Throws Error.
  TerminalLink(Loop& loop, const ChildInput& input, UniqueFd controller);
  TerminalLink(const TerminalLink&) = delete;
  TerminalLink& operator=(const TerminalLink&) = delete;
  ~TerminalLink();

  /// Gives our terminal its own modes back, or takes it again.
  void hold(bool holds);
  /// Our terminal has another size.
  void take_size();

 private:
  void typed();
  void flush();
  void end_input();

  ByteEnd source_;
  ByteEnd controller_;
  IoWatch source_watch_;
  IoWatch controller_watch_;
  ByteBuffer buffer_;
  char last_ = '\n';
  bool has_ended_ = false;
  std::optional<::termios> modes_;  // our terminal's own
};

}  // namespace ioa::cli
