#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/future.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/stream.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/process/pseudo_terminal.hpp"
#include "ioa/process/spawn_request.hpp"
#include "ioa/process/stop_policy.hpp"

namespace ioa {
namespace detail {
class StopSequence;
}  // namespace detail

/// A child process and the Streams that lead to its descriptors.
///
///     auto owned = std::make_unique<Process>(SpawnRequest::command({"sort"}));
///     Stream& in = owned->pipe_write(0);
///     Stream& out = owned->pipe_read(1);
///     Process& sort = loop.add(std::move(owned));   // it runs
///     in.write("b\na\n");
///     in.close();
///     Bytes sorted = co_await out.read_until_eof();
///     ExitReport report = co_await sort.exited();
///
/// It is started when it enters a loop, once in its life.
///
/// EVENTS: on_exit, once, when the child has ended and every Stream that reads from it is at its
/// end; but not later than `drain` after the child's end, so that a grandchild which keeps a pipe
/// open delays nothing. Streams that only write are not waited for. If the child cannot be started:
/// on_failed, from the loop, with the Error of spawn().
///
/// STREAMS are children of the Process, exist before it is started (what is written then waits; to
/// say that it is all, shutdown_write(), since close() outside a loop closes at once), and live as
/// long as the Process does, closed or not. One that nobody reads does not come to its end. A child
/// that does not read what it is written is no failure. What is open after on_exit is closed.
///
/// OWNERSHIP: leaves the tree after on_exit or on_failed, unless set_leaves_when_done(false). One
/// that leaves earlier stops its child: see set_stop_policy(). The child is reaped in any case.
class Process final : public Notifier {
 public:
  using Callback = UniqueFunction<void(Process&)>;

  explicit Process(SpawnRequest request);
  ~Process() override;

  // --- Before it is started -----------------------------------------------------------------

  /// May be changed until it is started. Steps for descriptors that get a Stream follow those that
  /// are in it.
  SpawnRequest& request();

  /// Streams on the child's descriptors, over a pipe each: what the child writes to `fd`; what it
  /// reads from `fd`; both as one Stream. One descriptor has one Stream. Where there are no
  /// descriptors or terminals left, starting it fails.
  Stream& pipe_read(int fd);
  Stream& pipe_write(int fd);
  Stream& pipe_both(int read_fd = 1, int write_fd = 0);
  /// Both directions over one Unix stream socket, which the child has as each of `fds`.
  Stream& socketpair(std::initializer_list<int> fds = {0, 1});
  /// Both directions over a new terminal, which the child has as each of `fds`, and which is the
  /// controlling one of its new session.
  Stream& pty(const TerminalSettings& settings = {}, std::initializer_list<int> fds = {0, 1, 2});
  /// The child's `fd` is what its `to` is: merge(2, 1) is `2>&1`.
  void merge(int fd, int to);

  /// How long the child's Streams may stay open after its end; nullopt: for ever. At first 1 s.
  void set_drain(std::optional<Duration> drain) noexcept { drain_ = drain; }
  /// What becomes of a child that runs when its Process leaves the tree; by default SIGTERM and 2 s
  /// later SIGKILL. nullopt: nothing, it goes on.
  void set_stop_policy(std::optional<StopPolicy> policy) noexcept { stop_policy_ = policy; }
  void set_leaves_when_done(bool leaves) noexcept { leaves_when_done_ = leaves; }

  // --- Events -------------------------------------------------------------------------------

  /// See EVENTS; report() is set.
  void on_exit(Callback callback) { on_exit_ = std::move(callback); }
  /// The child could not be started; failure() is set. Without this, and if nobody waits for
  /// exited(), it goes to invoke_error().
  void on_failed(Callback callback) { on_failed_ = std::move(callback); }
  /// The child itself has ended; its Streams may still have something. status() is set.
  void on_child_end(Callback callback) { on_child_end_ = std::move(callback); }
  /// The child has stopped or goes on: see PidWatch::on_stopped(). Before it is started.
  void on_stopped(UniqueFunction<void(Process&, const WaitStatus&)> callback);

  /// As on_exit, and after it; ready at once if that has been. Fails with the Error of spawn(), or
  /// with kind `abandoned` if the Process leaves the tree before.
  Future<ExitReport> exited();

  // --- While it runs ------------------------------------------------------------------------

  /// 0 before it is started, and if that failed; kept after its end.
  ::pid_t pid() const noexcept { return pid_; }
  /// True from its start to the end of the child.
  bool is_running() const noexcept { return watch_ != nullptr && watch_->is_waiting(); }
  /// How the child has ended, once it has.
  const std::optional<ExitReport>& report() const noexcept { return report_; }
  /// Why it could not be started.
  const std::optional<Error>& failure() const noexcept { return failure_; }
  /// False if a Stream was still open when `drain` was up, so that something may be missing.
  bool is_drained() const noexcept { return is_drained_; }

  /// Sends a signal to the child; false if there is none (any more). Never hits another process.
  bool kill(int signal) noexcept;
  /// The same to the process group that it leads.
  bool kill_group(int signal) noexcept;
  /// Ends it as `policy` says; on_exit tells when it has. Once more: what is sooner counts. Does
  /// nothing if it does not run.
  void terminate(const StopPolicy& policy = {});

  /// The Stream of the child's `fd`; null if it has none.
  Stream* stream(int fd) noexcept;

  /// "nopid", "1234" while it runs, "[1234]" after its end.
  std::string describe() const override;

 private:
  enum class Via { pipe_read, pipe_write, pipe_both, socketpair, pty };
  struct ChildEnd {
    UniqueFd fd;
    std::vector<int> targets;
  };
  struct Channel {
    Stream* stream;
    std::vector<int> fds;
    bool is_read;
  };

  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;
  Stream& add_channel(Via via, std::vector<int> fds, const TerminalSettings& settings = {});
  void open_channel(Stream& stream, Via via, std::vector<int> fds,
                    const TerminalSettings& settings);
  UniqueFd open_pipe(bool reads, int fd);
  void start(Loop& loop);
  void follow_streams();
  Future<> follow(Stream& stream);
  void fail(const Error& error);
  void announce_failure();
  void child_ended(const ExitReport& report);
  bool has_ended_tree() const noexcept;
  void finish_when_done();
  void finish();
  void settle(const std::exception_ptr& failure);

  SpawnRequest request_;
  std::vector<Channel> channels_;
  std::vector<ChildEnd> child_ends_;         // until it is started
  std::vector<std::pair<int, int>> merges_;  // the first becomes what the second is
  std::optional<Duration> drain_ = std::chrono::seconds(1);
  std::optional<StopPolicy> stop_policy_ = StopPolicy{};
  bool leaves_when_done_ = true;
  bool is_started_ = false;
  bool is_done_ = false;
  bool is_drain_up_ = false;
  bool is_drained_ = true;
  ::pid_t pid_ = 0;
  std::size_t open_reads_ = 0;
  std::optional<ExitReport> report_;
  std::optional<Error> failure_;
  std::unique_ptr<PidWatch> watch_;             // from its start until it leaves
  std::unique_ptr<detail::StopSequence> stop_;  // of terminate()
  std::optional<TimeWatch> drain_timer_;
  std::optional<DeferredCall> failing_;
  std::vector<Promise<ExitReport>> waiters_;
  Event<void(Process&)> on_exit_;
  Event<void(Process&)> on_failed_;
  Event<void(Process&)> on_child_end_;
  Event<void(Process&, const WaitStatus&)> on_stopped_;
};

/// Adds a Process to the tree and waits until it is started, which is at once: fails with the Error
/// of spawn(). The Process stays in the tree until it is done; its owner counts on it no longer
/// than that.
///
///     Process* cat = co_await open_process(loop, std::move(owned));
Future<Process*> open_process(Loop& loop, std::unique_ptr<Process> process);
Future<Process*> open_process(Notifier& parent, std::unique_ptr<Process> process);

}  // namespace ioa
