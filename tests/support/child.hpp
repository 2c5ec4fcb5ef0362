#pragma once

#include <functional>
#include <initializer_list>
#include <optional>

namespace ioa::test {

/// Runs `body` in a forked child, which ends itself after ten seconds. True if it returns true.
bool in_child(const std::function<bool()>& body);

/// A system call that is to fail.
struct Refusal {
  long number;                                       ///< SYS_…
  int error;                                         ///< The errno value that it gives.
  std::optional<int> first_argument = std::nullopt;  ///< Only calls with this one.
};

/// Has system calls of this thread fail from now on, for good (seccomp(2)): for a child. Throws
/// std::runtime_error where the system does not allow that.
void refuse(std::initializer_list<Refusal> refusals);

}  // namespace ioa::test
