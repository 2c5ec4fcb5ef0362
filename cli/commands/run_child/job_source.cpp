#include "cli/commands/run_child/job_source.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include "ioa/base/syscall.hpp"

namespace ioa::cli {
namespace {

constexpr std::size_t kReadSize = std::size_t{16} << 10;

}  // namespace

JobSource::JobSource(Loop& loop, ByteEnd end, char separator, UniqueFunction<void()> on_change)
    : end_(std::move(end)), watch_(loop), separator_(separator), on_change_(std::move(on_change)) {
  watch_.set_callback([this](IoEvent) { read(); });
}

std::optional<JobItem> JobSource::next() {
  const std::string_view bytes = buffer_.view();
  const std::size_t found = bytes.find(separator_, searched_);
  if (found != bytes.npos) return take(found, found + 1);
  if (has_ended_) {
    if (bytes.empty() && !is_skipping_) return std::nullopt;
    return take(bytes.size(), bytes.size());
  }
  searched_ = bytes.size();
  if (searched_ > kMaxLine) {
    is_skipping_ = true;
    buffer_.clear();
    searched_ = 0;
  }
  if (watch_.is_started())
    watch_.want(IoEvent::read);
  else
    watch_.start(end_.fd(), IoEvent::read);
  return std::nullopt;
}

std::optional<JobItem> JobSource::take(std::size_t size, std::size_t with_end) {
  JobItem item;
  item.number = ++number_;
  item.is_too_long = std::exchange(is_skipping_, false) || size > kMaxLine;
  if (!item.is_too_long) item.text = buffer_.view().substr(0, size);
  buffer_.consume(with_end);
  searched_ = 0;
  return item;
}

void JobSource::read() {
  const ssize_t size = end_.read(buffer_.prepare(kReadSize));
  if (size < 0 && would_block(errno)) return;
  if (size > 0) {
    buffer_.commit(static_cast<std::size_t>(size));
    watch_.want({});
  } else {
    error_ = size < 0 ? errno : 0;
    has_ended_ = true;
    watch_.stop();
  }
  on_change_();
}

void JobSource::close() {
  watch_.stop();
  has_ended_ = true;
  is_skipping_ = false;
  buffer_.clear();
  searched_ = 0;
}

}  // namespace ioa::cli
