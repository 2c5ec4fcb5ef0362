#include "ioa/net/socket.hpp"

#include <netinet/in.h>

#include <cerrno>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/socket_state.hpp"

namespace ioa {

Socket::Socket() : Handle(SelfDriven()) {}
Socket::Socket(UniqueFd fd) : Handle(SelfDriven()) { set_handle(std::move(fd)); }
Socket::~Socket() = default;

Socket::Settings& Socket::settings() {
  if (!settings_) settings_ = std::make_unique<Settings>();
  return *settings_;
}

void Socket::on_receive_eof(SocketCallback callback) {
  settings().on_receive_eof = std::move(callback);
}
void Socket::on_receive_error(ErrorCallback callback) {
  settings().on_receive_error = std::move(callback);
}
void Socket::on_send_error(ErrorCallback callback) {
  settings().on_send_error = std::move(callback);
}
void Socket::on_outgoing_empty(SocketCallback callback) {
  settings().on_outgoing_empty = std::move(callback);
}
void Socket::on_writable(SocketCallback callback) { settings().on_writable = std::move(callback); }

void Socket::set_receive_size(std::size_t size) {
  IOA_ASSERT(size > 0 && size <= kMaxReceiveSize, "datagrams cannot be that long");
  settings().receive_size = size;
}

void Socket::set_closes_at_eof(bool closes) { settings().closes_at_eof = closes; }

void Socket::set_wants_local_address(bool wanted) {
  settings().wants_local_address = wanted;
  if (is_open()) want_local_address();
}

void Socket::want_local_address() const {
  const int wanted = settings_->wants_local_address ? 1 : 0;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  static_cast<void>(::getsockname(read_fd(), reinterpret_cast<sockaddr*>(&address), &size));
  const bool is_v6 = address.ss_family == AF_INET6;
  if (::setsockopt(read_fd(), is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                   is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &wanted, sizeof wanted) == 0)
    return;
  throw make_error(errno, "setsockopt");
}

void Socket::connect(const SocketAddress& peer) {
  if (::connect(write_fd(), peer.data(), peer.size()) == 0) return;
  const int error = errno;
  throw Error::from_errno(error, "connect", peer.to_string());
}

// --- In and out of a loop -------------------------------------------------------------------

void Socket::handles_set() {
  is_receive_failed_ = is_receive_eof_ = is_eof_told_ = is_closing_ = is_closed_ = false;
  is_packet_stream_ = is_inet_ = false;
  if (!is_open()) return;
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(read_fd(), SOL_SOCKET, SO_TYPE, &value, &size) == 0)
    is_packet_stream_ = value == SOCK_SEQPACKET;
  size = sizeof value;
  if (::getsockopt(read_fd(), SOL_SOCKET, SO_DOMAIN, &value, &size) == 0)
    is_inet_ = value == AF_INET || value == AF_INET6;
  if (settings_) {
    settings_->local_port = 0;
    if (settings_->wants_local_address && is_inet_) try {
        want_local_address();
      } catch (const Error&) {  // then the datagrams do not say it
      }
    if (settings_->on_undelivered) want_undelivered();
  }
  start_io();
}

void Socket::added_to_loop(Loop& loop) {
  Handle::added_to_loop(loop);
  start_io();
  if (settings_ && (settings_->tasks | settings_->tasks_now) != 0) defer(Task{});
}

void Socket::removing_from_loop(Loop& loop) {
  if (settings_) {
    settings_->deferred.reset();
    settings_->retry.reset();
  }
  Handle::removing_from_loop(loop);
}

void Socket::start_io() {
  if (loop() == nullptr) return;
  if (write_fd() >= 0 && out_) want_write_ready(true);
  offer_backlog();
  update_receive_interest();
}

// --- Later ----------------------------------------------------------------------------------

void Socket::defer(Task task) {
  Settings& settings = this->settings();
  settings.tasks |= static_cast<unsigned>(task);
  if (loop() == nullptr || settings.deferred) return;
  settings.deferred.emplace(*loop(), [this] { run_deferred(); });
  settings.deferred->schedule();
}

void Socket::run_deferred() {
  Settings& settings = *settings_;
  settings.deferred.reset();  // so that a turn inside a callback can defer anew
  settings.tasks_now |= std::exchange(settings.tasks, 0);
  const auto take = [&](Task task) {
    const bool is_due = (settings.tasks_now & static_cast<unsigned>(task)) != 0;
    settings.tasks_now &= ~static_cast<unsigned>(task);
    return is_due && loop() != nullptr;
  };
  try {
    if (take(Task::fail_send)) fail_send();
    if (take(Task::announce_sent)) announce_sent();
    if (take(Task::present_backlog)) present_backlog();
  } catch (...) {
    if (settings.tasks_now != 0) defer(Task{});
    throw;
  }
}

// --- Ending ---------------------------------------------------------------------------------

void Socket::close() {
  if (!is_sending() || !out_) return close_now();
  is_closing_ = true;
  want_read_ready(false);
  if (in_) in_->fail_all(closed_error("receive"));
}

void Socket::close_now() {
  if (is_open())
    close_handles();
  else
    sides_closed(IoEvents(IoEvent::read).with(IoEvent::write));
}

void Socket::sides_closed(IoEvents sides) {
  if (sides.has(IoEvent::read)) {
    want_read_ready(false);
    drops_delivered_ = is_delivering_;
    if (const auto in = std::move(in_)) in->fail_all(closed_error("receive"));
  }
  if (sides.has(IoEvent::write)) {
    want_write_ready(false);
    if (settings_) settings_->retry.reset();
    if (const auto out = std::move(out_)) out->fail_all(closed_error("send"));
    is_full_ = false;
  }
  if (is_open()) return;
  is_closed_ = true;
  if (!settings_) return;
  settings_->deferred.reset();
  settings_->tasks = settings_->tasks_now = 0;
}

Error Socket::make_error(int errno_value, const char* operation) const {
  return Error::from_errno(errno_value, operation, std::string(name()));
}

std::exception_ptr Socket::closed_error(const char* operation) const {
  return std::make_exception_ptr(
      Error(ErrorKind::disconnected, {}, operation, std::string(name()), "the socket is closed"));
}

}  // namespace ioa
