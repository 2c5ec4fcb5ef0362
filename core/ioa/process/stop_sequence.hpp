#pragma once

#include "ioa/base/unique_function.hpp"
#include "ioa/future/future.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/process/stop_policy.hpp"

namespace ioa::detail {

/// Carries a StopPolicy out on one child.
class StopSequence {
 public:
  /// `watch` is that of the child; it may end its waiting, but not die first.
  StopSequence(Loop& loop, PidWatch& watch);
  StopSequence(const StopSequence&) = delete;
  StopSequence& operator=(const StopSequence&) = delete;

  /// Sends the first signal now. Once more: its signal too, and the sooner SIGKILL.
  void begin(const StopPolicy& policy);
  /// False while a whole tree is being ended, which may take longer than the child.
  bool is_tree_ended() const noexcept { return !is_ending_tree_; }
  /// Called when that becomes true; may destroy this.
  void on_tree_ended(UniqueFunction<void()> callback) { on_tree_ended_ = std::move(callback); }

 private:
  void send(int signal);
  Future<> end_whole_tree(StopPolicy policy);

  Loop& loop_;
  PidWatch& watch_;
  StopPolicy::Reach reach_ = StopPolicy::Reach::child;
  TimeWatch killer_;
  bool is_ending_tree_ = false;
  Future<> tree_;
  UniqueFunction<void()> on_tree_ended_;
};

/// Sees a child to its end that nobody else waits for any more, as `policy` says (nullopt: lets it
/// go on), and reaps it. If the Loop ends first, a child that is to be killed is killed at once.
void see_to_its_end(Loop& loop, ::pid_t pid, std::optional<StopPolicy> policy);

}  // namespace ioa::detail
