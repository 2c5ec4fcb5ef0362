#include "ioa/io/splice_pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace ioa {

void enlarge_pipe(int fd) noexcept {
  static_cast<void>(::fcntl(fd, F_SETPIPE_SZ, static_cast<int>(PipePool::kPipeSize)));
}

SplicePipe PipePool::take() {
  if (!free_.empty()) {
    SplicePipe pipe = std::move(free_.back());
    free_.pop_back();
    return pipe;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return {};
  enlarge_pipe(ends[1]);
  SplicePipe pipe;
  pipe.read_end = UniqueFd(ends[0]);
  pipe.write_end = UniqueFd(ends[1]);
  return pipe;
}

void PipePool::give_back(SplicePipe pipe) {
  if (pipe.read_end && pipe.size == 0 && free_.size() < kMaxFree) free_.push_back(std::move(pipe));
}

}  // namespace ioa
