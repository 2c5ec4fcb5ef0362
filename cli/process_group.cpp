#include "cli/process_group.hpp"

#include <dirent.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

#include "ioa/loop/timeout.hpp"
#include "ioa/process/process_info.hpp"

namespace ioa::cli {
namespace {

// Nothing tells when a process group is gone: it is looked at, soon, then less often.
constexpr Duration kFirstGroupLook = std::chrono::milliseconds(1);
constexpr Duration kLastGroupLook = std::chrono::milliseconds(20);
// A process that the kernel does not let go is not waited for longer than this after SIGKILL.
constexpr Duration kGroupPatience = std::chrono::seconds(2);

}  // namespace

bool signal_group(::pid_t group, int number) noexcept { return ::kill(-group, number) == 0; }

bool is_group_alive(::pid_t group) {
  // Counts those too that have ended and that nobody reaps.
  if (!signal_group(group, 0)) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
  if (!folder) return true;
  while (const dirent* entry = ::readdir(folder.get())) {
    ::pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, pid).ptr != end) continue;
    const auto info = process_info(pid);
    if (info && info->group == group && !info->has_ended()) return true;
  }
  return false;
}

Future<bool> group_gone_within(Loop& loop, ::pid_t group, Duration limit) {
  const TimePoint due =
      limit > Duration::zero() ? saturating_add(loop.now(), limit) : TimePoint::max();
  Duration step = kFirstGroupLook;
  for (;;) {
    if (!is_group_alive(group)) co_return true;
    const Duration left = due - loop.now();
    if (left <= Duration::zero()) co_return false;
    co_await sleep_for(loop, std::min(step, left));
    step = std::min(step * 2, kLastGroupLook);
  }
}

Future<> end_group(Loop& loop, ::pid_t group, Duration kill_after) {
  signal_group(group, SIGTERM);
  signal_group(group, SIGCONT);  // one that is stopped could not answer
  const bool is_gone = co_await group_gone_within(loop, group, kill_after);
  if (is_gone) co_return;
  signal_group(group, SIGKILL);
  co_await group_gone_within(loop, group, kGroupPatience);
}

}  // namespace ioa::cli
