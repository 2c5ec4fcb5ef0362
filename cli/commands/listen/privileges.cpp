#include "cli/commands/listen/privileges.hpp"

#include <grp.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "ioa/base/error.hpp"

namespace ioa::cli {

// The C library's calls, not the kernel's: those change one thread only, and look-ups have threads.
void become(const ChildIds& ids) {
  if (ids.groups && ::setgroups(ids.groups->size(), ids.groups->data()) != 0)
    throw Error::from_errno(errno, "setgroups");
  if (ids.group && ::setresgid(*ids.group, *ids.group, *ids.group) != 0)
    throw Error::from_errno(errno, "setgid", std::to_string(*ids.group));
  if (ids.user && ::setresuid(*ids.user, *ids.user, *ids.user) != 0)
    throw Error::from_errno(errno, "setuid", std::to_string(*ids.user));
}

}  // namespace ioa::cli
