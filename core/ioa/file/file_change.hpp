#pragma once

#include <sys/stat.h>

#include <optional>

namespace ioa {

/// What stat(2) says of a path: nothing if there is no such file, or none that can be looked at.
using FileState = std::optional<struct ::stat>;

/// How a file differs from what it was. More than one of these may be true at once.
struct FileChange {
  FileState before;
  FileState after;

  /// It was not there, and is.
  bool is_created() const noexcept { return !before && after; }
  /// It was there, and is not: deleted, or renamed away.
  bool is_removed() const noexcept { return before && !after; }
  /// The path leads to another file than before: device or inode differ.
  bool is_replaced() const noexcept;
  /// Its size or the time of its last modification differs, or it is another file.
  bool has_new_content() const noexcept;
  /// It is the same file, and shorter.
  bool is_truncated() const noexcept;
  /// Type, permissions, owner, group, number of links or device number differ.
  bool has_new_attributes() const noexcept;
  /// Anything but the time of the last access differs.
  bool is_any() const noexcept;
};

}  // namespace ioa
