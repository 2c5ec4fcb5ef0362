#include "ioa/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace ioa::detail {

void assertion_failed(const char* condition, const char* message, const char* file, int line) {
  std::fprintf(stderr, "ioa: %s (%s is false at %s:%d)\n", message, condition, file, line);
  std::abort();
}

}  // namespace ioa::detail
