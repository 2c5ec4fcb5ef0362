#include "tests/end_to_end/listen_exec_fixture.hpp"

#include "ioa/process/process_info.hpp"

namespace ioa::test {

bool ListenExecTest::is_gone(pid_t pid) {
  const auto info = process_info(pid);
  return !info || info->has_ended();
}

}  // namespace ioa::test
