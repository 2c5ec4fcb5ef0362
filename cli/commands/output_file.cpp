#include "cli/commands/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa::cli {
namespace {

// Nothing tells when somebody opens a FIFO to read.
constexpr Duration kFifoLook = std::chrono::milliseconds(20);

bool is_fifo(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

Future<> OutputFile::open() {
  if (path_.empty()) co_return;
  const int flags =
      O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (append_ ? O_APPEND : 0);
  for (;;) {
    fd_ = UniqueFd(::open(path_.c_str(), flags, 0666));
    if (fd_) co_return;
    const int error = errno;
    if (error != ENXIO || !is_fifo(path_)) throw Error::from_errno(error, "open", path_);
    co_await sleep_for(context_.loop, kFifoLook);
  }
}

ByteEnd OutputFile::take() {
  if (path_.empty()) return ByteEnd::inherited(context_.stdout_fd, ByteEnd::Access::write);
  if (!append_ && fd_kind(fd_.get()) == FdKind::regular_file && ::ftruncate(fd_.get(), 0) != 0)
    throw Error::from_errno(errno, "open", path_);
  return ByteEnd::own(std::move(fd_));
}

}  // namespace ioa::cli
