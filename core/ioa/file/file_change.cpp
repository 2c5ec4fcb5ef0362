#include "ioa/file/file_change.hpp"

namespace ioa {
namespace {

bool differ(const timespec& a, const timespec& b) noexcept {
  return a.tv_sec != b.tv_sec || a.tv_nsec != b.tv_nsec;
}

}  // namespace

bool FileChange::is_replaced() const noexcept {
  return before && after && (before->st_dev != after->st_dev || before->st_ino != after->st_ino);
}

bool FileChange::has_new_content() const noexcept {
  if (!before || !after) return before.has_value() != after.has_value();
  return is_replaced() || before->st_size != after->st_size ||
         differ(before->st_mtim, after->st_mtim);
}

bool FileChange::is_truncated() const noexcept {
  return before && after && !is_replaced() && after->st_size < before->st_size;
}

bool FileChange::has_new_attributes() const noexcept {
  return before && after &&
         (before->st_mode != after->st_mode || before->st_uid != after->st_uid ||
          before->st_gid != after->st_gid || before->st_nlink != after->st_nlink ||
          before->st_rdev != after->st_rdev);
}

bool FileChange::is_any() const noexcept {
  // The time of the last status change tells of what leaves no other trace, such as a modification
  // whose time was set back.
  return has_new_content() || has_new_attributes() ||
         (before && after && differ(before->st_ctim, after->st_ctim));
}

}  // namespace ioa
