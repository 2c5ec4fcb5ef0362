#include "cli/commands/run_child/child_output.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"

namespace ioa::cli {
namespace {

// What a pipe holds unless somebody has made it larger (pipe(7)).
constexpr std::size_t kReadSize = std::size_t{64} << 10;

}  // namespace

void KeptOutput::take(std::string_view bytes) {
  const std::size_t room = limit_ - kept_.text.size();
  kept_.text.append(bytes.substr(0, room));
  if (bytes.size() > room) kept_.is_truncated = true;
}

CapturedText KeptOutput::release() { return std::exchange(kept_, {}); }

std::string LinePrefix::text() const {
  std::string text;
  if (timestamps) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    ::gmtime_r(&now.tv_sec, &parts);
    text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\t", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                       now.tv_nsec / 1'000'000);
  }
  if (tag) text += *tag + '\t';
  return text;
}

void LinePrefix::add_lines(ByteBuffer& to, std::string_view bytes, bool begins) const {
  std::string prefix;
  while (!bytes.empty()) {
    if (begins) {
      if (prefix.empty()) prefix = text();  // what comes together has one time
      to.append(prefix);
    }
    const std::size_t newline = bytes.find('\n');
    const std::size_t size = newline == bytes.npos ? bytes.size() : newline + 1;
    to.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    begins = true;
  }
}

PassedOutput::PassedOutput(Loop& loop, ByteEnd end, std::string name, LinePrefix prefix,
                           UniqueFunction<void()> on_change)
    : end_(std::move(end)),
      watch_(loop),
      changed_(loop, std::move(on_change)),
      name_(std::move(name)),
      prefix_(std::move(prefix)) {
  watch_.set_callback([this](IoEvent) { ready(); });
}

void PassedOutput::take(std::string_view bytes) {
  if (error_ != 0) return;
  if (std::exchange(child_has_ended_, false) && !is_at_line_start_ && !prefix_.empty()) {
    buffer_.append("\n");  // another child goes on where the last one left a line open
    is_at_line_start_ = true;
  }
  if (prefix_.empty())
    add(bytes);
  else
    prefix_.add_lines(buffer_, bytes, is_at_line_start_);
  is_at_line_start_ = bytes.back() == '\n';
  flush();
}

void PassedOutput::add(std::string_view bytes) {
  while (buffer_.empty() && !is_behind_ && !bytes.empty()) {
    const ssize_t size = end_.write(bytes);
    if (size < 0) break;  // flush() finds out why
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  buffer_.append(bytes);
}

void PassedOutput::end_of_child() { child_has_ended_ = true; }

void PassedOutput::add_line(std::string_view line) {
  if (!is_at_line_start_) buffer_.append("\n");
  buffer_.append(line);
  is_at_line_start_ = true;
  flush();
}

void PassedOutput::flush() {
  if (is_behind_ || error_ != 0) return;
  while (!buffer_.empty()) {
    const ssize_t size = end_.write(buffer_.view());
    if (size >= 0) {
      buffer_.consume(static_cast<std::size_t>(size));
    } else if (would_block(errno)) {
      is_behind_ = true;
      watch_.start(end_.fd(), IoEvent::write);
      return;
    } else {
      return fail(errno);
    }
  }
}

void PassedOutput::ready() {
  is_behind_ = false;
  watch_.stop();
  flush();
  if (!is_behind_) changed_.schedule();
}

void PassedOutput::fail(int error) {
  error_ = error;
  buffer_.clear();
  changed_.schedule();
}

void PassedOutput::close() {
  watch_.stop();
  is_behind_ = false;
  buffer_.clear();
  const int error = end_.close();
  if (error_ == 0) error_ = error;
}

OutputReader::OutputReader(Loop& loop, UniqueFd fd, OutputSink& sink,
                           UniqueFunction<void()> on_bytes, UniqueFunction<void()> on_end)
    : watch_(loop),
      fd_(std::move(fd)),
      sink_(sink),
      on_bytes_(std::move(on_bytes)),
      on_end_(std::move(on_end)) {
  watch_.set_callback([this](IoEvent) { readable(); });
  watch_.start(fd_.get(), IoEvent::read);
}

/// Returns false when there is nothing more for now, or ever.
bool OutputReader::read_once() {
  std::array<char, kReadSize> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  const ssize_t size =
      retry_on_eintr([&] { return ::read(fd_.get(), bytes.data(), bytes.size()); });
  if (size > 0) {
    sink_.take({bytes.data(), static_cast<std::size_t>(size)});
    return true;
  }
  // The terminal of children that are all gone says EIO.
  is_at_end_ = size == 0 || !would_block(errno);
  return false;
}

void OutputReader::readable() {
  const bool has_read = read_once();
  if (is_at_end_) return end();
  if (!has_read) return;
  is_paused_ = sink_.is_behind();
  if (is_paused_) watch_.stop();
  on_bytes_();
}

void OutputReader::resume() {
  if (!is_paused_ || !fd_) return;
  is_paused_ = false;
  watch_.start(fd_.get(), IoEvent::read);
}

void OutputReader::finish() {
  if (!fd_) return;
  while (!sink_.is_behind() && read_once()) {
  }
  end();
}

void OutputReader::abandon() {
  if (fd_) end();
}

void OutputReader::end() {
  watch_.stop();
  fd_.reset();
  sink_.end_of_child();
  // It may destroy this, and what it captures with it.
  UniqueFunction<void()> on_end = std::move(on_end_);
  on_end();
}

}  // namespace ioa::cli
