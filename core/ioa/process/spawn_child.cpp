// The code of the child between clone(2) and exec. It shares its parent's memory while the parent
// waits: no allocation, no locks, no destructors, nothing of the C library but system calls. It is
// compiled without sanitizers, whose notes about a stack that exec throws away would stay behind.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "ioa/process/spawn_plan.hpp"

namespace ioa::detail {
namespace {

bool fail(SpawnPlan& plan, SpawnStep step, std::size_t index = 0) noexcept {
  plan.failure = {step, index, errno};
  return false;
}

bool set_up_group(SpawnPlan& plan) noexcept {
  const SpawnRequest& request = plan.request;
  if (request.new_session && ::setsid() < 0) return fail(plan, SpawnStep::session);
  // The leader of a session leads its group already, and may not change it.
  const bool is_done = request.new_session && request.process_group == 0;
  if (request.process_group && !is_done && ::setpgid(0, *request.process_group) != 0)
    return fail(plan, SpawnStep::process_group);
  return true;
}

bool set_up_nice(SpawnPlan& plan) noexcept {
  if (plan.request.nice == 0) return true;
  errno = 0;
  const int old = ::getpriority(PRIO_PROCESS, 0);
  if (errno != 0 || ::setpriority(PRIO_PROCESS, 0, old + plan.request.nice) != 0)
    return fail(plan, SpawnStep::nice);
  return true;
}

// --- Descriptors ----------------------------------------------------------------------------

bool is_used(const SpawnPlan& plan, int fd) noexcept {
  for (const FdAction& step : plan.request.descriptors)
    if (step.to == fd || (step.kind == FdAction::Kind::copy && step.from == fd)) return true;
  return false;
}

/// A copy of `fd` whose number no step is about; -1 with errno.
int moved_aside(const SpawnPlan& plan, int fd) noexcept {
  for (int from = 3;;) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, from);
    if (copy < 0 || !is_used(plan, copy)) return copy;
    ::close(copy);
    from = copy + 1;
  }
}

bool dup_onto(int source, int target) noexcept {
  if (source != target) return ::dup2(source, target) == target;
  // dup2(2) would leave close-on-exec as it is.
  const int flags = ::fcntl(source, F_GETFD);
  return flags >= 0 && ::fcntl(source, F_SETFD, flags & ~FD_CLOEXEC) == 0;
}

bool open_onto(const FdAction& step) noexcept {
  // A terminal becomes the controlling one only where that is asked for.
  const int flags = (step.flags & ~O_CLOEXEC) | O_NOCTTY;
  int fd;
  do {
    fd = ::open(step.path.c_str(), flags, step.mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0 || fd == step.to) return fd >= 0;
  const bool is_done = ::dup2(fd, step.to) == step.to;
  const int error = errno;
  ::close(fd);
  errno = error;
  return is_done;
}

bool apply(const FdAction& step, int source) noexcept {
  switch (step.kind) {
    case FdAction::Kind::dup:
    case FdAction::Kind::copy:
    case FdAction::Kind::keep:
      return dup_onto(source, step.to);
    case FdAction::Kind::open:
      return open_onto(step);
    case FdAction::Kind::close:
      ::close(step.to);
      return true;
  }
  return true;
}

/// Now, and not by exec: that closes descriptors a moment after it has let the parent go on, so
/// that the child would still hold its copies of what the parent has closed.
void close_others(const SpawnPlan& plan) noexcept {
  for (const auto& [first, last] : plan.others) {
    if (::syscall(SYS_close_range, first, last, 0) == 0) continue;
    // Before Linux 5.9: one by one.
    ::rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto end = last < limit.rlim_cur ? last + 1UL : limit.rlim_cur;
    for (auto fd = static_cast<int>(first); static_cast<::rlim_t>(fd) < end; ++fd) ::close(fd);
  }
}

bool set_up_descriptors(SpawnPlan& plan) noexcept {
  const FdAction* const steps = plan.request.descriptors.data();
  const std::size_t count = plan.request.descriptors.size();
  int* const sources = plan.sources.data();
  for (std::size_t i = 0; i < count; ++i) {
    if (steps[i].from < 0 || sources[i] >= 0) continue;
    sources[i] = moved_aside(plan, steps[i].from);
    if (sources[i] < 0) return fail(plan, SpawnStep::descriptor, i);
  }
  for (std::size_t i = 0; i < count; ++i)
    if (!apply(steps[i], sources[i])) return fail(plan, SpawnStep::descriptor, i);
  close_others(plan);
  return true;
}

bool set_up_terminal(SpawnPlan& plan) noexcept {
  const SpawnRequest& request = plan.request;
  if (request.controlling_terminal && ::ioctl(*request.controlling_terminal, TIOCSCTTY, 0) != 0)
    return fail(plan, SpawnStep::controlling_terminal);
  // Allowed from the background too, because SIGTTOU is blocked.
  const ::pid_t group = ::getpgrp();
  if (request.foreground_terminal && ::ioctl(*request.foreground_terminal, TIOCSPGRP, &group) != 0)
    return fail(plan, SpawnStep::foreground_terminal);
  return true;
}

// --- Rights ---------------------------------------------------------------------------------

bool set_up_limits(SpawnPlan& plan) noexcept {
  const ResourceLimit* const limits = plan.request.limits.data();
  for (std::size_t i = 0; i < plan.request.limits.size(); ++i) {
    const ::rlimit64 limit{limits[i].soft, limits[i].hard};
    if (::syscall(SYS_prlimit64, 0, limits[i].resource, &limit, nullptr) != 0)
      return fail(plan, SpawnStep::limit, i);
  }
  return true;
}

/// By plain system calls: those of the C library would have all threads of the parent do the same.
bool set_up_ids(SpawnPlan& plan) noexcept {
  const SpawnRequest& request = plan.request;
  if (request.groups &&
      ::syscall(SYS_setgroups, request.groups->size(), request.groups->data()) != 0)
    return fail(plan, SpawnStep::groups);
  if (request.group) {
    const ::gid_t id = *request.group;
    if (::syscall(SYS_setresgid, id, id, id) != 0) return fail(plan, SpawnStep::group);
  }
  if (request.user) {
    const ::uid_t id = *request.user;
    if (::syscall(SYS_setresuid, id, id, id) != 0) return fail(plan, SpawnStep::user);
  }
  return true;
}

/// After the ids, which a change of resets it. prctl(2)
bool set_up_parent_death(SpawnPlan& plan) noexcept {
  const int signal = plan.request.parent_death_signal;
  if (signal == 0) return true;
  if (::prctl(PR_SET_PDEATHSIG, signal) != 0) return fail(plan, SpawnStep::parent_death);
  // It may have died before. One in another pid namespace has the number 0, and says nothing.
  const ::pid_t parent = ::getppid();
  if (parent != plan.parent && parent != 0) ::kill(::getpid(), signal);
  return true;
}

// --- Signals and the program ----------------------------------------------------------------

/// One question a signal, and a second call only where it is not as it should be.
void set_up_dispositions(const SpawnPlan& plan) noexcept {
  const auto& state = plan.request.signals;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct ::sigaction action {};
    // Fails for those that the C library keeps to itself, which exec resets.
    if (::sigaction(signal, nullptr, &action) != 0) continue;
    const bool is_ignored = action.sa_handler == SIG_IGN;
    const bool ignores = state ? (state->covers(signal) ? state->ignores(signal) : is_ignored)
                               : is_ignored && signal != SIGPIPE;
    const auto wanted = ignores ? SIG_IGN : SIG_DFL;
    if (action.sa_handler == wanted) continue;
    action = {};
    action.sa_handler = wanted;
    ::sigaction(signal, &action, nullptr);
  }
}

void set_up_mask(SpawnPlan& plan) noexcept {
  if (const auto& state = plan.request.signals) {
    ::sigemptyset(&plan.mask);
    for (int signal = 1; signal < NSIG; ++signal)
      if (state->blocks(signal)) ::sigaddset(&plan.mask, signal);
  }
  ::sigprocmask(SIG_SETMASK, &plan.mask, nullptr);
}

void write_pid(char* digits) noexcept {
  ::pid_t pid = ::getpid();
  int size = 1;
  for (::pid_t rest = pid; rest >= 10; rest /= 10) ++size;
  for (digits[size] = '\0'; size > 0; pid /= 10) digits[--size] = static_cast<char>('0' + pid % 10);
}

/// Whether the next folder of PATH may have it, as execvp(3) of the GNU C library decides.
bool may_be_elsewhere(int error) noexcept {
  return error == ENOENT || error == EACCES || error == ENOTDIR || error == ESTALE ||
         error == ENODEV || error == ETIMEDOUT || error == ENAMETOOLONG;
}

void execute(SpawnPlan& plan) noexcept {
  char* const* const environment = const_cast<char* const*>(plan.environment);
  char* const* const arguments = const_cast<char* const*>(plan.arguments.data());
  bool is_denied = false;
  for (const char* const* file = plan.candidates.data(); *file != nullptr; ++file) {
    ::execve(*file, arguments, environment);
    if (errno == ENOEXEC && !plan.shell_arguments.empty()) {
      plan.shell_arguments[1] = *file;
      ::execve("/bin/sh", const_cast<char* const*>(plan.shell_arguments.data()), environment);
    }
    is_denied = is_denied || errno == EACCES;
    if (!may_be_elsewhere(errno)) return;
  }
  // One that is there and may not be run says more than that the others are not there.
  if (is_denied) errno = EACCES;
}

}  // namespace

int run_spawn_plan(void* argument) noexcept {
  auto& plan = *static_cast<SpawnPlan*>(argument);
  const SpawnRequest& request = plan.request;
  // First of all: a handler of the parent's must never run here.
  set_up_dispositions(plan);
  if (!set_up_group(plan)) return 127;
  if (request.umask) ::umask(*request.umask);
  if (!set_up_nice(plan)) return 127;
  if (request.directory && ::chdir(request.directory->c_str()) != 0) {
    fail(plan, SpawnStep::directory);
    return 127;
  }
  if (!set_up_descriptors(plan) || !set_up_terminal(plan) || !set_up_limits(plan) ||
      !set_up_ids(plan) || !set_up_parent_death(plan))
    return 127;
  if (plan.pid_digits != nullptr) write_pid(plan.pid_digits);
  set_up_mask(plan);
  execute(plan);
  fail(plan, SpawnStep::exec);
  return 127;
}

}  // namespace ioa::detail
