#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/process/spawn.hpp"
#include "ioa/process/wait_status.hpp"
#include "tests/support/loop_fixture.hpp"

namespace ioa::test {

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
  UniqueFd read;
  UniqueFd write;
};

inline std::string read_all(int fd) {
  std::string text;
  char space[4096];
  for (ssize_t size; (size = ::read(fd, space, sizeof space)) > 0;)
    text.append(space, static_cast<std::size_t>(size));
  return text;
}

inline WaitStatus wait_for(::pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WaitStatus::from_raw(status);
}

/// As a program that writes to pipes does it.
class IgnoredSigpipe {
 public:
  IgnoredSigpipe() : before_(std::signal(SIGPIPE, SIG_IGN)) {}
  IgnoredSigpipe(const IgnoredSigpipe&) = delete;
  IgnoredSigpipe& operator=(const IgnoredSigpipe&) = delete;
  ~IgnoredSigpipe() { std::signal(SIGPIPE, before_); }

 private:
  void (*before_)(int);
};

/// Turns until `done()`, which nothing in the loop may tell: a state of another process.
template <class Done>
void poll_until(Loop& loop, Done done, std::string_view what) {
  const auto limit = std::chrono::steady_clock::now() + kStallLimit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > limit) throw std::runtime_error(std::string(what));
    loop.turn(std::chrono::milliseconds(1));
  }
}

/// What a child has written to its stdout, and how it has ended.
struct Ran {
  WaitStatus status;
  std::string out;
};

/// Runs it to its end, with a pipe as its stdout.
inline Ran run_blocking(SpawnRequest request) {
  Pipe pipe;
  request.descriptors.push_back(FdAction::dup(pipe.write.get(), 1));
  SpawnedChild child = spawn(request);
  pipe.write.reset();
  std::string out = read_all(pipe.read.get());
  return {wait_for(child.pid), std::move(out)};
}

inline Ran run_line(std::string line, SpawnRequest request = {}) {
  request.arguments = SpawnRequest::shell(std::move(line)).arguments;
  return run_blocking(std::move(request));
}

/// The failure of starting it.
inline Error spawn_error(const SpawnRequest& request) {
  try {
    const SpawnedChild child = spawn(request);
    ADD_FAILURE() << "it was started";
    wait_for(child.pid);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::failed, {}, "none");
}

}  // namespace ioa::test
