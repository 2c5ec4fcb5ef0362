#pragma once

namespace ioa::detail {

/// Prints the broken rule to stderr and aborts: the program has a bug, going on would hide it.
[[noreturn]] void assertion_failed(const char* condition, const char* message, const char* file,
                                   int line);

}  // namespace ioa::detail

/// Checks a rule that only a bug in the calling program can break, in every build type.
#define IOA_ASSERT(condition, message) \
  ((condition) ? void() : ::ioa::detail::assertion_failed(#condition, message, __FILE__, __LINE__))
