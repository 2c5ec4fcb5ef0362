#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <list>
#include <span>

#include "ioa/ares/ares_channel.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/net/socket_address.hpp"

struct ares_channeldata;

namespace ioa {
class Loop;
}

namespace ioa::detail {

/// The questions that one server is asked over a connection: a channel of c-ares, which opens and
/// ends the connection, cuts the stream into messages and matches them to the questions. It numbers
/// no questions, tries none twice and knows no other server; its sockets are watched by the Loop.
///
/// OWNERSHIP: the Loop outlives it; it stays where it was made.
class TcpChannel final : public AresChannel {
 public:
  /// What is not answered within `expiry` is given up, as expire() finds it. Throws Error (ENOMEM).
  TcpChannel(Loop& loop, const SocketAddress& server, Duration expiry);
  ~TcpChannel() override;

  void ask(AresProbe& probe, AresQuery query) override;
  /// It stays: c-ares can take back all questions, but not one.
  void drop(AresProbe& probe) noexcept override;
  /// Ends those that have expired.
  void expire();
  /// Ends all of them.
  void clear();

 private:
  struct Socket;
  struct Calls;  // what c-ares calls

  Socket* find(int fd) noexcept;
  ssize_t receive(int fd, void* buffer, std::size_t size);
  ssize_t send(int fd, std::span<const iovec> parts);

  Loop& loop_;
  SocketAddress server_;
  ares_channeldata* channel_ = nullptr;
  std::list<Socket> sockets_;  // one, or for a moment none
};

}  // namespace ioa::detail
