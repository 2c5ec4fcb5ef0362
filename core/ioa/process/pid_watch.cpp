#include "ioa/process/pid_watch.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {
namespace {

/// Whether it is a child of this process that nobody has reaped, ended or not.
bool is_child(::pid_t pid) noexcept {
  ::siginfo_t info{};
  const auto ask = [&] {
    return ::waitid(P_PID, static_cast<::id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  };
  return retry_on_eintr(ask) == 0;
}

/// The end of the child, which this reaps; nullopt while it runs.
std::optional<ExitReport> reap(::pid_t pid) noexcept {
  int status = 0;
  ::rusage usage{};
  const ::pid_t found = retry_on_eintr([&] { return ::wait4(pid, &status, WNOHANG, &usage); });
  if (found == 0) return std::nullopt;
  // Somebody else was faster (ECHILD): it has ended, and nobody knows how.
  if (found < 0) return ExitReport{pid, {}, {}};
  return ExitReport{pid, WaitStatus::from_raw(status), ResourceUsage::from_raw(usage)};
}

}  // namespace

struct PidWatch::Running {
  Running(PidWatch& owner, Loop& of)
      : loop(of),
        end(of),
        first_look(of, [&owner] { owner.look(); }),
        first_stop_look(of, [&owner] { owner.look_for_stop(); }) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { loop.watched_children().erase(pid); }

  Loop& loop;
  ::pid_t pid = 0;  // once it stands in the loop's list
  IoWatch end;      // of the pidfd
  DeferredCall first_look;
  DeferredCall first_stop_look;
  std::optional<SignalWatch> child_signal;
  std::optional<SignalWatch> stop_signal;
};

PidWatch::PidWatch(Loop& loop, ::pid_t pid, Callback callback, Method method)
    : PidWatch(loop, SpawnedChild{pid, UniqueFd()}, std::move(callback), method) {}

PidWatch::PidWatch(Loop& loop, SpawnedChild child, Callback callback, Method method)
    : child_(std::move(child)) {
  callback_.set(std::move(callback));
  start(loop, method);
}

PidWatch::~PidWatch() = default;

void PidWatch::start(Loop& loop, Method method) {
  const auto refuse = [this](int error, const char* why) {
    throw Error::from_errno(error, "watch child", std::to_string(pid()), why);
  };
  if (pid() <= 0 || !is_child(pid())) refuse(ECHILD, "");
  auto running = std::make_unique<Running>(*this, loop);
  if (!loop.watched_children().insert(pid()).second) refuse(EEXIST, "it is watched already");
  running->pid = pid();
  ++loop.counters().children;
  if (method == Method::signal)
    child_.pidfd.reset();
  else if (!child_.pidfd)
    child_.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid(), 0)));
  if (child_.pidfd) {
    running->end.set_callback([this](IoEvent) { look(); });
    running->end.start(child_.pidfd.get(), IoEvent::read);
  } else {
    running->child_signal.emplace(loop, SIGCHLD, [this] { look(); });
    running->first_look.schedule();  // it may have ended before
  }
  running_ = std::move(running);
}

void PidWatch::look() {
  if (const auto report = reap(pid())) finish(*report);
}

/// The callback may destroy this.
void PidWatch::finish(const ExitReport& report) {
  running_.reset();
  child_.pidfd.reset();  // after its watch, which would otherwise stay in the kernel's set
  callback_(report);
}

bool PidWatch::kill(int signal) const noexcept {
  if (!is_waiting()) return false;
  if (child_.pidfd)
    return ::syscall(SYS_pidfd_send_signal, child_.pidfd.get(), signal, nullptr, 0) == 0;
  return ::kill(pid(), signal) == 0;  // not reaped: the number is the child's
}

bool PidWatch::kill_group(int signal) const noexcept {
  return is_waiting() && ::getpgid(pid()) == pid() && ::kill(-pid(), signal) == 0;
}

void PidWatch::on_stopped(UniqueFunction<void(const WaitStatus&)> callback) {
  const bool is_wanted = static_cast<bool>(callback);
  on_stopped_.set(std::move(callback));
  if (!running_) return;
  running_->stop_signal.reset();
  running_->first_stop_look.call_off();
  if (!is_wanted) return;
  running_->stop_signal.emplace(running_->loop, SIGCHLD, [this] { look_for_stop(); });
  running_->first_stop_look.schedule();  // it may have stopped before
}

void PidWatch::look_for_stop() {
  ::siginfo_t info{};
  const auto ask = [&] {
    return ::waitid(P_PID, static_cast<::id_t>(pid()), &info, WSTOPPED | WCONTINUED | WNOHANG);
  };
  // The last of what has happened is how it is now: the kernel keeps no more.
  if (retry_on_eintr(ask) != 0 || info.si_pid != pid()) return;
  // W_STOPCODE and the status of a child that goes on. wait(2)
  on_stopped_(info.si_code == CLD_CONTINUED ? WaitStatus::from_raw(0xffff)
                                            : WaitStatus::stopped(info.si_status));
}

}  // namespace ioa
