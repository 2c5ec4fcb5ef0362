#include "ioa/protocol/datagram_protocol.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

#include "ioa/base/error.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa {

struct DatagramProtocol::Request {
  Request(DatagramProtocol& protocol, Bytes text, SocketAddress peer, Answers answers_it,
          Retries how)
      : bytes(std::move(text)),
        to(std::move(peer)),
        answers(std::move(answers_it)),
        retries(how),
        timer(protocol.loop()->timers(), [&protocol, this] { protocol.ask(*this); }) {}

  Bytes bytes;
  SocketAddress to;
  Answers answers;
  Retries retries;
  TimeWatch timer;
  Promise<Bytes> promise;
};

DatagramProtocol::DatagramProtocol() = default;
DatagramProtocol::~DatagramProtocol() = default;

void DatagramProtocol::set_up(Socket& socket) {
  socket.on_receive([this](Socket&, const Datagram& datagram) { received(datagram); });
  socket.on_receive_error([this](Socket&, const Error& error) { receive_failed(error); });
}

void DatagramProtocol::tear_down(Socket& socket) noexcept {
  socket.on_receive(nullptr);
  socket.on_receive_error(nullptr);
  fail_all(Error(ErrorKind::disconnected, {}, "request", {}, "the transport has gone"));
}

/// Stream sockets have no datagrams.
int DatagramProtocol::default_socktype(int asked) const noexcept {
  return asked == SOCK_SEQPACKET ? SOCK_SEQPACKET : SOCK_DGRAM;
}

void DatagramProtocol::removing_from_loop(Loop&) {
  fail_all(Error(ErrorKind::abandoned, {}, "request", {}, "the protocol has left its loop"));
}

Socket& DatagramProtocol::socket() const {
  if (transport() == nullptr) throw std::logic_error("a protocol without a transport");
  return *transport();
}

void DatagramProtocol::send(std::string_view bytes, const SocketAddress& to) {
  socket().send(bytes, to);
}

Future<Bytes> DatagramProtocol::request(std::string_view bytes, const SocketAddress& to,
                                        Answers answers, Retries retries) {
  if (loop() == nullptr) throw std::logic_error("a request is made in a loop");
  static_cast<void>(socket());
  Request& request = requests_.emplace_back(*this, Bytes(bytes), to, std::move(answers), retries);
  request.promise.on_cancel([this, &request] { forget(request); });
  Future<Bytes> future = request.promise.future();
  ask(request);
  return future;
}

void DatagramProtocol::ask(Request& request) {
  if (request.retries.attempts-- <= 0) {
    Promise<Bytes> promise = std::move(request.promise);
    const std::string peer = request.to.empty() ? std::string() : request.to.to_string();
    forget(request);
    return promise.fail(Error(ErrorKind::timeout, {}, "request", peer, "no answer"));
  }
  socket().send(request.bytes, request.to);
  request.timer.arm(saturating_add(loop()->now(), request.retries.wait));
  request.retries.wait *= std::max(request.retries.factor, 1);
}

void DatagramProtocol::received(const Datagram& datagram) {
  const auto answered = std::find_if(requests_.begin(), requests_.end(), [&](Request& request) {
    const bool is_from_there = request.to.empty() || request.to == datagram.from;
    return is_from_there && request.answers(datagram.bytes);
  });
  if (answered == requests_.end()) return on_datagram_(*this, datagram);
  Promise<Bytes> promise = std::move(answered->promise);
  requests_.erase(answered);
  promise.done(Bytes(datagram.bytes));
}

void DatagramProtocol::receive_failed(const Error& error) {
  if (!requests_.empty()) return fail_all(error);
  if (on_receive_error_) return on_receive_error_(*this, error);
  close();
}

void DatagramProtocol::fail_all(const Error& error) {
  for (Request& request : std::exchange(requests_, {})) request.promise.fail(error);
}

void DatagramProtocol::forget(Request& request) noexcept {
  requests_.remove_if([&request](const Request& each) { return &each == &request; });
}

}  // namespace ioa
