#include "cli/descriptor_limit.hpp"

#include <algorithm>

namespace ioa::cli {

DescriptorLimit::DescriptorLimit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max;
  if (before.rlim_cur != before.rlim_max && ::setrlimit(RLIMIT_NOFILE, &limit) == 0)
    before_ = before;
  else
    limit = before;
  allowed_ = limit.rlim_cur;
}

DescriptorLimit::~DescriptorLimit() {
  if (before_) static_cast<void>(::setrlimit(RLIMIT_NOFILE, &*before_));
}

std::uint64_t DescriptorLimit::fitting_pairs(std::uint64_t wanted) const noexcept {
  constexpr std::uint64_t kOwn = 24;  // standard descriptors, the loop's, look-ups'
  if (allowed_ == 0) return wanted;
  const std::uint64_t fitting = allowed_ > kOwn ? (allowed_ - kOwn) / 2 : 1;
  return std::clamp<std::uint64_t>(fitting, 1, std::max<std::uint64_t>(wanted, 1));
}

}  // namespace ioa::cli
