#include "ioa/worker/worker_start.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <memory>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/worker/thread_signals.hpp"

namespace ioa::detail {
namespace {

/// No handler of this process may run in its copy, nor any thread's mask count there.
void reset_signals() noexcept {
  struct ::sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  ::sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void close_all(unsigned first, unsigned last) noexcept {
  if (first > last || ::syscall(SYS_close_range, first, last, 0) == 0) return;
  // Before Linux 5.9: what a process may have open at most.
  const long most = ::sysconf(_SC_OPEN_MAX);
  for (unsigned fd = first; fd <= last && fd < static_cast<unsigned long>(most); ++fd)
    ::close(static_cast<int>(fd));
}

void keep_only(const std::vector<UniqueFd>& ends) noexcept {
  unsigned next = 3;
  std::vector<int> kept;
  for (const UniqueFd& end : ends) kept.push_back(end.get());
  std::sort(kept.begin(), kept.end());
  for (const int fd : kept) {
    if (fd < 3) continue;
    close_all(next, static_cast<unsigned>(fd) - 1);
    next = static_cast<unsigned>(fd) + 1;
  }
  close_all(next, ~0U);
}

/// What this process reads from its standard input is its own.
void detach_stdin() noexcept {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, STDIN_FILENO);
  if (null != STDIN_FILENO) ::close(null);
}

/// Everything of this process that the child has is a copy: it leaves by _exit(2), so that none of
/// it is destroyed, flushed or told.
[[noreturn]] void be_worker(WorkerMain& main, std::vector<UniqueFd>& ends,
                            ::pid_t parent) noexcept {
  reset_signals();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  detach_stdin();
  keep_only(ends);
  try {
    main(std::move(ends));
  } catch (...) {
    ::_exit(1);
  }
  ::_exit(0);
}

struct ThreadStart {
  WorkerMain main;
  std::vector<UniqueFd> ends;
  std::string name;
  std::promise<::pid_t> id;
};

void* thread_main(void* argument) {
  std::unique_ptr<ThreadStart> start(static_cast<ThreadStart*>(argument));
  if (!start->name.empty()) ::prctl(PR_SET_NAME, start->name.c_str());  // 15 bytes of it count
  start->id.set_value(::gettid());
  start->main(std::move(start->ends));
  return nullptr;
}

}  // namespace

::pid_t start_worker_process(WorkerMain main, std::vector<UniqueFd> ends) {
  const ::pid_t parent = ::getpid();
  // No handler may run in the child before its handlers are reset.
  ::sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const ::pid_t pid = ::fork();
  const int error = errno;
  if (pid == 0) be_worker(main, ends, parent);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw Error::from_errno(error, "fork");
  return pid;
}

::pid_t start_worker_thread(WorkerMain main, std::vector<UniqueFd> ends, const std::string& name) {
  auto start =
      std::make_unique<ThreadStart>(ThreadStart{std::move(main), std::move(ends), name, {}});
  std::future<::pid_t> id = start->id.get_future();
  ::pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_t thread;
  int error = 0;
  {
    const ThreadSignals blocked;
    error = ::pthread_create(&thread, &attributes, &thread_main, start.get());
  }
  ::pthread_attr_destroy(&attributes);
  if (error != 0) throw Error::from_errno(error, "pthread_create");
  static_cast<void>(start.release());
  return id.get();
}

}  // namespace ioa::detail
