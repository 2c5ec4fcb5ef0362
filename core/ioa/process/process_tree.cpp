#include "ioa/process/process_tree.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa {
namespace {

// How long to wait before the next look: soon at first, since most processes end at once.
constexpr Duration kFirstPause = std::chrono::milliseconds(1);
constexpr Duration kLongestPause = std::chrono::milliseconds(50);

bool is_same(const ProcessInfo& a, const ProcessInfo& b) noexcept {
  return a.pid == b.pid && a.start_time == b.start_time;
}

/// Sends a signal to that process and no other that has its number by now.
bool signal_process(const ProcessInfo& process, int signal) noexcept {
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  const int error = pidfd ? 0 : errno;
  const auto now = process_info(process.pid);
  if (!now || !is_same(*now, process)) return false;
  if (!pidfd) return error == ENOSYS && ::kill(process.pid, signal) == 0;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

/// The processes of a TreeTarget, found again and again.
class Sweep {
 public:
  Sweep(Loop& loop, TreeTarget target) : loop_(loop), target_(std::move(target)) {
    for (const ::pid_t root : target_.roots) {
      if (root <= 1 || root == ::getpid()) continue;
      if (const auto info = process_info(root)) known_.emplace(root, Known{*info, {}});
    }
  }

  /// Looks for all that is there, and sends `signal` (0: none) to whatever has not got it yet;
  /// SIGKILL always. Returns whether anything is left that has not ended.
  bool run(int signal) {
    // The lists of children are quick, but may miss one that comes or goes just then. proc(5)
    return run(signal, TreeSearch::automatic) || run(signal, TreeSearch::parents);
  }

  TreeReport report() const {
    TreeReport report = counts_;
    for (const auto& [pid, known] : known_)
      if (!known.info.has_ended()) report.left.push_back(pid);
    return report;
  }

 private:
  struct Known {
    ProcessInfo info;
    std::set<int> sent;
  };

  bool run(int signal, TreeSearch how) {
    look(how);
    bool is_any_left = false;
    for (auto& [pid, known] : known_) {
      if (known.info.has_ended()) continue;
      is_any_left = true;
      if (signal != 0 && (signal == SIGKILL || known.sent.count(signal) == 0)) send(known, signal);
    }
    return is_any_left;
  }

  void send(Known& known, int signal) {
    if (!signal_process(known.info, signal)) return;
    if (known.sent.empty()) ++counts_.signalled;
    if (known.sent.insert(signal).second && signal == SIGKILL) ++counts_.killed;
    // One that is stopped answers no signal but SIGKILL.
    if (known.info.state == 'T' && signal != SIGKILL && signal != SIGSTOP)
      signal_process(known.info, SIGCONT);
  }

  void look(TreeSearch how) {
    refresh();
    std::set<::pid_t> seen;
    if (target_.adopted) take_adopted(how);
    std::vector<::pid_t> parents;
    for (const auto& [pid, known] : known_) parents.push_back(pid);
    for (const ::pid_t parent : parents) {
      if (seen.count(parent) != 0) continue;  // it is below another one, and so are its children
      for (const ProcessInfo& info : descendants_of(parent, how)) {
        seen.insert(info.pid);
        take(info);
      }
    }
  }

  /// Forgets those that are gone, orphans of ours that are reaped here included.
  void refresh() {
    for (auto it = known_.begin(); it != known_.end();) {
      Known& known = it->second;
      auto now = process_info(it->first);
      if (now && is_same(*now, known.info) && now->has_ended() && is_orphan(*now)) {
        ::waitpid(it->first, nullptr, WNOHANG);
        now.reset();
      }
      if (now && is_same(*now, known.info)) {
        known.info = *now;
        ++it;
      } else {
        it = known_.erase(it);
      }
    }
  }

  void take(const ProcessInfo& info) {
    if (info.pid == ::getpid()) return;
    const auto [place, is_new] = known_.emplace(info.pid, Known{info, {}});
    if (is_new) return;
    if (!is_same(place->second.info, info)) place->second.sent.clear();
    place->second.info = info;
  }

  void take_adopted(TreeSearch how) {
    for (const ProcessInfo& info : descendants_of(::getpid(), how)) {
      if (!is_orphan(info)) continue;
      if (!target_.mark.empty() && !has_in_environment(info.pid, target_.mark)) continue;
      take(info);
    }
  }

  /// Whether this process has adopted it: its child, and nobody's whom the Loop knows.
  bool is_orphan(const ProcessInfo& info) const {
    const auto& roots = target_.roots;
    return info.parent == ::getpid() && loop_.watched_children().count(info.pid) == 0 &&
           std::find(roots.begin(), roots.end(), info.pid) == roots.end();
  }

  Loop& loop_;
  TreeTarget target_;
  std::map<::pid_t, Known> known_;
  TreeReport counts_;
};

/// When SIGKILL is due.
std::optional<TimePoint> kill_time(Loop& loop, const StopPolicy& policy) {
  if (policy.signal == SIGKILL) return loop.now();
  if (!policy.kill_after) return std::nullopt;
  return saturating_add(loop.now(), *policy.kill_after);
}

}  // namespace

TreeReport signal_tree(Loop& loop, const TreeTarget& target, int signal) {
  Sweep sweep(loop, target);
  sweep.run(signal);
  return sweep.report();
}

Future<TreeReport> end_tree(Loop& loop, TreeTarget target, StopPolicy policy) {
  Sweep sweep(loop, std::move(target));
  const std::optional<TimePoint> kill_at = kill_time(loop, policy);
  Duration pause = kFirstPause;
  for (;;) {
    const bool kills = kill_at && loop.now() >= *kill_at;
    const bool is_any_left = sweep.run(kills ? SIGKILL : policy.signal);
    if (!is_any_left) co_return sweep.report();
    if (kills && loop.now() >= saturating_add(*kill_at, kTreePatience)) co_return sweep.report();
    TimePoint next = saturating_add(loop.now(), pause);
    if (!kills && kill_at && *kill_at < next) next = *kill_at;
    co_await sleep_until(loop, next);
    pause = std::min(2 * pause, kLongestPause);
  }
}

std::size_t reap_adopted(Loop& loop) {
  std::size_t count = 0;
  for (const ProcessInfo& info : descendants_of(::getpid())) {
    if (!info.has_ended() || info.parent != ::getpid()) continue;
    if (loop.watched_children().count(info.pid) != 0) continue;
    if (::waitpid(info.pid, nullptr, WNOHANG) == info.pid) ++count;
  }
  return count;
}

}  // namespace ioa
