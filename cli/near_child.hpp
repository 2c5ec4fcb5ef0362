#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/byte_end.hpp"
#include "ioa/net/address.hpp"
#include "ioa/net/socket_address.hpp"
#include "ioa/process/environment.hpp"
#include "ioa/process/pid_watch.hpp"
#include "ioa/process/spawn_request.hpp"
#include "ioa/process/wait_status.hpp"

namespace ioa::cli {

/// A connection as a child's environment describes it: IOA_REMOTE_ADDR, IOA_REMOTE_PORT,
/// IOA_LOCAL_ADDR, IOA_LOCAL_PORT, IOA_PROTO and IOA_CONN. A port that there is none of is empty.
struct ConnectionNames {
  SocketAddress remote;
  SocketAddress local;
  std::string protocol = "tcp";
  std::int64_t number = 1;

  void add_to(Environment& environment) const;
};

/// A command that stands at one side of a connection: exec:, shell:, pty:.
///
/// It leads a process group of its own, which ends with the connection, and is killed if this
/// program is. Its standard error is ours, save on a pseudo-terminal.
class NearChild {
 public:
  /// `kill_after` is how long the group has to end once it was told to; zero: for ever.
  NearChild(Context& context, const Address& command, Duration kill_after);
  NearChild(const NearChild&) = delete;
  NearChild& operator=(const NearChild&) = delete;
  /// Kills what is left of the group.
  ~NearChild();

  /// Throws an Error of operation "exec" if the command cannot be found or may not be run, as far
  /// as that can be told without running it.
  void look_for_command() const;
  /// Starts it. Throws the Error of spawn().
  void start(const ConnectionNames& connection);

  /// What it writes, and what it reads; to be taken once each, after start().
  ByteEnd take_output() { return std::move(*output_); }
  ByteEnd take_input() { return std::move(*input_); }

  /// Called when it has ended; its group may go on.
  void on_exit(UniqueFunction<void()> callback) { on_exit_.set(std::move(callback)); }
  /// How it ended by itself; nothing if it was told to, or runs.
  std::optional<WaitStatus> own_end() const { return own_end_; }
  bool is_running() const noexcept { return watch_ && watch_->is_waiting(); }

  /// Waits until the group is gone. One that is ending by itself (its output has ended) has
  /// kill_after for that, then, or at once, it is told to (SIGTERM), and after kill_after more
  /// killed.
  Future<> end(bool is_ending);

  /// Kills its group at once, and does not wait: the program is about to end.
  void kill() const noexcept;

  /// What messages call it.
  const std::string& name() const noexcept { return name_; }

 private:
  SpawnRequest request() const;
  void open_pipes(SpawnRequest& request);
  void open_terminal(SpawnRequest& request);
  void exited(const ExitReport& report);
  Future<> ended_within(Duration limit);

  Context& context_;
  Address::Scheme scheme_;
  std::string name_;
  std::vector<std::string> words_;
  Duration kill_after_;
  std::int64_t connection_ = 0;
  TimePoint started_{};
  ::pid_t group_ = 0;
  std::vector<UniqueFd> child_ends_;
  std::optional<ByteEnd> output_;
  std::optional<ByteEnd> input_;
  std::optional<PidWatch> watch_;
  std::optional<WaitStatus> own_end_;
  bool was_told_ = false;
  CallbackSlot<> on_exit_;
};

/// The status that a failure to run a command means: 127 where there is none of that name, 126
/// where it cannot be executed, 125 where the system has no room for it.
ExitStatus status_of_spawn_failure(const Error& error) noexcept;

}  // namespace ioa::cli
