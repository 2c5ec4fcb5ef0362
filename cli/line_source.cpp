#include "cli/line_source.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"

namespace ioa::cli {

LineSource::LineSource(Loop& loop, int fd)
    : source_(ByteEnd::inherited(fd, ByteEnd::Access::read)), watch_(loop) {
  watch_.set_callback([this](IoEvent) { fill(); });
}

Future<std::optional<std::string>> LineSource::next() {
  waiting_.emplace();
  Future<std::optional<std::string>> line = waiting_->future();
  if (deliver()) return line;
  if (watch_.is_started())
    watch_.want(IoEvent::read);
  else
    watch_.start(source_.fd(), IoEvent::read);
  return line;
}

bool LineSource::take(std::string& line) {
  const std::string_view bytes = buffer_.view();
  const std::size_t end = bytes.find('\n', searched_);
  if (end == std::string_view::npos) return false;
  line.assign(bytes.substr(0, std::min(end, kMaxLine + 1)));
  buffer_.consume(end + 1);
  searched_ = 0;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return true;
}

void LineSource::fill() {
  constexpr std::size_t kReadSize = 16 << 10;
  const ssize_t size = source_.read(buffer_.prepare(kReadSize));
  if (size < 0 && would_block(errno)) return;
  if (size < 0) {
    watch_.want({});
    std::exchange(waiting_, std::nullopt)->fail(Error::from_errno(errno, "read", "standard input"));
    return;
  }
  buffer_.commit(static_cast<std::size_t>(size));
  ended_ = size == 0;
  if (deliver()) watch_.want({});
}

/// Hands the first whole line to who waits; false if there is none yet.
bool LineSource::deliver() {
  const std::string_view bytes = buffer_.view();
  const std::size_t end = bytes.find('\n', searched_);
  if (end == std::string_view::npos && !ended_) {
    searched_ = bytes.size();
    if (bytes.size() > kMaxLine) cut();
    return false;
  }
  auto waiting = std::exchange(waiting_, std::nullopt);
  if (end == std::string_view::npos && bytes.empty() && beginning_.empty())
    waiting->done(std::nullopt);
  else
    waiting->done(take_line(std::min(end, bytes.size())));
  return true;
}

/// Drops what has been read of a line that is too long, but for its beginning.
void LineSource::cut() {
  if (beginning_.empty()) beginning_ = buffer_.view().substr(0, kMaxLine + 1);
  buffer_.clear();
  searched_ = 0;
}

/// The line that has so many bytes more in the buffer, which it leaves together with its end.
std::string LineSource::take_line(std::size_t size) {
  const bool is_cut = !beginning_.empty();
  std::string line = std::exchange(beginning_, std::string());
  if (!is_cut) line = buffer_.view().substr(0, std::min(size, kMaxLine + 1));
  buffer_.consume(std::min(size + 1, buffer_.size()));
  searched_ = 0;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

}  // namespace ioa::cli
