#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>

namespace ioa::cli {

/// The number of descriptors this process may have (RLIMIT_NOFILE), made as large as the system
/// allows for as long as this lives.
class DescriptorLimit {
 public:
  DescriptorLimit() noexcept;
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;
  ~DescriptorLimit();

  /// What it was before, if it is another one now: what children are to have.
  const std::optional<rlimit>& before() const noexcept { return before_; }
  /// `wanted`, or so many users of two descriptors each as fit beside our own; at least 1.
  std::uint64_t fitting_pairs(std::uint64_t wanted) const noexcept;

 private:
  std::optional<rlimit> before_;
  std::uint64_t allowed_ = 0;
};

}  // namespace ioa::cli
