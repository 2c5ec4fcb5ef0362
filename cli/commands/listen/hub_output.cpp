#include "cli/commands/listen/hub_output.hpp"

#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"

namespace ioa::cli {

HubOutput::HubOutput(Loop& loop, ByteEnd end, std::string name, UniqueFunction<void()> on_change)
    : end_(std::move(end)),
      name_(std::move(name)),
      watch_(loop),
      changed_(loop, std::move(on_change)) {
  watch_.set_callback([this](IoEvent) { flush(); });
}

void HubOutput::take(std::string_view bytes) {
  if (error_) return;
  if (!is_behind_)
    write(bytes);
  else
    buffer_.append(bytes);
}

void HubOutput::take_lines(std::string_view lines) {
  if (lines.empty()) return;
  if (std::exchange(lacks_line_end_, lines.back() != '\n')) take("\n");
  take(lines);
}

void HubOutput::count(std::string_view bytes) {
  written_ += bytes.size();
  for (ByteFilter* filter : filters_) filter->delivered(bytes);
}

void HubOutput::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = end_.write(bytes);
    if (size < 0 && would_block(errno)) {
      buffer_.append(bytes);
      is_behind_ = true;
      watch_.start(end_.fd(), IoEvent::write);
      return;
    }
    if (size < 0) return fail(errno, "write");
    count(bytes.substr(0, static_cast<std::size_t>(size)));
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void HubOutput::flush() {
  while (!buffer_.empty()) {
    const ssize_t size = end_.write(buffer_.view());
    if (size < 0 && would_block(errno)) return;
    if (size < 0) return fail(errno, "write");
    count(buffer_.view().substr(0, static_cast<std::size_t>(size)));
    buffer_.consume(static_cast<std::size_t>(size));
  }
  is_behind_ = false;
  watch_.stop();
  changed_.schedule();
}

void HubOutput::fail(int error, std::string_view call) {
  error_ = Error::from_errno(error, std::string(call), name_);
  is_behind_ = false;
  watch_.stop();
  buffer_.clear();
  changed_.schedule();
}

void HubOutput::close() {
  watch_.stop();
  const int error = end_.close();
  if (error != 0 && !error_) error_ = Error::from_errno(error, "close", name_);
}

}  // namespace ioa::cli
