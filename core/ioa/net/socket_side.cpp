#include "ioa/net/socket_side.hpp"

#include <sys/socket.h>

#include <memory>
#include <utility>

#include "ioa/net/socket_drops.hpp"
#include "ioa/net/socket_options.hpp"

namespace ioa {
namespace {

int option_of(int fd, int name) noexcept {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

}  // namespace

SocketSide::SocketSide(Notifier& owner, UniqueFd fd, const SocketAddress& to, std::size_t longest)
    : socket_(owner.add_child(std::make_unique<Socket>())),
      to_(to),
      has_end_(option_of(fd.get(), SO_TYPE) == SOCK_SEQPACKET) {
  want_icmp_errors(fd.get());
  socket_.set_leaves_when_closed(false);
  socket_.set_closes_at_eof(false);
  socket_.set_receive_size(longest);
  socket_.set_handle(std::move(fd));
}

void SocketSide::start(User& user) {
  socket_.on_receive([&user](Socket&, const Datagram& datagram) { user.received(datagram); });
  socket_.on_receive_eof([&user](Socket&) { user.peer_has_ended(); });
  socket_.on_receive_error([&user](Socket&, const Error& error) { user.receiving_failed(error); });
  socket_.on_send_error([&user](Socket&, const Error& error) { user.sending_failed(error); });
  socket_.on_writable([&user](Socket&) { user.writable(); });
  socket_.on_outgoing_empty([&user](Socket&) { user.all_sent(); });
}

void SocketSide::end_sending() { static_cast<void>(::shutdown(socket_.write_fd(), SHUT_WR)); }

int SocketSide::take_error() noexcept { return option_of(socket_.read_fd(), SO_ERROR); }

std::uint64_t SocketSide::dropped() const noexcept {
  return detail::datagrams_dropped(socket_.read_fd());
}

}  // namespace ioa
