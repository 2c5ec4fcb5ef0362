#include "ioa/net/connect_attempt.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ioa/base/error.hpp"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

namespace ioa::detail {
namespace {

// A Unix socket whose listener has a full backlog says EAGAIN and gives no sign of when to come
// again: blocking connect(2) would wait. From 1 ms, since backlogs empty fast, doubling up to this.
constexpr Duration kMaxBackoff = std::chrono::milliseconds(100);

void set_flag(int fd, int level, int option) {
  const int on = 1;
  static_cast<void>(::setsockopt(fd, level, option, &on, sizeof on));
}

}  // namespace

ConnectAttempt::State ConnectAttempt::begin(const SocketOptions& options, bool multipath,
                                            UniqueFunction<void()> on_settled) {
  if (open(options, multipath) && bind()) connect();
  if (state_ == State::connecting) on_settled_ = std::move(on_settled);
  return state_;
}

bool ConnectAttempt::open(const SocketOptions& options, bool multipath) {
  const ResolvedAddress& peer = candidate_.peer;
  const int family = peer.address.family();
  const bool wants_multipath = multipath && peer.socktype == SOCK_STREAM && peer.address.is_inet();
  if (wants_multipath) fd_ = calls_.socket(family, peer.socktype, IPPROTO_MPTCP);
  if (!fd_) fd_ = calls_.socket(family, peer.socktype, peer.protocol);
  if (!fd_) {
    fail("socket", errno);
    return false;
  }
  try {
    options.apply(fd_.get(), family);
  } catch (const Error& error) {
    fail(error.operation(), error.code().value(), error.subject());
    return false;
  }
  return true;
}

bool ConnectAttempt::bind() {
  const SocketAddress& local = candidate_.local;
  if (local.empty()) return true;
  const bool is_stream = candidate_.peer.socktype == SOCK_STREAM;
  // Otherwise [::]:PORT takes 0.0.0.0:PORT too, and an attempt of the other family finds it in use.
  if (local.family() == AF_INET6 && !peer().is_v4_mapped())
    set_flag(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (local.is_inet() && is_stream) {
    // A fixed port may still be waiting out its last connection; a port that the system chooses is
    // better chosen when the peer is known: ip(7), IP_BIND_ADDRESS_NO_PORT.
    if (local.port() != 0)
      set_flag(fd_.get(), SOL_SOCKET, SO_REUSEADDR);
    else
      set_flag(fd_.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  }
  if (calls_.bind(fd_.get(), local) == 0) return true;
  fail("bind", errno);
  return false;
}

void ConnectAttempt::connect() {
  int error = calls_.connect(fd_.get(), peer()) == 0 ? 0 : errno;
  const bool is_in_progress = error == EINPROGRESS || error == EINTR;
  // The kernel has mostly met a peer on this host by now: asking again costs less than to wait.
  if (is_in_progress && peer().is_loopback()) {
    error = calls_.connect(fd_.get(), peer()) == 0 ? 0 : errno;
    if (error == EALREADY) error = EINPROGRESS;
    if (error == EISCONN) error = 0;
  }
  if (error == EINPROGRESS || error == EINTR)
    wait_for_answer();
  else if (error == EAGAIN && peer().is_unix())
    wait_for_backlog();
  else
    answered(error);
}

void ConnectAttempt::wait_for_answer() {
  try {
    watch_.set_callback([this](IoEvent) {
      watch_.stop();
      answered(calls_.pending_error(fd_.get()));
      settle_later();
    });
    watch_.start(fd_.get(), IoEvent::write);
  } catch (const Error& error) {
    fail(error.operation(), error.code().value(), error.subject());
  }
}

void ConnectAttempt::wait_for_backlog() {
  retry_.set_callback([this] {
    connect();
    settle_later();
  });
  retry_.arm(saturating_add(loop_.backend().now(), backoff_));
  backoff_ = std::min(backoff_ * 2, kMaxBackoff);
}

void ConnectAttempt::answered(int error) {
  if (error != 0) return fail("connect", error);
  local_ = calls_.local_of(fd_.get());
  // A connection to a port of the ephemeral range where nobody listens may get that very port as
  // its own, and TCP's simultaneous open then joins it to itself.
  const bool is_tcp = candidate_.peer.socktype == SOCK_STREAM && peer().is_inet();
  if (is_tcp && local_ == peer()) return fail("connect", ECONNREFUSED);
  state_ = State::connected;
}

/// For a state that was reached after begin(). Nothing may follow it: the callback may destroy
/// this.
void ConnectAttempt::settle_later() {
  if (state_ == State::connecting) return;
  if (auto callback = std::move(on_settled_)) callback();
}

void ConnectAttempt::fail(std::string syscall, int error, std::string detail) {
  state_ = State::failed;
  failure_ = {std::move(syscall), peer(),
              candidate_.local,   error,
              std::move(detail),  loop_.backend().now() - began_};
  watch_.stop();
  fd_.reset();
}

UniqueFd ConnectAttempt::take_fd() noexcept {
  watch_.stop();
  return std::move(fd_);
}

}  // namespace ioa::detail
