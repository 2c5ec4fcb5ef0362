#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "ioa/base/bytes.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/net/socket.hpp"
#include "ioa/protocol/protocol.hpp"

namespace ioa {

/// A protocol of datagrams, over a connected or an unconnected Socket, with requests that are sent
/// again until they are answered.
///
///     auto& clock = loop.add(std::make_unique<DatagramProtocol>());
///     clock.set_transport(std::make_unique<Socket>(std::move(fd)));
///     Bytes answer = co_await clock.request(question, server,
///                                           [](std::string_view reply) { return is_ours(reply);
///                                           });
///
/// ERRORS: without a transport, send() and request() throw std::logic_error. An ICMP error of a
/// connected socket fails the requests that wait (kind `disconnected` or `failed`), and otherwise
/// goes to on_receive_error.
class DatagramProtocol : public Protocol<Socket> {
 public:
  using DatagramCallback = UniqueFunction<void(DatagramProtocol&, const Datagram&)>;
  using ErrorCallback = UniqueFunction<void(DatagramProtocol&, const Error&)>;
  /// Whether a datagram answers a request. It must not throw.
  using Answers = UniqueFunction<bool(std::string_view)>;

  /// How often a request is sent, and how long it is waited for an answer each time.
  struct Retries {
    int attempts = 3;
    Duration wait = std::chrono::seconds(1);
    /// The wait grows by this after each time.
    int factor = 2;
  };

  DatagramProtocol();
  ~DatagramProtocol() override;

  /// Called for each datagram that answers no request.
  void on_datagram(DatagramCallback callback) { on_datagram_ = std::move(callback); }
  /// An error of receiving that no request has heard of. Without it that closes the transport.
  void on_receive_error(ErrorCallback callback) { on_receive_error_ = std::move(callback); }

  /// As Socket::send().
  void send(std::string_view bytes, const SocketAddress& to = {});

  /// Sends a datagram, and again while there is no answer; gives the first datagram from there
  /// (from anywhere, if `to` is empty) that `answers`. Fails with kind `timeout` when the attempts
  /// are over, and with kind `disconnected` when the transport closes. DROPPING the Future calls it
  /// off.
  Future<Bytes> request(std::string_view bytes, const SocketAddress& to, Answers answers,
                        Retries retries);
  Future<Bytes> request(std::string_view bytes, const SocketAddress& to, Answers answers) {
    return request(bytes, to, std::move(answers), Retries());
  }
  /// How many wait for an answer.
  std::size_t pending_requests() const noexcept { return requests_.size(); }

 protected:
  void set_up(Socket& socket) override;
  void tear_down(Socket& socket) noexcept override;
  int default_socktype(int asked) const noexcept override;
  void removing_from_loop(Loop& loop) override;

 private:
  struct Request;

  Socket& socket() const;
  void received(const Datagram& datagram);
  void receive_failed(const Error& error);
  void ask(Request& request);
  void fail_all(const Error& error);
  void forget(Request& request) noexcept;

  std::list<Request> requests_;
  Event<void(DatagramProtocol&, const Datagram&)> on_datagram_;
  Event<void(DatagramProtocol&, const Error&)> on_receive_error_;
};

}  // namespace ioa
