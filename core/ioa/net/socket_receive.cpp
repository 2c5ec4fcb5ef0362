#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ioa/base/syscall.hpp"
#include "ioa/net/datagram_space.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/net/socket_state.hpp"

namespace ioa {
namespace {

/// These come again at every attempt, so that trying again would be an endless loop; the others are
/// about one datagram, and the kernel forgets them when it has told them.
bool is_permanent(int error) noexcept {
  switch (error) {
    case EBADF:
    case ENOTSOCK:
    case ENOTCONN:
    case EINVAL:
    case EFAULT:
    case EOPNOTSUPP:
      return true;
    default:
      return false;
  }
}

}  // namespace

Socket::Incoming::~Incoming() {
  while (Receiver* receiver = take_receiver()) delete receiver;
}

Socket::Receiver* Socket::Incoming::take_receiver() noexcept {
  Receiver* receiver = receivers.first();
  if (receiver == nullptr) return nullptr;
  receivers.remove(*receiver);
  --receiver_count;
  return receiver;
}

bool Socket::Incoming::fail_all(const std::exception_ptr& error) {
  bool is_told = false;
  while (Receiver* receiver = take_receiver()) {
    receiver->promise.fail(error);
    delete receiver;
    is_told = true;
  }
  return is_told;
}

// --- Asking ---------------------------------------------------------------------------------

void Socket::on_receive(ReceiveCallback callback) {
  on_receive_ = std::move(callback);
  offer_backlog();
  update_receive_interest();
}

void Socket::resume_receiving() {
  is_paused_ = is_receive_failed_ = false;
  offer_backlog();
  update_receive_interest();
}

Future<std::optional<ReceivedDatagram>> Socket::receive() {
  using Result = std::optional<ReceivedDatagram>;
  if (has_backlog() && !has_receivers() && !is_closing_) {
    Result next(std::move(in_->backlog.front()));
    in_->backlog.pop_front();
    if (!has_backlog()) offer_backlog();
    update_receive_interest();
    return Future<Result>::resolved(std::move(next));
  }
  if (is_receive_eof_) return Future<Result>::resolved(Result());
  if (is_closing_ || (read_fd() < 0 && !is_unopened()))
    return Future<Result>::failed(closed_error("receive"));
  auto* receiver = new Receiver;
  incoming().receivers.push(*receiver);
  ++in_->receiver_count;
  receiver->promise.on_cancel([this, receiver] {
    in_->receivers.remove(*receiver);
    --in_->receiver_count;
    delete receiver;
  });
  is_receive_failed_ = false;
  update_receive_interest();
  return receiver->promise.future();
}

Socket::Incoming& Socket::incoming() {
  if (!in_) in_ = std::make_unique<Incoming>();
  return *in_;
}

bool Socket::has_receivers() const noexcept { return in_ && in_->receiver_count > 0; }
bool Socket::has_backlog() const noexcept { return in_ && !in_->backlog.empty(); }

bool Socket::may_receive() const noexcept {
  return loop() != nullptr && !is_paused_ && !is_closing_ && !is_delivering_;
}

bool Socket::wants_to_receive() const noexcept {
  return read_fd() >= 0 && may_receive() && !is_receive_failed_ && !is_receive_eof_ &&
         !has_backlog() && (on_receive_ || has_receivers());
}

/// What is not wanted any more is found out when it comes, by read_ready(): whoever receives again
/// within the turn saves two system calls.
void Socket::update_receive_interest() {
  if (wants_to_receive()) want_read_ready(true);
}

// --- Receiving ------------------------------------------------------------------------------

int Socket::receive_messages(int fd, std::span<mmsghdr> messages) {
  // MSG_TRUNC has the kernel say how long a truncated datagram was.
  return retry_on_eintr([&] {
    return ::recvmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()),
                      MSG_DONTWAIT | MSG_TRUNC, nullptr);
  });
}

void Socket::read_ready() {
  if (wants_to_receive())
    receive_step();
  else
    want_read_ready(false);
}

void Socket::receive_step() {
  detail::DatagramSpace space;
  const bool wants_to = settings_ && settings_->wants_local_address;
  const std::span<mmsghdr> messages =
      space.prepare(on_receive_ ? kBatch : in_->receiver_count,
                    settings_ ? settings_->receive_size : kReceiveSize, wants_to);
  const int count = receive_messages(read_fd(), messages);
  if (count < 0) {
    const int error = errno;
    // Also where there is nothing to receive: what the kernel keeps of them makes it ready.
    if (!tell_undelivered() && !would_block(error)) fail_receive(error);
    return;
  }
  auto size = static_cast<std::size_t>(count);
  // At its end a connection gives as many empty packets as one asks for.
  while (size > 0 && messages[size - 1].msg_len == 0 && is_end()) {
    is_receive_eof_ = true;
    --size;
  }
  if (wants_to && settings_->local_port == 0)
    settings_->local_port = SocketAddress::local_of(read_fd()).port();
  const std::uint16_t port = wants_to ? settings_->local_port : 0;
  deliver(size, [&](std::size_t index) { return space.at(index, port); });
  offer_backlog();
}

/// Whether an empty packet is the end of the connection: its peer has gone, and nothing follows.
bool Socket::is_end() const {
  if (!is_packet_stream_) return false;
  if (is_receive_eof_) return true;
  pollfd state{read_fd(), POLLRDHUP, 0};
  if (::poll(&state, 1, 0) <= 0 || (state.revents & (POLLRDHUP | POLLHUP)) == 0) return false;
  char byte = 0;
  return ::recv(read_fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/// Hands over `count` datagrams; what nobody wants any more after some of them, and what follows an
/// exception, waits in the backlog.
template <class Next>
void Socket::deliver(std::size_t count, Next next) {
  is_delivering_ = true;
  drops_delivered_ = false;
  std::size_t index = 0;
  try {
    while (index < count && !drops_delivered_) hand_over(next(index++));
  } catch (...) {
    is_delivering_ = false;
    while (index < count && !drops_delivered_) incoming().backlog.emplace_back(next(index++));
    offer_backlog();
    throw;
  }
  is_delivering_ = false;
  update_receive_interest();
}

void Socket::hand_over(const Datagram& datagram) {
  if (has_receivers()) {
    const std::unique_ptr<Receiver> receiver(in_->take_receiver());
    receiver->promise.done(ReceivedDatagram(datagram));
  } else if (on_receive_ && loop() != nullptr && !is_paused_ && !is_closing_) {
    on_receive_(*this, datagram);
  } else {
    incoming().backlog.emplace_back(datagram);
  }
}

void Socket::present_backlog() {
  while (has_backlog() && (has_receivers() || on_receive_) && may_receive()) {
    const ReceivedDatagram datagram = std::move(in_->backlog.front());
    in_->backlog.pop_front();
    deliver(1, [&](std::size_t) { return datagram.view(); });
  }
  if (is_receive_eof_ && !has_backlog() && may_receive()) end_receiving();
}

/// Has the backlog handed over soon, or the end told, if somebody wants to know.
void Socket::offer_backlog() {
  const bool is_due = has_backlog() ? on_receive_ || has_receivers() : is_receive_eof_;
  if (is_due && may_receive()) defer(Task::present_backlog);
}

// --- Ending ---------------------------------------------------------------------------------

void Socket::end_receiving() {
  if (loop() == nullptr || !is_open() || is_closing_) return;
  want_read_ready(false);
  while (has_receivers()) {
    const std::unique_ptr<Receiver> receiver(in_->take_receiver());
    receiver->promise.done(std::nullopt);
  }
  if (is_eof_told_) return;
  is_eof_told_ = true;
  if (settings_) settings_->on_receive_eof(*this);
  const bool closes = !settings_ || settings_->closes_at_eof;
  if (closes && loop() != nullptr && is_open() && is_receive_eof_) close();
}

void Socket::fail_receive(int errno_value) {
  const Error error = make_error(errno_value, "receive");
  is_receive_failed_ = is_permanent(errno_value);
  const bool is_told = in_ && in_->fail_all(std::make_exception_ptr(error));
  if (settings_ && settings_->on_receive_error)
    settings_->on_receive_error(*this, error);
  else if (!is_told)
    close();
}

}  // namespace ioa
