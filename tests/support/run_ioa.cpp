#include "tests/support/run_ioa.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string_view>
#include <utility>

#include "ioa/base/error.hpp"

extern char** environ;

namespace ioa::test {
namespace {

std::pair<UniqueFd, UniqueFd> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error::from_errno(errno, "pipe2");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// In the child, between fork and exec: puts `from` (or nothing) at the number `to`.
void place(int from, int to) {
  if (from < 0)
    ::close(to);
  else if (from == to)
    ::fcntl(from, F_SETFD, 0);
  else
    ::dup2(from, to);
}

}  // namespace

/// What a thread has read so far from one of the child's outputs.
struct Process::Collected {
  static std::shared_ptr<Collected> start(UniqueFd source) {
    auto self = std::make_shared<Collected>();
    std::thread([self, fd = std::move(source)] { self->read_all(fd.get()); }).detach();
    return self;
  }
  void read_all(int fd) {
    char bytes[65536];
    for (;;) {
      const ssize_t size = ::read(fd, bytes, sizeof bytes);
      if (size < 0 && errno == EINTR) continue;
      const std::lock_guard lock(mutex);
      if (size <= 0) {
        ended = true;
        changed.notify_all();
        return;
      }
      text.append(bytes, static_cast<std::size_t>(size));
      changed.notify_all();
    }
  }
  bool wait_for(std::string_view wanted) {
    std::unique_lock lock(mutex);
    const auto there = [&] { return text.find(wanted) != std::string::npos; };
    changed.wait_for(lock, std::chrono::seconds(20), [&] { return there() || ended; });
    return there();
  }
  std::string take() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(20), [&] { return ended; });
    return text;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::string text;
  bool ended = false;
};

Process::Process(std::vector<std::string> argv, Stdio stdio, std::vector<std::string> environment)
    : started_(std::chrono::steady_clock::now()) {
  ::signal(SIGPIPE, SIG_IGN);  // a child that reads no more is an error of write()
  if (!stdio.in && !stdio.closed_in) {
    auto [read_end, write_end] = make_pipe();
    stdio.in = std::move(read_end);
    in_ = std::move(write_end);
  }
  if (!stdio.out && !stdio.closed_out) {
    auto [read_end, write_end] = make_pipe();
    stdio.out = std::move(write_end);
    out_ = Collected::start(std::move(read_end));
  }
  if (!stdio.err) {
    auto [read_end, write_end] = make_pipe();
    stdio.err = std::move(write_end);
    err_ = Collected::start(std::move(read_end));
  }
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  std::vector<char*> arguments = pointers(argv);
  std::vector<char*> variables = pointers(environment);
  pid_ = ::fork();
  if (pid_ < 0) throw Error::from_errno(errno, "fork");
  if (pid_ > 0) return;
  // Above the numbers that are about to be used.
  const int in = stdio.in ? ::fcntl(stdio.in.get(), F_DUPFD_CLOEXEC, 100) : -1;
  const int out = stdio.out ? ::fcntl(stdio.out.get(), F_DUPFD_CLOEXEC, 100) : -1;
  const int err = ::fcntl(stdio.err.get(), F_DUPFD_CLOEXEC, 100);
  const int fd3 = stdio.fd3 ? ::fcntl(stdio.fd3.get(), F_DUPFD_CLOEXEC, 100) : -1;
  place(in, 0);
  place(out, 1);
  place(err, 2);
  place(fd3, 3);
  ::signal(SIGPIPE, SIG_DFL);
  ::execvpe(arguments[0], arguments.data(), variables.data());
  ::_exit(127);
}

Process::~Process() {
  if (is_running()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void Process::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(in_.get(), bytes.data(), bytes.size());
    if (size < 0) throw Error::from_errno(errno, "write");
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

void Process::signal(int number) const { ::kill(pid_, number); }

bool Process::wait_for_err(std::string_view text) { return err_->wait_for(text); }
bool Process::wait_for_out(std::string_view text) { return out_->wait_for(text); }

bool Process::is_running() {
  if (status_) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return false;
}

RunResult Process::wait(std::chrono::milliseconds limit) {
  close_stdin();
  return wait_with_open_stdin(limit);
}

RunResult Process::wait_with_open_stdin(std::chrono::milliseconds limit) {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd entry{pidfd.get(), POLLIN, 0};
  RunResult result;
  if (!status_ && pidfd && ::poll(&entry, 1, static_cast<int>(limit.count())) <= 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    status_ = -1;
  }
  while (is_running()) std::this_thread::yield();
  result.status = *status_;
  result.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - started_);
  if (out_) result.out = out_->take();
  if (err_) result.err = err_->take();
  return result;
}

long Process::peak_memory_kib() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::atol(line.c_str() + 6);
  return 0;
}

std::string ioa_binary() {
  const char* path = std::getenv("IOA_BINARY");
  return path != nullptr ? path : IOA_BINARY;
}

std::string source_dir() { return IOA_SOURCE_DIR; }

std::vector<std::string> ioa(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), ioa_binary());
  return arguments;
}

RunResult run_ioa(std::vector<std::string> arguments, std::string_view input,
                  std::vector<std::string> environment) {
  Process process(ioa(std::move(arguments)), {}, std::move(environment));
  try {
    process.write(input);
  } catch (const Error&) {  // it need not read all of it
  }
  return process.wait();
}

std::size_t line_count(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace ioa::test
