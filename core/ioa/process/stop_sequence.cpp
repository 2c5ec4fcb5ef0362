#include "ioa/process/stop_sequence.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/process/process_tree.hpp"

namespace ioa::detail {

StopSequence::StopSequence(Loop& loop, PidWatch& watch)
    : loop_(loop), watch_(watch), killer_(loop.timers(), [this] { send(SIGKILL); }) {}

void StopSequence::begin(const StopPolicy& policy) {
  reach_ = policy.reach;
  if (reach_ == StopPolicy::Reach::tree) {
    killer_.disarm();
    is_ending_tree_ = true;
    tree_ = end_whole_tree(policy);
    return;
  }
  if (policy.signal != 0) send(policy.signal);
  if (!policy.kill_after || !watch_.is_waiting()) return;
  const TimePoint due = saturating_add(loop_.now(), *policy.kill_after);
  if (!killer_.is_armed() || due < killer_.due()) killer_.arm(due);
}

void StopSequence::send(int signal) {
  const bool is_sent = reach_ == StopPolicy::Reach::group && watch_.kill_group(signal);
  if (!is_sent && !watch_.kill(signal)) return;
  const auto child = process_info(watch_.pid());
  if (!child || child->state != 'T' || signal == SIGKILL || signal == SIGSTOP) return;
  // One that is stopped answers nothing before it goes on.
  if (!is_sent || !watch_.kill_group(SIGCONT)) watch_.kill(SIGCONT);
}

Future<> StopSequence::end_whole_tree(StopPolicy policy) {
  TreeTarget target{{watch_.pid()}, policy.with_orphans, {}};
  co_await end_tree(loop_, std::move(target), policy);
  is_ending_tree_ = false;
  if (on_tree_ended_) std::exchange(on_tree_ended_, nullptr)();
}

namespace {

// How long the end of a Loop may take for a child that was sent SIGKILL.
constexpr int kReapTries = 100;
constexpr ::timespec kReapPause{0, 1'000'000};

class LastWatch final : public Notifier {
 public:
  LastWatch(::pid_t pid, std::optional<StopPolicy> policy) : pid_(pid), policy_(policy) {}

  bool has_entered() const noexcept { return has_entered_; }
  /// Without a Loop.
  void end_now(Loop& loop) noexcept {
    if (!policy_ || (!policy_->kill_after && policy_->signal != SIGKILL)) return;
    if (policy_->reach == StopPolicy::Reach::tree)
      signal_tree(loop, {{pid_}, policy_->with_orphans, {}}, SIGKILL);
    if (policy_->reach == StopPolicy::Reach::group && ::getpgid(pid_) == pid_)
      ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    for (int left = kReapTries; left > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0; --left)
      ::nanosleep(&kReapPause, nullptr);
  }

 private:
  void added_to_loop(Loop& loop) override {
    has_entered_ = true;
    try {
      watch_.emplace(loop, pid_, [this](const ExitReport&) { leave_when_done(); });
    } catch (const Error&) {
      return remove();  // somebody else waits for it by now
    }
    if (!policy_) return;
    stop_.emplace(loop, *watch_);
    stop_->on_tree_ended([this] { leave_when_done(); });
    stop_->begin(*policy_);
  }

  void removing_from_loop(Loop& loop) override {
    const bool is_waiting = watch_ && watch_->is_waiting();
    stop_.reset();
    watch_.reset();
    if (is_waiting) end_now(loop);
  }

  void leave_when_done() {
    if (!watch_->is_waiting() && (!stop_ || stop_->is_tree_ended())) remove();
  }

  ::pid_t pid_;
  bool has_entered_ = false;
  std::optional<StopPolicy> policy_;
  std::optional<PidWatch> watch_;
  std::optional<StopSequence> stop_;
};

}  // namespace

void see_to_its_end(Loop& loop, ::pid_t pid, std::optional<StopPolicy> policy) {
  auto owned = std::make_unique<LastWatch>(pid, policy);
  LastWatch& watch = loop.add(std::move(owned));
  if (!watch.has_entered()) watch.end_now(loop);  // the Loop itself is ending
}

}  // namespace ioa::detail
