#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <string>

namespace ioa {

/// One step in making the descriptors of a child, in the order of SpawnRequest::descriptors.
///
///     request.descriptors = {FdAction::dup(2, 1), FdAction::dup(1, 2)};   // swapped
struct FdAction {
  enum class Kind { dup, copy, open, close, keep };

  /// The child's `to` is this process's `from`, which is borrowed until the child is started. What
  /// earlier steps did to the number `from` in the child does not count, so that two may be
  /// swapped. Onto its own number it stays open, close-on-exec or not.
  static FdAction dup(int from, int to) { return {Kind::dup, from, to, {}, 0, 0}; }
  /// The child's `to` is what its own `from` is by then: copy(1, 2) is a shell's `2>&1`.
  static FdAction copy(int from, int to) { return {Kind::copy, from, to, {}, 0, 0}; }
  /// The child opens `path` as `to`: open(2)'s flags (O_CLOEXEC does not count) and, for a file
  /// that is made, its mode. A relative path counts from the child's directory.
  static FdAction open(std::string path, int flags, int to, ::mode_t mode = 0666) {
    return {Kind::open, -1, to, std::move(path), flags, mode};
  }
  /// /dev/null, to read and write.
  static FdAction null(int to) { return open("/dev/null", O_RDWR, to); }
  /// The child does not have `fd`; not an error if there is none.
  static FdAction close(int fd) { return {Kind::close, -1, fd, {}, 0, 0}; }
  /// The child has this process's `fd` under the same number, close-on-exec or not. An error if it
  /// is not open.
  static FdAction keep(int fd) { return {Kind::keep, fd, fd, {}, 0, 0}; }

  Kind kind;
  int from;  ///< Of this process, for copy of the child; -1 for open and close.
  int to;    ///< Of the child.
  std::string path;
  int flags;
  ::mode_t mode;
};

}  // namespace ioa
