#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/net/datagram.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

class Conversation;
class DatagramServer;

namespace detail {
struct SocketAddressHash {
  std::size_t operator()(const SocketAddress& address) const noexcept;
};
/// By the peer, which may speak to several addresses of ours.
using ConversationMap = std::unordered_multimap<SocketAddress, Conversation*, SocketAddressHash>;
}  // namespace detail

/// What one peer and a DatagramServer have to say to each other: the datagrams from one address to
/// one address of ours.
///
///     server.on_conversation([](DatagramServer&, Conversation& conversation) {
///       conversation.on_receive([](Conversation& self, const Datagram& datagram) {
///         self.send(datagram.bytes);
///       });
///     });
///
/// EVENTS: on_receive for each datagram, empty ones too; on_undelivered; on_idle. What comes while
/// there is no on_receive is thrown away. A callback may do anything: send, remove the conversation
/// or the server.
///
/// ENDING: remove() ends it, and forgets what has not been sent; the next datagram of that peer is
/// another conversation's first one. An idle one (DatagramServer::set_idle_timeout) is removed by
/// the server.
///
/// OWNERSHIP: a child of its server, and a notifier like others: what serves the peer (a Socket, a
/// Stream) may be its child, to end with it.
class Conversation final : public Notifier {
 public:
  using ReceiveCallback = UniqueFunction<void(Conversation&, const Datagram&)>;
  using UndeliveredCallback = UniqueFunction<void(Conversation&, const UndeliveredDatagram&)>;
  using Callback = UniqueFunction<void(Conversation&)>;

  /// For DatagramServer: the conversation that `first` begins.
  Conversation(DatagramServer& server, const Datagram& first);

  /// Who it is; empty for Unix sockets without a name, which are all one conversation.
  const SocketAddress& peer() const noexcept { return peer_; }
  /// The address of ours that it speaks to, with its port.
  const SocketAddress& local() const noexcept { return local_; }
  /// False where the peer has no name.
  bool is_answerable() const noexcept { return is_answerable_; }
  DatagramServer& server() const noexcept { return server_; }

  void on_receive(ReceiveCallback callback) { on_receive_ = std::move(callback); }
  /// A datagram did not arrive. An ICMP error goes to all conversations with the peer that it
  /// names. Neither ends the conversation.
  void on_undelivered(UndeliveredCallback callback) { on_undelivered_ = std::move(callback); }
  /// No datagram came or went for the server's idle time. It leaves the tree when that returns.
  void on_idle(Callback callback) { on_idle_ = std::move(callback); }
  /// The server's socket takes datagrams again, having been full; see is_writable().
  void on_writable(Callback callback) { on_writable_ = std::move(callback); }
  /// Those that had to wait have been sent, or could not be.
  void on_sent(Callback callback) { on_sent_ = std::move(callback); }
  /// A datagram was thrown away because the conversation is paused; see pause().
  void on_dropped(Callback callback) { on_dropped_ = std::move(callback); }

  /// Sends a datagram to the peer, from the address that it speaks to; as Socket::send(). To a peer
  /// without a name nothing is sent, and on_undelivered told so (EDESTADDRREQ).
  void send(std::string_view bytes);
  /// False while the server's socket, which all conversations share, has much to send.
  bool is_writable() const noexcept;
  /// What has been given to send() and not yet to the kernel.
  std::size_t pending_datagrams() const noexcept;
  std::size_t pending_bytes() const noexcept;

  /// It takes no datagrams until resume(). The server, whose one socket receives for all, then
  /// receives for nobody; or, where it was told to (DatagramServer::set_drops_when_paused), throws
  /// away what comes for this one. What the socket has received already is kept.
  void pause();
  void resume();
  bool is_paused() const noexcept { return is_paused_; }

  /// So far. Sent: given to the kernel, and not refused by it.
  std::uint64_t bytes_received() const noexcept { return bytes_received_; }
  std::uint64_t datagrams_received() const noexcept { return datagrams_received_; }
  std::uint64_t bytes_sent() const noexcept;
  std::uint64_t datagrams_sent() const noexcept;
  /// Of those received: how many were longer than the server receives, and lost their ends.
  std::uint64_t truncated() const noexcept { return truncated_; }
  /// How many could not be sent, or came back by ICMP.
  std::uint64_t undelivered() const noexcept { return undelivered_; }
  /// How many were thrown away while it was paused.
  std::uint64_t dropped() const noexcept { return dropped_; }

 protected:
  void removing_from_loop(Loop& loop) override;

 private:
  friend class DatagramServer;
  friend class detail::NodeList<Conversation>;

  void received(const Datagram& datagram);
  void failed(const UndeliveredDatagram& datagram);

  DatagramServer& server_;
  const SocketAddress peer_;
  const SocketAddress local_;
  const SocketAddress reply_from_;
  bool is_answerable_;
  bool is_paused_ = false;
  bool waits_to_be_sent_ = false;  // and is in its server's list of those
  detail::ConversationMap::iterator place_;
  // By when they were last heard of, the oldest one first.
  Conversation* prev = nullptr;
  Conversation* next = nullptr;
  TimePoint last_{};

  Event<void(Conversation&, const Datagram&)> on_receive_;
  Event<void(Conversation&, const UndeliveredDatagram&)> on_undelivered_;
  Event<void(Conversation&)> on_idle_;
  Event<void(Conversation&)> on_writable_;
  Event<void(Conversation&)> on_sent_;
  Event<void(Conversation&)> on_dropped_;

  std::uint64_t bytes_received_ = 0;
  std::uint64_t datagrams_received_ = 0;
  std::uint64_t bytes_given_ = 0;  // to the server's socket
  std::uint64_t datagrams_given_ = 0;
  std::uint64_t bytes_failed_ = 0;  // of these, what could not be sent
  std::uint64_t datagrams_failed_ = 0;
  std::size_t pending_bytes_ = 0;  // of these, what the socket has not sent
  std::size_t pending_datagrams_ = 0;
  std::uint64_t truncated_ = 0;
  std::uint64_t undelivered_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace ioa
