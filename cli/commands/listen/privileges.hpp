#pragma once

#include "cli/commands/run_child/child_plan.hpp"

namespace ioa::cli {

/// Takes these ids, all of this process, for good; what is not set stays as it is. Throws Error
/// (operation "setgroups", "setgid" or "setuid").
void become(const ChildIds& ids);

}  // namespace ioa::cli
