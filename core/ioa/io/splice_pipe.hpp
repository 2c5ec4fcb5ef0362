#pragma once

#include <cstddef>
#include <vector>

#include "ioa/base/unique_fd.hpp"

namespace ioa {

/// A pipe of our own through which splice(2) moves bytes between two descriptors that are not
/// pipes.
struct SplicePipe {
  UniqueFd read_end;
  UniqueFd write_end;
  std::size_t size = 0;  ///< Bytes that lie in it.
};

/// Pipes that are free at the moment. A flow holds one only while bytes lie in it: two for every
/// connection would cost six descriptors each.
class PipePool {
 public:
  PipePool() = default;
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  /// An empty pipe, as large as the system allows up to kPipeSize; without descriptors (errno says
  /// why) if there are none left.
  SplicePipe take();
  /// Gives a pipe back: kept if it is empty and few are.
  void give_back(SplicePipe pipe);

  static constexpr std::size_t kPipeSize = std::size_t{1} << 20;

 private:
  static constexpr std::size_t kMaxFree = 16;
  std::vector<SplicePipe> free_;
};

/// Makes a pipe hold up to PipePool::kPipeSize bytes. A smaller size is no failure: unprivileged
/// users have a limit for all their pipes (pipe(7), pipe-user-pages-soft).
void enlarge_pipe(int fd) noexcept;

}  // namespace ioa
