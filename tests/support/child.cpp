#include "tests/support/child.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

namespace ioa::test {

bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGALRM, SIG_DFL);
    ::alarm(10);  // a child that waits for ever is a failure, not a process that is left
    bool is_good = false;
    try {
      is_good = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
    }
    ::_exit(is_good ? 42 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

void refuse(std::initializer_list<Refusal> refusals) {
  const auto load = [](std::size_t offset) {
    return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  };
  // Skips `skipped` statements unless the value loaded is `value`.
  const auto is = [](long value, std::uint8_t skipped) {
    return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(value), 0,
                                skipped);
  };
  const auto give = [](std::uint32_t result) {
    return sock_filter BPF_STMT(BPF_RET | BPF_K, result);
  };
  std::vector<sock_filter> program;
  for (const Refusal& refusal : refusals) {
    const auto failure = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(refusal.error);
    program.push_back(load(offsetof(seccomp_data, nr)));
    if (refusal.first_argument) {
      program.push_back(is(refusal.number, 3));
      program.push_back(load(offsetof(seccomp_data, args)));
      program.push_back(is(*refusal.first_argument, 1));
    } else {
      program.push_back(is(refusal.number, 1));
    }
    program.push_back(give(failure));
  }
  program.push_back(give(SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    throw std::runtime_error("no seccomp(2) here");
}

}  // namespace ioa::test
