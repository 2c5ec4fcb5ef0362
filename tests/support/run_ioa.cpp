#include "tests/support/run_ioa.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string_view>
#include <thread>
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

/// What would change what the program under test does.
bool is_setting_of_ioa(std::string_view variable) {
  return variable.substr(0, 9) == "IOA_LOOP=" || variable.substr(0, 9) == "IOA_DEBUG" ||
         variable.substr(0, 9) == "NO_COLOR=";
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

/// A thread that reads one of the child's outputs.
class Process::Collector {
 public:
  explicit Collector(UniqueFd source)
      : source_(std::move(source)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { read_all(); }) {}
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector() { stop(); }

  /// Reads no more. A child of the child may hold the other end for ever.
  void stop() {
    static_cast<void>(::eventfd_write(stop_.get(), 1));
    if (thread_.joinable()) thread_.join();
    source_.reset();
  }
  bool wait_for(std::string_view wanted) {
    std::unique_lock lock(mutex_);
    const auto there = [&] { return text_.find(wanted) != std::string::npos; };
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return there() || ended_; });
    return there();
  }
  std::string take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return ended_; });
    return text_;
  }

 private:
  void read_all() {
    std::array<char, 65536> bytes{};
    pollfd entries[] = {{source_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    for (;;) {
      ::poll(entries, 2, -1);
      const bool is_stopped = entries[1].revents != 0;
      const ssize_t size = is_stopped ? 0 : ::read(source_.get(), bytes.data(), bytes.size());
      if (size < 0 && errno == EINTR) continue;
      const std::lock_guard lock(mutex_);
      if (size > 0) text_.append(bytes.data(), static_cast<std::size_t>(size));
      ended_ = size <= 0;
      changed_.notify_all();
      if (ended_) return;
    }
  }

  UniqueFd source_;
  UniqueFd stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  bool ended_ = false;
  std::thread thread_;
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
    out_ = std::make_unique<Collector>(std::move(read_end));
  }
  if (!stdio.err && !stdio.closed_err) {
    auto [read_end, write_end] = make_pipe();
    stdio.err = std::move(write_end);
    err_ = std::make_unique<Collector>(std::move(read_end));
  }
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!is_setting_of_ioa(*entry)) environment.emplace_back(*entry);
  std::vector<char*> arguments = pointers(argv);
  std::vector<char*> variables = pointers(environment);
  pid_ = ::fork();
  if (pid_ < 0) throw Error::from_errno(errno, "fork");
  if (pid_ > 0) {
    stdio = Stdio();  // a temporary of the caller may live on, and would hide the ends of pipes
    return;
  }
  // Above the numbers that are about to be used.
  const int in = stdio.in ? ::fcntl(stdio.in.get(), F_DUPFD_CLOEXEC, 100) : -1;
  const int out = stdio.out ? ::fcntl(stdio.out.get(), F_DUPFD_CLOEXEC, 100) : -1;
  const int err = stdio.err ? ::fcntl(stdio.err.get(), F_DUPFD_CLOEXEC, 100) : -1;
  const int fd3 = stdio.fd3 ? ::fcntl(stdio.fd3.get(), F_DUPFD_CLOEXEC, 100) : -1;
  place(in, 0);
  place(out, 1);
  place(err, 2);
  if (fd3 >= 0) place(fd3, 3);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
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

void Process::stop_reading_output() { out_->stop(); }

bool Process::is_sleeping() const {
  std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t end = line.rfind(") ");  // of the name, which may hold anything
  return end != std::string::npos && line.substr(end + 2, 1) == "S";
}

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

RunResult run_shell(const std::string& script, std::vector<std::string> environment) {
  environment.push_back("IOA=" + ioa_binary());
  return Process({"/bin/sh", "-c", script}, {}, std::move(environment)).wait();
}

std::size_t line_count(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool wants_long_tests() {
  return std::getenv("IOA_TEST_ALL") != nullptr || std::getenv("IOA_TEST_FULL") != nullptr;
}

bool is_release_build() {
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

}  // namespace ioa::test
