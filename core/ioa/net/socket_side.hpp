#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/net/datagram_side.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// A socket as the far side of a DatagramPump: UDP, Unix datagrams, or a seqpacket connection.
class SocketSide final : public DatagramSide {
 public:
  /// The socket becomes a child of `owner`, which owns this too. Datagrams go to `to`, or, if that
  /// is empty, to the connected peer; `longest` is Socket::set_receive_size().
  SocketSide(Notifier& owner, UniqueFd fd, const SocketAddress& to, std::size_t longest);

  void start(User& user) override;
  void send(std::string_view bytes) override { socket_.send(bytes, to_); }
  bool is_writable() const noexcept override { return socket_.is_writable(); }
  std::size_t pending_datagrams() const noexcept override { return socket_.pending_datagrams(); }
  std::size_t pending_bytes() const noexcept override { return socket_.pending_bytes(); }
  void pause_receiving() override { socket_.pause_receiving(); }
  void resume_receiving() override { socket_.resume_receiving(); }
  bool is_receiving_paused() const noexcept override { return socket_.is_receiving_paused(); }
  bool has_end() const noexcept override { return has_end_; }
  void end_sending() override;
  int take_error() noexcept override;
  std::uint64_t dropped() const noexcept override;

 private:
  Socket& socket_;
  SocketAddress to_;
  bool has_end_ = false;
};

}  // namespace ioa
