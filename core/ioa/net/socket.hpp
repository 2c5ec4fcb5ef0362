#pragma once

#include <sys/socket.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/io/handle.hpp"
#include "ioa/net/datagram.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

/// A Handle that sends and receives datagrams: UDP, Unix datagrams, and seqpacket connections,
/// connected or not.
///
///     auto& echo = loop.add(std::make_unique<Socket>(open_bound_socket(addresses)));
///     echo.on_receive([](Socket& self, const Datagram& datagram) {
///       self.send(datagram.bytes, datagram.from);
///     });
///
/// RECEIVING: datagrams go to the receive Futures first, in their order, then to on_receive;
/// several come out of one system call, at most kBatch a turn. While nobody asks none is received,
/// so the kernel queues them and drops what is too much (UDP) or makes the sender wait (Unix).
/// Empty ones are datagrams like others. While on_receive runs, its Socket receives nothing in a
/// turn inside it.
///
/// SENDING: send() gives a datagram to the kernel at once or queues it. None is dropped because the
/// kernel cannot take it now (EAGAIN, ENOBUFS); the marks tell a producer to wait.
///
/// ERRORS: one that is told by a Future that waits, or by on_receive_error and on_send_error,
/// (or on_undelivered) leaves the Socket open; one that nobody hears of closes it. ICMP errors of a
/// connected UDP socket (ECONNREFUSED) are errors of receiving, also where the kernel tells them to
/// a send, and that datagram is then sent all the same. A datagram that cannot be sent is dropped,
/// the others follow.
///
/// ENDING: close() sends what is queued first, close_now() drops it. A seqpacket peer that goes
/// ends the Socket: on_receive_eof, then close(); the kernel does not tell an empty packet that is
/// the last one from that end. Futures of a Socket that closes fail; those of one that is destroyed
/// fail with kind `abandoned`.
///
/// CALLBACKS may do anything to their Socket. None is called inside the call that caused it, save
/// on_closed inside close() and close_now().
///
/// OWNERSHIP and LIFETIME: as a Handle's. The descriptor need not be non-blocking.
class Socket : public Handle {
 public:
  using ReceiveCallback = UniqueFunction<void(Socket&, const Datagram&)>;
  using SocketCallback = UniqueFunction<void(Socket&)>;
  using ErrorCallback = UniqueFunction<void(Socket&, const Error&)>;
  using UndeliveredCallback = UniqueFunction<void(Socket&, const UndeliveredDatagram&)>;

  /// The most datagrams that one system call, and one turn, receives or sends.
  static constexpr std::size_t kBatch = 32;
  /// How long a datagram may be where nothing else is said: as long as UDP has them.
  static constexpr std::size_t kReceiveSize = std::size_t{64} << 10;
  static constexpr std::size_t kMaxReceiveSize = std::size_t{2} << 20;
  /// What a queued datagram counts besides its bytes, so that empty ones fill the queue too.
  static constexpr std::size_t kDatagramCost = 256;
  /// The send marks at first.
  static constexpr std::size_t kSendLow = std::size_t{64} << 10;
  static constexpr std::size_t kSendHigh = std::size_t{256} << 10;

  /// As Handle: the descriptor may come late (set_handle). What is sent before waits.
  Socket();
  explicit Socket(UniqueFd fd);
  ~Socket() override;

  // --- Receiving ----------------------------------------------------------------------------

  /// Called for each datagram, whose bytes are there for the time of the call.
  void on_receive(ReceiveCallback callback);
  /// The peer of a seqpacket connection has gone, or says no more; called once.
  void on_receive_eof(SocketCallback callback);
  /// Whether it closes then; true by default. False is for who goes on to send.
  void set_closes_at_eof(bool closes);
  void on_receive_error(ErrorCallback callback);

  /// The next datagram; nothing at the end of a seqpacket connection. DROPPING the Future loses no
  /// datagram. Fails with the error of receiving, and with kind `disconnected` if the Socket closes
  /// before.
  Future<std::optional<ReceivedDatagram>> receive();

  /// Holds receiving, and the calls of on_receive.
  void pause_receiving() noexcept { is_paused_ = true; }
  void resume_receiving();
  bool is_receiving_paused() const noexcept { return is_paused_; }

  /// The longest datagram that is received whole, 1 to kMaxReceiveSize bytes.
  void set_receive_size(std::size_t size);
  /// Whether Datagram::to is filled (IP_PKTINFO, IPV6_RECVPKTINFO). Throws Error if the system
  /// refuses it; without a descriptor it counts for the next one, and then nothing is thrown.
  void set_wants_local_address(bool wanted);

  // --- Sending ------------------------------------------------------------------------------

  /// Sends a datagram, which may be empty, behind those that were sent before: to `to`, or to the
  /// peer of a connected socket. Never blocks and never fails here: see on_send_error. While and
  /// after it closes it does nothing.
  ///
  /// `from`, if it is not empty, is the address of this host that it comes from, on a socket that
  /// is bound to all of them (IP_PKTINFO, IPV6_PKTINFO): DatagramInfo::reply_from.
  void send(std::string_view bytes, const SocketAddress& to = {}, const SocketAddress& from = {});
  /// As send(); the Future is ready when the kernel has it, and fails if it cannot be sent.
  /// Dropping it takes back nothing but the interest.
  Future<> send_done(std::string_view bytes, const SocketAddress& to = {});
  /// The kernel has all that was sent so far, save what failed. Fails with kind `disconnected` if
  /// the Socket closes before.
  Future<> flushed();
  std::size_t pending_datagrams() const noexcept;
  std::size_t pending_bytes() const noexcept;

  /// All that was sent has been handed to the kernel.
  void on_outgoing_empty(SocketCallback callback);
  /// A datagram could not be sent (EMSGSIZE, ENETUNREACH, ...); the next one follows.
  void on_send_error(ErrorCallback callback);
  /// In place of on_send_error, and of on_receive_error for what ICMP says: each datagram that did
  /// not arrive, with its address. With it the kernel keeps those errors for sockets that are not
  /// connected too (IP_RECVERR), at most as many as there is room for in the receive buffer.
  void on_undelivered(UndeliveredCallback callback);

  /// A Socket whose queue holds `high` bytes or more (each datagram counts kDatagramCost besides)
  /// is not writable until fewer than `low` are left, or none. It takes more all the same.
  void set_send_marks(std::size_t low, std::size_t high);
  bool is_writable() const noexcept { return !is_full_; }
  void on_writable(SocketCallback callback);
  /// Ready when it is writable, at once if it is. Fails as flushed().
  Future<> writable();

  /// connect(2): datagrams without an address go to `peer`, and only those from there are received.
  /// Throws Error.
  void connect(const SocketAddress& peer);

  // --- Ending -------------------------------------------------------------------------------

  /// Receives no more and takes no more; closes when the queue is sent; outside a loop, at once.
  void close() override;
  /// Closes at once. What is queued is lost.
  void close_now();

  using Handle::on_closed;
  /// The same with a callback that gets the Socket.
  template <class F>
  requires std::invocable<F&, Socket&>
  void on_closed(F callback) {
    Handle::on_closed([callback = std::move(callback)](Handle& self) mutable {
      callback(static_cast<Socket&>(self));
    });
  }

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;
  void read_ready() override;
  void write_ready() override;
  void handles_set() override;
  void sides_closed(IoEvents sides) override;

  /// recvmmsg(2) and sendmmsg(2), without waiting: how many, or -1 and errno. For tests.
  virtual int receive_messages(int fd, std::span<mmsghdr> messages);
  virtual int send_messages(int fd, std::span<mmsghdr> messages);

 private:
  // A Socket manages these itself.
  using Handle::on_read_ready;
  using Handle::on_write_ready;
  using Handle::want_read_ready;
  using Handle::want_write_ready;
  using Handle::wants_read_ready;
  using Handle::wants_write_ready;

  class Receiver;
  struct Incoming;
  struct Outgoing;
  struct Settings;
  enum class Task : std::uint8_t;

  Settings& settings();
  void start_io();
  void defer(Task task);
  void run_deferred();
  Error make_error(int errno_value, const char* operation) const;
  std::exception_ptr closed_error(const char* operation) const;
  bool is_unopened() const noexcept { return !is_open() && !is_closed_; }
  void want_local_address() const;
  void want_undelivered() const noexcept;
  bool tell_undelivered();

  Incoming& incoming();
  bool has_receivers() const noexcept;
  bool has_backlog() const noexcept;
  bool may_receive() const noexcept;
  bool wants_to_receive() const noexcept;
  void update_receive_interest();
  void receive_step();
  template <class Next>
  void deliver(std::size_t count, Next next);
  void hand_over(const Datagram& datagram);
  void present_backlog();
  void offer_backlog();
  bool is_end() const;
  void end_receiving();
  void fail_receive(int errno_value);

  Outgoing& outgoing();
  bool takes_sends() const noexcept;
  bool is_sending() const noexcept;
  void start_send(std::string_view bytes, const SocketAddress& to, const SocketAddress& from,
                  Future<>* done);
  void send_step();
  void try_again_later();
  void fail_send();
  void announce_sent();
  void update_full();
  void finish_sending();

  bool is_paused_ : 1 = false;
  bool is_receive_failed_ : 1 = false;  // for good, until it is asked for again
  bool is_receive_eof_ : 1 = false;
  bool is_eof_told_ : 1 = false;
  bool is_delivering_ : 1 = false;
  bool drops_delivered_ : 1 = false;
  bool is_closing_ : 1 = false;
  bool is_closed_ : 1 = false;
  bool is_full_ : 1 = false;
  bool is_packet_stream_ : 1 = false;  // seqpacket: it has an end
  bool is_inet_ : 1 = false;
  std::unique_ptr<Incoming> in_;
  std::unique_ptr<Outgoing> out_;
  Event<void(Socket&, const Datagram&)> on_receive_;
  std::unique_ptr<Settings> settings_;  // what most sockets never use
};

}  // namespace ioa
