#include "cli/commands/run_child/spill_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "ioa/base/syscall.hpp"

namespace ioa::cli {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
// A hole of less frees no block of the disk.
constexpr std::uint64_t kSmallestHole = std::uint64_t{16} << 10;

}  // namespace

int SpillFile::open() {
  std::error_code ignored;
  std::filesystem::path folder = std::filesystem::temp_directory_path(ignored);
  if (folder.empty()) folder = "/tmp";
  fd_ = UniqueFd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd_) return 0;
  // Not every file system has files without a name.
  std::string path = folder / "ioa-XXXXXX";
  fd_ = UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd_) return errno;
  ::unlink(path.c_str());
  return 0;
}

int SpillFile::append(std::string_view bytes, SpillExtent& extent) {
  if (!fd_)
    if (const int error = open(); error != 0) return error;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = retry_on_eintr([&] {
      return ::pwrite(fd_.get(), bytes.data() + done, bytes.size() - done,
                      static_cast<::off_t>(end_ + done));
    });
    if (size <= 0) {
      const int error = size < 0 ? errno : ENOSPC;
      static_cast<void>(::ftruncate(fd_.get(), static_cast<::off_t>(end_)));
      return error;
    }
    done += static_cast<std::size_t>(size);
  }
  extent = {end_, bytes.size()};
  end_ += bytes.size();
  used_ += bytes.size();
  return 0;
}

int SpillFile::read(const SpillExtent& extent, std::span<char> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = retry_on_eintr([&] {
      return ::pread(fd_.get(), bytes.data() + done, bytes.size() - done,
                     static_cast<::off_t>(extent.offset + done));
    });
    if (size <= 0) return size < 0 ? errno : EIO;
    done += static_cast<std::size_t>(size);
  }
  return 0;
}

void SpillFile::release(const SpillExtent& extent) {
  used_ -= extent.size;
  if (used_ == 0) {
    static_cast<void>(::ftruncate(fd_.get(), 0));
    end_ = 0;
  } else if (extent.size >= kSmallestHole) {
    static_cast<void>(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                  static_cast<::off_t>(extent.offset),
                                  static_cast<::off_t>(extent.size)));
  }
}

StoredOutput::~StoredOutput() {
  room_.in_memory -= memory_.size();
  for (const SpillExtent& extent : extents_) room_.file.release(extent);
}

bool StoredOutput::is_over_limit() const noexcept {
  return memory_.size() > room_.limit_of_each || room_.in_memory > room_.memory_limit;
}

void StoredOutput::append(std::string_view bytes) {
  memory_.append(bytes);
  room_.in_memory += bytes.size();
  if (is_over_limit()) spill();
}

void StoredOutput::spill() {
  SpillExtent extent;
  const int error = room_.file.append(memory_.view(), extent);
  is_full_ = error != 0;
  if (is_full_) {
    room_.write_error = error;
    if (room_.on_full) room_.on_full();
    return;
  }
  room_.in_memory -= memory_.size();
  memory_.clear();
  const bool goes_on =
      !extents_.empty() && extents_.back().offset + extents_.back().size == extent.offset;
  if (goes_on)
    extents_.back().size += extent.size;
  else
    extents_.push_back(extent);
}

/// The next piece of the file.
bool StoredOutput::load() {
  SpillExtent& first = extents_.front();
  const std::size_t size = std::min<std::uint64_t>(first.size, kChunk);
  const SpillExtent piece{first.offset, size};
  const int error = room_.file.read(piece, chunk_.prepare(size).first(size));
  if (error == 0) chunk_.commit(size);
  room_.file.release(piece);
  first.offset += size;
  first.size -= size;
  if (first.size == 0) extents_.pop_front();
  if (error != 0) room_.read_error = error;
  return error == 0;
}

std::string_view StoredOutput::front() {
  while (chunk_.empty() && !extents_.empty()) load();
  return chunk_.empty() ? memory_.view() : chunk_.view();
}

void StoredOutput::consume(std::size_t size) {
  if (!chunk_.empty()) return chunk_.consume(size);
  memory_.consume(size);
  room_.in_memory -= size;
  if (!is_over_limit()) is_full_ = false;
}

}  // namespace ioa::cli
