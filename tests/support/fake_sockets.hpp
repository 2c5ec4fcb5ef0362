#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ioa/loop/loop.hpp"
#include "ioa/net/socket_calls.hpp"
#include "tests/support/fake_backend.hpp"

namespace ioa::test {

/// The system calls of a Connector as the test scripts them, on a FakeBackend's time. Its sockets
/// are real descriptors of something else, so that one that is left open is noticed.
///
///     FakeSockets sockets(loop, fake);
///     sockets.answer("[2001:db8::1]:80", 100ms, ECONNREFUSED);   // others never answer
///     Connector connector(loop, resolver, &sockets);
class FakeSockets final : public SocketCalls {
 public:
  FakeSockets(Loop& loop, FakeBackend& backend)
      : loop_(loop), backend_(backend), began_(backend.now()) {}

  /// connect() to `address` succeeds (0) or fails with `error` at once.
  void settle(const std::string& address, int error) { scripts_[address] = {error, {}, 0}; }
  /// It is in progress for that long.
  void answer(const std::string& address, Duration after, int error = 0) {
    scripts_[address] = {error, after, 0};
  }
  /// It says EAGAIN that many times before it succeeds.
  void busy(const std::string& address, int times) { scripts_[address] = {0, {}, times}; }
  /// socket() of this family, or bind() to this address, fails.
  void fail_socket(int family, int error) { socket_errors_[family] = error; }
  void fail_bind(const std::string& address, int error) { bind_errors_[address] = error; }
  /// What getsockname says of every socket.
  void set_local(const SocketAddress& address) { local_ = address; }

  /// The calls of connect(), as "ADDRESS @MILLISECONDS" since this object was made.
  const std::vector<std::string>& connects() const { return connects_; }
  const std::vector<int>& protocols() const { return protocols_; }

  UniqueFd socket(int family, int socktype, int protocol) override;
  int bind(int fd, const SocketAddress& address) override;
  int connect(int fd, const SocketAddress& address) override;
  int pending_error(int fd) override { return results_[fd]; }
  SocketAddress local_of(int fd) override;

 private:
  struct Script {
    int error = 0;
    std::optional<Duration> after;
    int busy = 0;
  };

  Loop& loop_;
  FakeBackend& backend_;
  const TimePoint began_;
  std::map<std::string, Script> scripts_;
  std::map<int, int> socket_errors_;
  std::map<std::string, int> bind_errors_;
  SocketAddress local_;
  std::vector<std::string> connects_;
  std::vector<int> protocols_;
  std::map<int, int> results_;
  std::map<int, std::unique_ptr<TimeWatch>> answers_;  // by descriptor
};

}  // namespace ioa::test
