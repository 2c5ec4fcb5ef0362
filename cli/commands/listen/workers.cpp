#include "cli/commands/listen/workers.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <new>
#include <utility>

#include "cli/commands/listen/readiness.hpp"
#include "ioa/base/error.hpp"
#include "ioa/process/wait_status.hpp"

namespace ioa::cli {
namespace {

// A worker that lives for less has something wrong with it, and the next one will too.
constexpr Duration kShortLife = std::chrono::seconds(1);
constexpr Duration kFirstPause = std::chrono::milliseconds(100);
constexpr Duration kLongestPause = std::chrono::seconds(5);

/// Zeroed memory that children made by fork(2) share; it goes with the last process.
std::atomic<std::int64_t>* shared_counter() {
  void* memory = ::mmap(nullptr, sizeof(std::atomic<std::int64_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error::from_errno(errno, "mmap");
  return new (memory) std::atomic<std::int64_t>(0);
}

bool is_ignored(int number) {
  struct sigaction action {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

std::timespec to_timespec(Duration duration) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {static_cast<std::time_t>(seconds.count()),
          static_cast<long>((duration - seconds).count())};
}

}  // namespace

WorkerSupervisor::WorkerSupervisor(Reporter& reporter, const ListenOptions& options,
                                   std::vector<ListenPlace> places)
    : reporter_(reporter), options_(options), places_(std::move(places)) {
  // No worker without a place for a single connection.
  const std::uint32_t most = options.max_connections > 0 ? options.max_connections : UINT32_MAX;
  workers_.resize(std::min(options.workers, most));
  last_number_ = shared_counter();
  ::sigemptyset(&watched_);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1})
    if (!is_ignored(number)) ::sigaddset(&watched_, number);
  ::sigaddset(&watched_, SIGCHLD);
  ::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the statuses away
}

WorkerSupervisor::~WorkerSupervisor() {
  if (last_number_ != nullptr) ::munmap(last_number_, sizeof *last_number_);
}

std::variant<ExitStatus, WorkerSeat> WorkerSupervisor::supervise() {
  ::pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  if (auto seat = start_all()) return std::move(*seat);
  tell_ready(places_, options_, reporter_);
  while (!is_over()) {
    wait_for_signal();
    if (auto seat = start_due()) return std::move(*seat);
  }
  return status_;
}

std::optional<WorkerSeat> WorkerSupervisor::start_all() {
  for (std::uint32_t index = 0; index < workers_.size(); ++index)
    if (auto seat = start(index)) return seat;
  return std::nullopt;
}

std::optional<WorkerSeat> WorkerSupervisor::start_due() {
  if (is_stopping_) return std::nullopt;
  const TimePoint now = Clock::now();
  for (std::uint32_t index = 0; index < workers_.size(); ++index) {
    if (workers_[index].pid != 0 || workers_[index].due > now) continue;
    if (auto seat = start(index)) return seat;
  }
  return std::nullopt;
}

/// The seat in the new process, nothing in this one.
std::optional<WorkerSeat> WorkerSupervisor::start(std::uint32_t index) {
  Worker& worker = workers_[index];
  const ::pid_t supervisor = ::getpid();
  const ::pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != supervisor) ::_exit(to_int(ended_by_signal(SIGKILL)));  // too late for that
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    return take_seat(index);
  }
  worker.started = Clock::now();
  if (pid > 0) {
    worker.pid = pid;
    reporter_.note(fmt::format("worker {} is pid {}", index + 1, pid));
    return std::nullopt;
  }
  reporter_.warning(Error::from_errno(errno, "fork", fmt::format("worker {}", index + 1)).what());
  worker.pause = std::clamp(worker.pause * 2, kFirstPause, kLongestPause);
  worker.due = saturating_add(worker.started, worker.pause);
  return std::nullopt;
}

WorkerSeat WorkerSupervisor::take_seat(std::uint32_t index) {
  // The supervisor tells who waits for it, and closes it: they wait for its end.
  if (options_.ready_fd > STDERR_FILENO) ::close(options_.ready_fd);
  WorkerSeat seat;
  seat.index = index;
  seat.count = static_cast<std::uint32_t>(workers_.size());
  seat.last_number = std::exchange(last_number_, nullptr);  // it outlives this object
  if (options_.timeout > Duration::zero())
    seat.time_left = std::max<Duration>(options_.timeout - (Clock::now() - reporter_.started()),
                                        std::chrono::milliseconds(1));
  seat.places = std::move(places_);
  for (ListenPlace& place : seat.places)
    for (ListenSocket& socket : place.sockets) socket.file.release();
  return seat;
}

void WorkerSupervisor::wait_for_signal() {
  TimePoint due = TimePoint::max();
  for (const Worker& worker : workers_)
    if (worker.pid == 0 && !is_stopping_) due = std::min(due, worker.due);
  const Duration left = due - Clock::now();
  const std::timespec limit = to_timespec(std::clamp(left, Duration::zero(), kLongestPause));
  ::siginfo_t info{};
  const int number = due == TimePoint::max() ? ::sigwaitinfo(&watched_, &info)
                                             : ::sigtimedwait(&watched_, &info, &limit);
  if (number > 0) handle(number, info.si_code == SI_KERNEL);
}

void WorkerSupervisor::handle(int number, bool is_from_terminal) {
  if (number == SIGCHLD) return reap();
  if (number == SIGUSR1) return signal_all(number);
  if (std::exchange(is_stopping_, true)) {
    signal_all(SIGKILL);
    ::_exit(to_int(ended_by_signal(number)));
  }
  signal_ = number;
  static_cast<void>(notify_manager("STOPPING=1"));
  places_.clear();
  // What a key of the terminal sends, the workers have got already; to them one is enough.
  if (!is_from_terminal) signal_all(number);
}

void WorkerSupervisor::reap() {
  for (Worker& worker : workers_) {
    int status = 0;
    if (worker.pid != 0 && ::waitpid(worker.pid, &status, WNOHANG) == worker.pid)
      ended(worker, status);
  }
}

void WorkerSupervisor::ended(Worker& worker, int status) {
  const ::pid_t pid = std::exchange(worker.pid, 0);
  const WaitStatus how = WaitStatus::from_raw(status);
  const auto code = static_cast<ExitStatus>(how.shell_status());
  // The limit is that of all, and each worker knows it.
  const bool is_limit = options_.timeout > Duration::zero() && code == ExitStatus::time_limit;
  if (is_limit && !std::exchange(is_stopping_, true)) places_.clear();
  if (is_stopping_) {
    // One that had only just begun dies of the signal: it has lost nothing.
    const bool is_in_order = code == ExitStatus::done || code == ended_by_signal(signal_);
    if (!is_in_order && status_ != ExitStatus::time_limit) status_ = code;
    return;
  }
  const TimePoint now = Clock::now();
  const bool lived_long = now - worker.started >= kShortLife;
  worker.pause =
      lived_long ? Duration::zero() : std::clamp(worker.pause * 2, kFirstPause, kLongestPause);
  worker.due = saturating_add(now, worker.pause);
  const auto number = static_cast<std::size_t>(&worker - workers_.data()) + 1;
  reporter_.warning(
      fmt::format("worker {} (pid {}) {}; another one takes its place", number, pid, how.text()));
}

void WorkerSupervisor::signal_all(int number) const noexcept {
  for (const Worker& worker : workers_)
    if (worker.pid != 0) ::kill(worker.pid, number);
}

bool WorkerSupervisor::is_over() const noexcept {
  return is_stopping_ && std::all_of(workers_.begin(), workers_.end(),
                                     [](const Worker& worker) { return worker.pid == 0; });
}

}  // namespace ioa::cli
