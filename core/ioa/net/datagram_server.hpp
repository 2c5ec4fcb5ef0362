#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/net/conversation.hpp"
#include "ioa/net/datagram.hpp"
#include "ioa/net/listen_socket.hpp"
#include "ioa/net/socket.hpp"

namespace ioa {

/// A notifier that serves every peer of one bound datagram socket, UDP or Unix: each address that
/// speaks to it has a Conversation.
///
///     auto& server =
///     loop.add(std::make_unique<DatagramServer>(std::move(opened.sockets.front())));
///     server.set_idle_timeout(60s);
///     server.on_conversation([](DatagramServer&, Conversation& conversation) {
///       conversation.on_receive([](Conversation& self, const Datagram& datagram) {
///         self.send(datagram.bytes);
///       });
///     });
///
/// CONVERSATIONS: the first datagram of a peer begins one, if on_admit and the limit allow it; it
/// is then told to on_conversation, which sets its callbacks, and gets the datagram. Replies come
/// from the address that the peer spoke to, on a socket that is bound to all of them too. All of
/// them share one idle timer.
///
/// NOBODY is answered who cannot be: datagrams from port 0 (RFC 768: there is no reply to it), or
/// from this very socket's address (somebody forged it, and an answer would go round for ever), are
/// ignored.
///
/// MEMORY is bounded: while the socket's queue is full (Socket::set_send_marks) nothing is
/// received, so that no answer has to be thrown away; the kernel queues what comes, and drops
/// (UDP) what is too much or makes senders wait (Unix).
///
/// ERRORS of sending and by ICMP belong to a conversation, if it is still there, and never close
/// the socket.
///
/// OWNERSHIP: owns its conversations, the socket, and the file of a Unix one.
class DatagramServer final : public Notifier {
 public:
  using ConversationCallback = UniqueFunction<void(DatagramServer&, Conversation&)>;
  using AdmitCallback = UniqueFunction<bool(DatagramServer&, const Datagram&)>;
  using DatagramCallback = UniqueFunction<void(DatagramServer&, const Datagram&)>;
  using ErrorCallback = UniqueFunction<void(DatagramServer&, const Error&)>;

  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

  /// A bound socket of SOCK_DGRAM; an inherited one need not be non-blocking. Throws Error (EINVAL)
  /// if it is of another type.
  explicit DatagramServer(ListenSocket socket);
  ~DatagramServer() override;

  void on_conversation(ConversationCallback callback) { on_conversation_ = std::move(callback); }
  /// Asked, before a conversation begins, whether it may; without one all may. The datagram is
  /// thrown away if not.
  void on_admit(AdmitCallback callback) { on_admit_ = std::move(callback); }
  /// A conversation cannot begin because of the limit; the datagram is thrown away.
  void on_overflow(DatagramCallback callback) { on_overflow_ = std::move(callback); }
  /// Receiving has failed (ENETDOWN). It goes on where that makes sense.
  void on_receive_error(ErrorCallback callback) { on_receive_error_ = std::move(callback); }

  /// At most so many conversations at once.
  void set_max_conversations(std::size_t count) noexcept { max_conversations_ = count; }
  /// Conversations end when no datagram came or went for so long; zero: never.
  void set_idle_timeout(Duration timeout);
  /// Whether what comes for a conversation that is paused is thrown away; false by default: then
  /// nothing is received until none is.
  void set_drops_when_paused(bool drops);
  /// Socket::set_receive_size(), Socket::set_send_marks().
  void set_receive_size(std::size_t size) { socket_.set_receive_size(size); }
  void set_send_marks(std::size_t low, std::size_t high) { socket_.set_send_marks(low, high); }

  /// Receives nothing until resume(); what is to be sent goes on.
  void pause();
  void resume();

  /// What the socket is bound to.
  const SocketAddress& address() const noexcept { return address_; }
  std::size_t conversations() const noexcept { return conversations_.size(); }
  /// Calls `visit(conversation)` for each, the one that has been silent longest first. It may
  /// remove the one that it gets.
  template <class F>
  void for_each_conversation(F&& visit) {
    for (Conversation* each = by_age_.first(); each != nullptr;) {
      Conversation* const following = each->next;
      visit(*each);
      each = following;
    }
  }

  /// Datagrams that nobody can be answered for; see the class.
  std::uint64_t ignored() const noexcept { return ignored_; }
  /// Datagrams that the kernel threw away because they were not received in time (SO_MEMINFO).
  std::uint64_t dropped_by_kernel() const noexcept;
  /// What has been given to send() and not yet to the kernel.
  std::size_t pending_datagrams() const noexcept { return socket_.pending_datagrams(); }
  /// Socket::flushed().
  Future<> flushed() { return socket_.flushed(); }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  friend class Conversation;
  struct Queued {
    Conversation* conversation;  // null: it has gone
    std::size_t bytes;
  };

  void received(const Datagram& datagram);
  bool is_unanswerable(const Datagram& datagram) const;
  Conversation* find(const Datagram& datagram);
  Conversation* begin(const Datagram& datagram);
  void send(Conversation& conversation, std::string_view bytes);
  std::vector<Conversation*> all() const;
  void settle_queue(std::size_t failed) noexcept;
  void leave_queue() noexcept;
  void undelivered(const UndeliveredDatagram& datagram);
  void all_sent();
  void writable();
  void touch(Conversation& conversation);
  void arm_idle_timer();
  void expire();
  void forget(Conversation& conversation) noexcept;
  void count_paused(bool is_paused);
  void update_receiving();

  Socket& socket_;
  SocketAddress address_;
  UnixSocketFile file_;
  detail::ConversationMap conversations_;
  detail::NodeList<Conversation> by_age_;
  std::deque<Queued> queued_;  // what the socket has not sent
  std::vector<Conversation*> waiting_to_be_sent_;
  std::size_t paused_ = 0;  // conversations
  std::size_t max_conversations_ = kNoLimit;
  Duration idle_timeout_{0};
  std::optional<TimeWatch> idle_timer_;
  Event<void(DatagramServer&, Conversation&)> on_conversation_;
  Event<bool(DatagramServer&, const Datagram&)> on_admit_;
  Event<void(DatagramServer&, const Datagram&)> on_overflow_;
  Event<void(DatagramServer&, const Error&)> on_receive_error_;
  std::uint64_t ignored_ = 0;
  bool is_paused_ = false;
  bool drops_when_paused_ = false;
};

}  // namespace ioa
