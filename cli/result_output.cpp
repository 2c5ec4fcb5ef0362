#include "cli/result_output.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::cli {

ResultOutput::ResultOutput(Loop& loop, Reporter& reporter, int fd, UniqueFunction<void()> on_change)
    : reporter_(reporter),
      shares_terminal_(reporter.is_terminal() && ::isatty(fd) == 1),
      end_(ByteEnd::inherited(fd, ByteEnd::Access::write)),
      watch_(loop),
      on_change_(std::move(on_change)) {
  watch_.set_callback([this](IoEvent) { ready(); });
}

void ResultOutput::add(std::string_view text) {
  constexpr std::size_t kEnough = std::size_t{64} << 10;
  if (error_ != 0) return;
  text_.append(text);
  if (text_.size() >= kEnough) flush();
}

void ResultOutput::flush() {
  if (is_behind_ || text_.empty()) return;
  if (shares_terminal_) reporter_.hide_live();
  while (!text_.empty()) {
    const ssize_t size = end_.write(text_.view());
    if (size >= 0) {
      text_.consume(static_cast<std::size_t>(size));
    } else if (would_block(errno)) {
      is_behind_ = true;
      watch_.start(end_.fd(), IoEvent::write);
      return;
    } else {
      error_ = errno;
      text_.clear();
    }
  }
}

void ResultOutput::ready() {
  is_behind_ = false;
  watch_.stop();
  flush();
  if (!is_behind_) on_change_();
}

std::optional<ExitStatus> ResultOutput::close() {
  watch_.stop();
  const int error = end_.close();
  if (error_ == 0) error_ = error;
  if (error_ == 0) return std::nullopt;
  if (error_ == EPIPE) return ended_by_signal(SIGPIPE);
  reporter_.error(Error::from_errno(error_, "write", "standard output").what());
  return ExitStatus::io_error;
}

}  // namespace ioa::cli
