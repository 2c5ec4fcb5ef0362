#include "cli/commands/listen/forwarded_peer.hpp"

#include <sys/un.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "cli/commands/establish.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "ioa/net/connector.hpp"
#include "ioa/net/socket_options.hpp"

namespace ioa::cli {
namespace {

ConnectRequest request_for(const Address& to, const ListenOptions& options, std::int64_t number) {
  ConnectRequest request;
  request.connection = number;
  request.socktype = socket_type(to);
  if (options.connect_timeout > Duration::zero()) request.timeout = options.connect_timeout;
  if (to.is_unix()) {
    request.addresses.push_back(SocketAddress::unix_path(to.path));
  } else {
    request.host = to.host;
    request.service = to.service;
    request.family = to.family;
  }
  if (to.scheme == Address::Scheme::unix_dgram) {
    // unix(7), "autobind": without an address of its own it would get no answers.
    const sockaddr_un any{AF_UNIX, {}};
    request.local_addresses.emplace_back(reinterpret_cast<const sockaddr*>(&any),
                                         sizeof any.sun_family);
  }
  return request;
}

}  // namespace

void ForwardedPeer::added_to_loop(Loop&) { adopt(connect()); }

Future<> ForwardedPeer::connect() {
  std::optional<Error> failure;
  try {
    ConnectRequest request = request_for(*options_.near, options_, number_);
    Connection made = co_await context_.connector.connect(std::move(request));
    open(std::move(made.fd));
    co_return;
  } catch (const Error& error) {
    failure = error;
  }
  end(PumpEnd::near_failed, failure, status_of_failure(*failure));
}

void ForwardedPeer::open(UniqueFd fd) {
  auto socket = std::make_unique<Socket>();
  socket->set_leaves_when_closed(false);
  socket->set_closes_at_eof(false);
  if (options_.near->is_unix()) socket->set_receive_size(Socket::kMaxReceiveSize);
  socket->set_send_marks(options_.buffer / 2, options_.buffer);
  want_icmp_errors(fd.get());
  socket->set_handle(std::move(fd));
  socket->on_receive([this](Socket&, const Datagram& datagram) { answered(datagram); });
  socket->on_receive_eof([this](Socket&) { end(PumpEnd::complete); });
  socket->on_receive_error(
      [this](Socket&, const Error& error) { upstream_failed("receive", error); });
  socket->on_send_error([this](Socket&, const Error& error) { upstream_failed("send", error); });
  socket->on_writable([this](Socket&) {
    if (side_) side_->resume_receiving();
  });
  upstream_ = &add_child(std::move(socket));
  side_->start(*this);
}

void ForwardedPeer::received(const Datagram& datagram) {
  waits_for_answer_ = true;
  upstream_->send(datagram.bytes);
  if (!upstream_->is_writable()) side_->pause_receiving();
}

void ForwardedPeer::answered(const Datagram& datagram) {
  if (!side_) return;
  waits_for_answer_ = false;
  side_->send(datagram.bytes);
  if (!side_->is_writable()) upstream_->pause_receiving();
  end_if_settled();
}

void ForwardedPeer::writable() {
  if (upstream_ != nullptr) upstream_->resume_receiving();
}

void ForwardedPeer::upstream_failed(const char* operation, const Error& error) {
  const Error named =
      Error::from_errno(error.code().value(), operation, options_.near->to_string());
  if (error.code().value() == EMSGSIZE) return lost(named);
  end(PumpEnd::near_failed, named);
}

bool ForwardedPeer::is_settled() const {
  return DatagramPeer::is_settled() && !waits_for_answer_ && upstream_ != nullptr &&
         upstream_->pending_datagrams() == 0;
}

}  // namespace ioa::cli
