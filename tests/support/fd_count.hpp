#pragma once

#include <set>
#include <string>

namespace ioa::test {

/// The descriptors that this process has open now.
std::set<int> open_fds();

/// Those of open_fds() that are not in `before`, each with what it leads to, for a message; empty
/// if there is none.
std::string new_fds(const std::set<int>& before);

}  // namespace ioa::test
