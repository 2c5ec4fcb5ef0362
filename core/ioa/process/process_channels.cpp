#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/process/process.hpp"
#include "ioa/process/stop_sequence.hpp"

namespace ioa {
namespace {

/// Makes our end non-blocking; the child's stays as programs expect it. Each is a description of
/// its own.
UniqueFd made_ours(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return UniqueFd(fd);
}

std::string names_of(const std::vector<int>& fds) {
  const auto name_of = [](int fd) -> std::string {
    switch (fd) {
      case 0:
        return "stdin";
      case 1:
        return "stdout";
      case 2:
        return "stderr";
      default:
        return "fd" + std::to_string(fd);
    }
  };
  std::string text;
  for (const int fd : fds) text += (text.empty() ? "" : "+") + name_of(fd);
  return text;
}

}  // namespace

Stream& Process::pipe_read(int fd) { return add_channel(Via::pipe_read, {fd}); }
Stream& Process::pipe_write(int fd) { return add_channel(Via::pipe_write, {fd}); }
Stream& Process::pipe_both(int read_fd, int write_fd) {
  return add_channel(Via::pipe_both, {read_fd, write_fd});
}
Stream& Process::socketpair(std::initializer_list<int> fds) {
  return add_channel(Via::socketpair, fds);
}
Stream& Process::pty(const TerminalSettings& settings, std::initializer_list<int> fds) {
  return add_channel(Via::pty, fds, settings);
}

void Process::merge(int fd, int to) {
  IOA_ASSERT(!is_started_, "a Process that is started cannot be set up");
  IOA_ASSERT(stream(fd) == nullptr, "a descriptor that has a Stream cannot be merged");
  merges_.emplace_back(fd, to);
}

Stream& Process::add_channel(Via via, std::vector<int> fds, const TerminalSettings& settings) {
  IOA_ASSERT(!is_started_, "a Process that is started cannot be set up");
  IOA_ASSERT(!fds.empty(), "a Stream needs a descriptor of the child");
  for (const int fd : fds)
    IOA_ASSERT(stream(fd) == nullptr, "a descriptor of a child has one Stream");
  Stream& stream = add_child(std::make_unique<Stream>());
  stream.set_name(names_of(fds));
  // Whoever uses it holds a reference until the end of the Process.
  stream.set_leaves_when_closed(false);
  channels_.push_back({&stream, fds, via != Via::pipe_write});
  try {
    open_channel(stream, via, std::move(fds), settings);
  } catch (const Error& error) {
    if (!failure_) failure_ = error;
  }
  return stream;
}

void Process::open_channel(Stream& stream, Via via, std::vector<int> fds,
                           const TerminalSettings& settings) {
  switch (via) {
    case Via::pipe_read:
      return stream.set_handles(open_pipe(true, fds[0]), UniqueFd());
    case Via::pipe_write:
      return stream.set_handles(UniqueFd(), open_pipe(false, fds[0]));
    case Via::pipe_both: {
      UniqueFd out = open_pipe(true, fds[0]);
      return stream.set_handles(std::move(out), open_pipe(false, fds[1]));
    }
    case Via::socketpair: {
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        throw Error::from_errno(errno, "socketpair", names_of(fds));
      child_ends_.push_back({UniqueFd(ends[1]), std::move(fds)});
      return stream.set_handle(made_ours(ends[0]));
    }
    case Via::pty: {
      PseudoTerminal pty = open_pseudo_terminal(settings);
      request_.new_session = true;
      request_.controlling_terminal = fds.front();
      child_ends_.push_back({std::move(pty.terminal), std::move(fds)});
      stream.set_handle(std::move(pty.controller));
      return stream.set_transport(terminal_transport());
    }
  }
}

/// Our end of a new pipe, whose other end becomes the child's `fd`.
UniqueFd Process::open_pipe(bool reads, int fd) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error::from_errno(errno, "pipe", names_of({fd}));
  child_ends_.push_back({UniqueFd(ends[reads ? 1 : 0]), {fd}});
  return made_ours(ends[reads ? 0 : 1]);
}

}  // namespace ioa
