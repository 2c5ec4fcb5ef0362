#include "ioa/file/file_stream.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

// So much of what was read last is compared: enough to tell log lines apart, by their times.
constexpr std::size_t kRemembered = 64;
constexpr std::size_t kSearchBlock = std::size_t{64} << 10;

}  // namespace

struct FileStream::Running {
  Running(Loop& loop, FileStream& stream)
      : step(loop, [&stream] { stream.step(); }),
        watch(stream.watcher_, stream.path_, [this](const FileChange&) { step.schedule(); }) {}
  DeferredCall step;
  FileWatch watch;
};

FileStream::FileStream(FileWatcher& watcher, std::string path)
    : watcher_(watcher), path_(std::move(path)) {}

FileStream::~FileStream() = default;

void FileStream::added_to_loop(Loop& loop) {
  running_ = std::make_unique<Running>(loop, *this);
  running_->step.schedule();
}

void FileStream::removing_from_loop(Loop&) {
  running_.reset();
  readers_.clear();
}

void FileStream::on_read(ReadCallback callback) {
  on_read_ = std::move(callback);
  if (running_) running_->step.schedule();
}

Future<std::string> FileStream::read_line(std::size_t limit) {
  LineReader& reader = readers_.emplace_back(LineReader{Promise<std::string>(), limit});
  Future<std::string> line = reader.promise.future();
  serve_lines();
  if (running_) running_->step.schedule();
  return line;
}

bool FileStream::is_wanted() noexcept {
  readers_.remove_if([](const LineReader& reader) { return !reader.promise.wanted(); });
  return (on_read_ && !is_paused_) || !readers_.empty();
}

/// Nothing of this runs their owners' code: what waits for a Future runs later.
void FileStream::serve_lines() {
  while (is_wanted() && !readers_.empty()) {
    LineReader& first = readers_.front();
    const std::size_t end = in_.view().find('\n', in_.searched_for_lf());
    const bool is_whole = end != std::string_view::npos;
    if (std::min(end, in_.size()) > first.limit) {
      first.promise.fail(Error::from_errno(EMSGSIZE, "read", path_, "no end of line"));
    } else if (is_whole) {
      first.promise.done(std::string(in_.view().substr(0, end)));
      in_.consume(end + 1);
    } else {
      return in_.set_searched_for_lf(in_.size());
    }
    readers_.pop_front();
  }
}

void FileStream::step() {
  try {
    follow();
  } catch (const Error& error) {
    fail(error);
  }
}

/// A step on: opens, notices that it was written anew, reads, or leaves the file for another one.
void FileStream::follow() {
  if (!fd_ && !open()) return;
  if (!running_ || !fd_) return;
  if (is_written_anew()) {
    begin(0);
    on_truncated_(*this);
  } else {
    if (!is_wanted()) return;
    if (!read_more()) return leave_file();
  }
  if (running_) running_->step.schedule();
}

/// False if there is nothing to read from; this may have left its loop then.
bool FileStream::open() {
  UniqueFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return false;
  if (!fd) throw Error::from_errno(errno, "open", path_);
  struct ::stat status {};
  if (::fstat(fd.get(), &status) != 0) throw Error::from_errno(errno, "fstat", path_);
  if (S_ISDIR(status.st_mode)) throw Error::from_errno(EISDIR, "open", path_);
  if (!S_ISREG(status.st_mode)) throw Error::from_errno(ESPIPE, "open", path_, "no regular file");
  fd_ = std::move(fd);
  begin(0);
  if (std::exchange(is_initial_, false))
    on_initial_(*this, static_cast<std::uint64_t>(status.st_size));
  else
    on_replaced_(*this);
  return true;
}

void FileStream::begin(std::uint64_t offset) {
  in_.clear();
  offset_ = offset;
  const std::size_t known = std::min<std::uint64_t>(offset, kRemembered);
  last_read_ = fd_ ? bytes_at(offset - known, known) : std::string();
}

bool FileStream::is_written_anew() const {
  if (size() < offset_) return true;
  return bytes_at(offset_ - last_read_.size(), last_read_.size()) != last_read_;
}

/// False at the end. The callback may do anything to this.
bool FileStream::read_more() {
  const std::span<char> space = in_.prepare(kReadSize);
  const ssize_t size = retry_on_eintr([&] {
    return ::pread(fd_.get(), space.data(), space.size(), static_cast<::off_t>(offset_));
  });
  if (size < 0) throw Error::from_errno(errno, "read", path_);
  if (size == 0) return false;
  in_.commit(static_cast<std::size_t>(size));
  const std::string_view fresh(space.data(), static_cast<std::size_t>(size));
  offset_ += fresh.size();
  last_read_ += fresh.substr(fresh.size() - std::min(fresh.size(), kRemembered));
  last_read_.erase(0, last_read_.size() - std::min(last_read_.size(), kRemembered));
  serve_lines();
  if (!in_.empty() && !is_paused_) on_read_(*this, in_);
  return true;
}

/// It is read to its end: if its path leads elsewhere by now, or nowhere, so does this.
void FileStream::leave_file() {
  struct ::stat open {};
  struct ::stat now {};
  if (::fstat(fd_.get(), &open) != 0) throw Error::from_errno(errno, "fstat", path_);
  const bool is_gone = ::stat(path_.c_str(), &now) != 0;
  if (!is_gone && open.st_dev == now.st_dev && open.st_ino == now.st_ino) return;
  fd_.reset();
  if (is_gone) return on_removed_(*this);
  running_->step.schedule();
}

void FileStream::resume_reading() {
  is_paused_ = false;
  if (running_) running_->step.schedule();
}

void FileStream::seek(std::uint64_t offset) {
  begin(fd_ ? std::min(offset, size()) : 0);
  if (running_) running_->step.schedule();
}

bool FileStream::seek_to_last(std::string_view pattern, std::uint64_t horizon) {
  const std::uint64_t end = fd_ ? size() : 0;
  const std::uint64_t limit = end - std::min(end, horizon);
  // Backwards, block by block; each block is searched with the start of the one behind it.
  std::string behind;
  for (std::uint64_t from = end; from > limit;) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(kSearchBlock, from - limit));
    from -= step;
    const std::string block = bytes_at(from, step) + behind;
    const std::size_t found = block.rfind(pattern);
    if (found != std::string::npos) {
      seek(from + found + pattern.size());
      return true;
    }
    behind = block.substr(0, std::min(block.size(), pattern.size() - 1));
  }
  seek(limit);
  return false;
}

/// Fewer at the end of the file.
std::string FileStream::bytes_at(std::uint64_t offset, std::size_t size) const {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = retry_on_eintr([&] {
      return ::pread(fd_.get(), bytes.data() + done, size - done,
                     static_cast<::off_t>(offset + done));
    });
    if (got < 0) throw Error::from_errno(errno, "read", path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

std::uint64_t FileStream::size() const {
  struct ::stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw Error::from_errno(errno, "fstat", path_);
  return static_cast<std::uint64_t>(status.st_size);
}

void FileStream::fail(const Error& error) {
  if (on_error_) return on_error_(*this, error);
  invoke_error(std::make_exception_ptr(error));
}

}  // namespace ioa
