#pragma once

#include <chrono>
#include <string>

#include "ioa/base/clock.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/base/unique_function.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/candidate_list.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/socket_calls.hpp"

namespace ioa::detail {

/// One socket on its way to one address; not part of the interface. Destroying it closes the
/// socket, unless that was taken.
class ConnectAttempt {
 public:
  enum class State { connecting, connected, failed };

  ConnectAttempt(Loop& loop, SocketCalls& calls, ConnectCandidate candidate)
      : loop_(loop),
        calls_(calls),
        candidate_(std::move(candidate)),
        began_(loop.backend().now()),
        watch_(loop),
        retry_(loop.timers()) {}
  ConnectAttempt(const ConnectAttempt&) = delete;
  ConnectAttempt& operator=(const ConnectAttempt&) = delete;

  /// Makes the socket and starts to connect it. If it is still connecting then, `on_settled` is
  /// called once when it no longer is, and may destroy the attempt.
  State begin(const SocketOptions& options, bool multipath, UniqueFunction<void()> on_settled);

  State state() const noexcept { return state_; }
  const SocketAddress& peer() const noexcept { return candidate_.peer.address; }
  TimePoint began() const noexcept { return began_; }
  /// Once it has connected.
  const SocketAddress& local() const noexcept { return local_; }
  UniqueFd take_fd() noexcept;
  /// Once it has failed.
  const AttemptFailure& failure() const noexcept { return failure_; }

 private:
  bool open(const SocketOptions& options, bool multipath);
  bool bind();
  void connect();
  void wait_for_answer();
  void wait_for_backlog();
  void answered(int error);
  void settle_later();
  void fail(std::string syscall, int error, std::string detail = {});

  Loop& loop_;
  SocketCalls& calls_;
  const ConnectCandidate candidate_;
  const TimePoint began_;
  State state_ = State::connecting;
  SocketAddress local_;
  AttemptFailure failure_;
  UniqueFunction<void()> on_settled_;
  Duration backoff_ = std::chrono::milliseconds(1);
  UniqueFd fd_;
  IoWatch watch_;  // goes before the descriptor
  TimeWatch retry_;
};

}  // namespace ioa::detail
