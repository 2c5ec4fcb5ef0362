#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <vector>

#include "cli/run.hpp"
#include "ioa/libevent/libevent_backend.hpp"

namespace {

/// A standard descriptor that is closed would become the number of the first socket or file opened.
/// In its place: one that is at its end for reading, and that refuses writing (EBADF) as a closed
/// one does. Returns those that were closed.
std::vector<int> occupy_standard_descriptors() {
  std::vector<int> closed;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    const int flags = fd == STDERR_FILENO ? O_WRONLY : O_RDONLY;
    static_cast<void>(::open("/dev/null", flags));  // takes the lowest free number, which is fd
    closed.push_back(fd);
  }
  return closed;
}

}  // namespace

int main(int argc, char** argv) {
  ioa::cli::Inherited inherited;
  inherited.closed_descriptors = occupy_standard_descriptors();
  // A reader that has left is an errno value: EPIPE.
  inherited.ignores_sigpipe = std::signal(SIGPIPE, SIG_IGN) == SIG_IGN;
  const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const ioa::cli::Backends backends{&ioa::LibeventBackend::create, &ioa::LibeventBackend::methods};
  const int status = ioa::cli::run(arguments, backends, inherited);
  // No destructors of static objects: a thread stuck in a look-up may still use them.
  ::_exit(status);
}
