#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>

#include "ioa/base/free_list.hpp"
#include "ioa/future/node_list.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/future/waiters.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/socket.hpp"

/// The parts of a Socket; not part of the interface.
namespace ioa {

/// What a Socket does later, in this order.
enum class Socket::Task : std::uint8_t { fail_send = 1, announce_sent = 2, present_backlog = 4 };

/// A receive Future.
class Socket::Receiver : public FreeListed {
 public:
  Promise<std::optional<ReceivedDatagram>> promise;
  Receiver* prev = nullptr;
  Receiver* next = nullptr;
};

/// Those who wait for datagrams, and datagrams that wait for them.
struct Socket::Incoming {
  Incoming() = default;
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming();

  Receiver* take_receiver() noexcept;
  /// Returns whether there was any.
  bool fail_all(const std::exception_ptr& error);

  detail::NodeList<Receiver> receivers;
  std::size_t receiver_count = 0;
  std::deque<ReceivedDatagram> backlog;  // received, when suddenly nobody wanted them
};

/// A Socket has it only while something is in it.
struct Socket::Outgoing {
  struct Item {
    Bytes bytes;
    SocketAddress to;
    SocketAddress from;
    std::optional<Promise<>> done;
    int error = 0;             // why it cannot be sent
    bool was_refused = false;  // an ICMP error of another one was told instead of sending it
  };

  std::size_t cost() const noexcept { return bytes + items.size() * kDatagramCost; }
  /// Takes the first one out.
  Item pop();
  void fail_all(const std::exception_ptr& error);

  std::deque<Item> items;
  std::size_t bytes = 0;
  std::uint64_t gone = 0;  // sent or failed
  Waiters flushed;
  Waiters writable;
};

/// Callbacks and limits that most Sockets leave alone: they share their absence.
struct Socket::Settings {
  Event<void(Socket&)> on_receive_eof;
  Event<void(Socket&, const Error&)> on_receive_error;
  Event<void(Socket&, const Error&)> on_send_error;
  Event<void(Socket&, const UndeliveredDatagram&)> on_undelivered;
  Event<void(Socket&)> on_outgoing_empty;
  Event<void(Socket&)> on_writable;

  std::size_t receive_size = kReceiveSize;
  std::size_t send_low = kSendLow;
  std::size_t send_high = kSendHigh;
  std::uint16_t local_port = 0;  // of a descriptor of which the local address is wanted
  bool wants_local_address = false;
  bool closes_at_eof = true;

  unsigned tasks = 0;  // bits of Task
  unsigned tasks_now = 0;
  std::optional<DeferredCall> deferred;
  std::optional<TimeWatch> retry;
};

}  // namespace ioa
