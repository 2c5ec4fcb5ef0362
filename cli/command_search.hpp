#pragma once

#include <string>

namespace ioa::cli {

/// Why a command could not be executed, as far as that can be told without trying: the errno value
/// of its execvp(3), looked for along PATH if it has no slash. 0 if nothing speaks against it.
int command_problem(const std::string& program);

}  // namespace ioa::cli
