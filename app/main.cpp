#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <vector>

#include "cli/run.hpp"
#include "ioa/libevent/libevent_backend.hpp"
#include "ioa/process/signal_state.hpp"

namespace {

/// A standard descriptor that is closed would become the number of the first socket or file opened.
/// In its place: one that is at its end for reading, and that refuses writing (EBADF) as a closed
/// one does. What this program runs starts without it, as this program did.
void occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    const int flags = (fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC;
    static_cast<void>(::open("/dev/null", flags));  // takes the lowest free number, which is fd
  }
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  const ioa::SignalState inherited =
      ioa::SignalState::current({SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM,
                                 SIGTERM, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH});
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has left is an errno value: EPIPE
  const std::vector<std::string_view> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const ioa::cli::Backends backends{&ioa::LibeventBackend::create, &ioa::LibeventBackend::methods};
  const int status = ioa::cli::run(arguments, backends, inherited);
  // No destructors of static objects: a thread stuck in a look-up may still use them.
  ::_exit(status);
}
