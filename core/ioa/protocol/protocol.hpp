#pragma once

#include <memory>
#include <utility>

#include "ioa/base/event_slot.hpp"
#include "ioa/future/future.hpp"
#include "ioa/io/handle.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/net/connector.hpp"

namespace ioa {

/// The base of protocols: a notifier with a transport (a Stream, a Socket) for a child, which may
/// come later, and be exchanged.
///
/// OWNERSHIP: owns its transport. What a derived class has set on a transport in set_up() it takes
/// back in tear_down(), so that a transport that is released is as anybody's.
///
/// ENDING: when the transport closes, on_closed is called, and then there is none; the protocol
/// stays, for the next one.
template <class Transport>
class Protocol : public Notifier {
 public:
  using Callback = UniqueFunction<void(Protocol&)>;

  /// Takes a transport, in place of the one before, which is torn down and closed; null for none.
  void set_transport(std::unique_ptr<Transport> transport) {
    if (Transport* old = transport_) {
      forget_transport();
      old->remove();
    }
    if (!transport) return;
    transport->set_leaves_when_closed(false);  // told first
    transport->on_closed([this](Transport& closed) { transport_closed(closed); });
    transport_ = transport.get();
    set_up(*transport_);
    add_child(std::move(transport));
  }
  /// Null while there is none.
  Transport* transport() const noexcept { return transport_; }

  /// Gives the transport up, still open: nothing of this is set on it any more.
  std::unique_ptr<Transport> release_transport() {
    Transport* old = transport_;
    if (old == nullptr) return nullptr;
    forget_transport();
    old->set_leaves_when_closed(true);
    std::unique_ptr<Notifier> released = release_child(*old);
    return std::unique_ptr<Transport>(static_cast<Transport*>(released.release()));
  }

  /// Connects, as `request` says (its socktype is the transport's own), and takes the connection
  /// for its transport. Fails as Connector::connect(). `connector` may go once this has returned.
  Future<> connect(Connector& connector, ConnectRequest request) {
    request.socktype = default_socktype(request.socktype);
    return use_connection(connector.connect(std::move(request)), WeakRef<Protocol>(*this));
  }

  /// Closes the transport, once what it has to send is sent; nothing without one.
  void close() {
    if (transport_ != nullptr) transport_->close();
  }

  /// The transport has closed, whoever has closed it; it is still there.
  void on_closed(Callback callback) { on_closed_ = std::move(callback); }

 protected:
  /// Sets what the protocol needs on a transport that is about to be used.
  virtual void set_up(Transport& transport) = 0;
  /// Takes it back.
  virtual void tear_down(Transport& transport) noexcept = 0;
  /// What connect() asks for where the request says nothing that suits.
  virtual int default_socktype(int asked) const noexcept = 0;

 private:
  /// A coroutine that may outlive the protocol.
  static Future<> use_connection(Future<Connection> connecting, WeakRef<Protocol> self) {
    Connection connection = co_await std::move(connecting);
    if (Protocol* protocol = self.get())
      protocol->set_transport(std::make_unique<Transport>(std::move(connection.fd)));
  }

  void forget_transport() {
    Transport& old = *std::exchange(transport_, nullptr);
    old.Handle::on_closed(nullptr);
    tear_down(old);
  }

  void transport_closed(Transport& closed) {
    if (&closed != transport_) return;
    const WeakRef<Protocol> self(*this);
    on_closed_(*this);
    if (self.get() == nullptr || transport_ != &closed) return;
    transport_ = nullptr;
    closed.remove();
  }

  Transport* transport_ = nullptr;  // a child
  Event<void(Protocol&)> on_closed_;
};

}  // namespace ioa
