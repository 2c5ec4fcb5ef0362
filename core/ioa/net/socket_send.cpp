#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "ioa/base/assert.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/net/socket_state.hpp"

namespace ioa {
namespace {

// A full network interface (ENOBUFS), and a Unix receiver that is not connected to, do not show in
// readiness: poll(2) says "writable" and the next attempt fails again.
constexpr auto kTryAgain = std::chrono::milliseconds(2);

/// Errors of earlier datagrams, which ICMP brought and the kernel tells once, to whatever is called
/// next (udp(7), ip(7)).
bool is_icmp_error(int error) noexcept {
  switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENOPROTOOPT:
    case EPROTO:
      return true;
    default:
      return false;
  }
}

/// What one header of sendmmsg(2) refers to.
struct Piece {
  iovec bytes{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control;  // not initialised
};

template <class T>
void set_control(msghdr& header, Piece& piece, int level, int type, const T& value) {
  piece.control = {};
  header.msg_control = piece.control.data();
  header.msg_controllen = CMSG_SPACE(sizeof value);
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = level;
  control->cmsg_type = type;
  control->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(control), &value, sizeof value);
}

/// ip(7) and ipv6(7): where it comes from. An IPv6 socket takes IPv4 mapped into IPv6.
void set_source(msghdr& header, Piece& piece, const SocketAddress& from) {
  if (from.family() == AF_INET) {
    in_pktinfo info{};
    info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(from.data())->sin_addr;
    set_control(header, piece, IPPROTO_IP, IP_PKTINFO, info);
  } else if (from.family() == AF_INET6) {
    const auto* address = reinterpret_cast<const sockaddr_in6*>(from.data());
    const in6_pktinfo info{address->sin6_addr, address->sin6_scope_id};
    set_control(header, piece, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

void fill(mmsghdr& message, Piece& piece, std::string_view bytes, const SocketAddress& to,
          const SocketAddress& from) {
  piece.bytes = {const_cast<char*>(bytes.data()), bytes.size()};
  message = {};
  message.msg_hdr.msg_iov = &piece.bytes;
  message.msg_hdr.msg_iovlen = 1;
  if (!from.empty()) set_source(message.msg_hdr, piece, from);
  if (to.empty()) return;
  message.msg_hdr.msg_name = const_cast<sockaddr*>(to.data());
  message.msg_hdr.msg_namelen = to.size();
}

}  // namespace

Socket::Outgoing::Item Socket::Outgoing::pop() {
  Item item = std::move(items.front());
  items.pop_front();
  bytes -= item.bytes.size();
  ++gone;
  return item;
}

void Socket::Outgoing::fail_all(const std::exception_ptr& error) {
  for (Item& item : items)
    if (item.done) item.done->fail(error);
  flushed.fail_all(error);
  writable.fail_all(error);
}

// --- Taking datagrams -----------------------------------------------------------------------

void Socket::send(std::string_view bytes, const SocketAddress& to, const SocketAddress& from) {
  if (takes_sends()) start_send(bytes, to, from, nullptr);
}

Future<> Socket::send_done(std::string_view bytes, const SocketAddress& to) {
  if (!takes_sends()) return Future<>::failed(closed_error("send"));
  Future<> done;
  start_send(bytes, to, {}, &done);
  return done;
}

Future<> Socket::flushed() {
  if (!out_) return Future<>::resolved();
  return out_->flushed.add(out_->gone + out_->items.size());
}

Future<> Socket::writable() {
  if (!takes_sends()) return Future<>::failed(closed_error("send"));
  if (!is_full_) return Future<>::resolved();
  return outgoing().writable.add();
}

void Socket::set_send_marks(std::size_t low, std::size_t high) {
  IOA_ASSERT(low <= high && high > 0, "a low mark is not above the high one");
  settings().send_low = low;
  settings().send_high = high;
}

std::size_t Socket::pending_datagrams() const noexcept { return out_ ? out_->items.size() : 0; }
std::size_t Socket::pending_bytes() const noexcept { return out_ ? out_->bytes : 0; }

Socket::Outgoing& Socket::outgoing() {
  if (!out_) out_ = std::make_unique<Outgoing>();
  return *out_;
}

bool Socket::takes_sends() const noexcept {
  return !is_closing_ && (write_fd() >= 0 || is_unopened());
}
bool Socket::is_sending() const noexcept { return loop() != nullptr && write_fd() >= 0; }

/// Sends it at once if it is the first, else or if that is not possible queues it.
void Socket::start_send(std::string_view bytes, const SocketAddress& to, const SocketAddress& from,
                        Future<>* done) {
  int error = 0;
  if (is_sending() && !out_) {
    std::array<mmsghdr, 1> message;
    Piece piece;
    fill(message.front(), piece, bytes, to, from);
    if (send_messages(write_fd(), message) == 1) {
      if (settings_ && settings_->on_outgoing_empty) defer(Task::announce_sent);
      if (done != nullptr) *done = Future<>::resolved();
      return;
    }
    error = errno;
  }
  Outgoing& out = outgoing();
  Outgoing::Item& item = out.items.emplace_back();
  item.bytes = bytes;
  item.to = to;
  item.from = from;
  if (done != nullptr) *done = item.done.emplace().future();
  out.bytes += bytes.size();
  if (out.cost() >= (settings_ ? settings_->send_high : kSendHigh)) is_full_ = true;
  if (!is_sending() || out.items.size() > 1) return;
  if (error == 0 || would_block(error)) return static_cast<void>(want_write_ready(true));
  // Told from the loop, which tries once more where that makes sense.
  item.error = error;
  defer(Task::fail_send);
}

// --- Sending --------------------------------------------------------------------------------

int Socket::send_messages(int fd, std::span<mmsghdr> messages) {
  return retry_on_eintr([&] {
    return ::sendmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()),
                      MSG_DONTWAIT | MSG_NOSIGNAL);
  });
}

void Socket::write_ready() {
  if (out_ && out_->items.empty()) return finish_sending();
  if (!out_ || out_->items.front().error != 0)
    want_write_ready(false);
  else
    send_step();
}

void Socket::send_step() {
  std::array<mmsghdr, kBatch> messages;
  std::array<Piece, kBatch> pieces;
  const std::size_t count = std::min(kBatch, out_->items.size());
  for (std::size_t i = 0; i < count; ++i)
    fill(messages[i], pieces[i], out_->items[i].bytes, out_->items[i].to, out_->items[i].from);
  const int sent = send_messages(write_fd(), std::span(messages).first(count));
  if (sent < 0) {
    out_->items.front().error = errno;
    return fail_send();
  }
  for (int i = 0; i < sent; ++i) {
    Outgoing::Item item = out_->pop();
    if (item.done) item.done->done();
  }
  finish_sending();
}

void Socket::try_again_later() {
  want_write_ready(false);
  Settings& settings = this->settings();
  if (!settings.retry)
    settings.retry.emplace(loop()->timers(), [this] {
      if (is_sending() && out_) want_write_ready(true);
    });
  settings.retry->arm(loop()->now() + kTryAgain);
}

/// Bytes have left the queue: tells who waits for that.
void Socket::finish_sending() {
  out_->flushed.done_until(out_->gone);
  if (is_full_) update_full();
  if (!is_sending()) return;
  if (out_ && !out_->items.empty()) return static_cast<void>(want_write_ready(true));
  if (out_) {
    out_.reset();
    want_write_ready(false);
    announce_sent();
  }
  if (is_sending() && is_closing_ && !out_) close();
}

void Socket::update_full() {
  const std::size_t low = settings_ ? settings_->send_low : kSendLow;
  is_full_ = !out_->items.empty() && out_->cost() >= low;
  if (is_full_) return;
  out_->writable.done_all();
  if (settings_) settings_->on_writable(*this);
}

void Socket::announce_sent() {
  if (!out_ && is_sending() && settings_) settings_->on_outgoing_empty(*this);
}

/// Tells why the first datagram cannot be sent, and goes on with the next. Where it can be sent
/// later it is; if the error is that of an earlier one, that is told as an error of receiving and
/// this one is tried again.
void Socket::fail_send() {
  if (!is_sending() || !out_ || out_->items.empty() || out_->items.front().error == 0) return;
  Outgoing::Item& front = out_->items.front();
  const int errno_value = std::exchange(front.error, 0);
  if (would_block(errno_value) || errno_value == ENOBUFS || errno_value == ENOMEM)
    return try_again_later();
  if (is_inet_ && is_icmp_error(errno_value)) {
    want_write_ready(true);
    if (tell_undelivered()) return;
    if (!std::exchange(front.was_refused, true)) return fail_receive(errno_value);
  }
  Outgoing::Item item = out_->pop();
  const std::string subject = item.to.empty() ? std::string(name()) : item.to.to_string();
  const Error error = Error::from_errno(errno_value, "send", subject);
  const bool is_told = item.done && item.done->wanted();
  if (item.done) item.done->fail(error);
  if (settings_ && settings_->on_undelivered)
    settings_->on_undelivered(*this, {item.to, false, error});
  else if (settings_ && settings_->on_send_error)
    settings_->on_send_error(*this, error);
  else if (!is_told)
    return close_now();
  if (is_sending() && out_) finish_sending();
}

}  // namespace ioa
