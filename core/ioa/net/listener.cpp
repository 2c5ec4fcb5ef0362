#include "ioa/net/listener.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include "ioa/base/syscall.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/net/socket_calls.hpp"

namespace ioa {
namespace {

/// accept(2): errors of the connection that was to be accepted; the next one may be well.
bool is_of_one_connection(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:  // a firewall's
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT:
    case ECONNRESET:
      return true;
    default:
      return false;
  }
}

bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

ConnectionSlot::ConnectionSlot(Listener& listener) : listener_(listener) {}

ConnectionSlot& ConnectionSlot::operator=(ConnectionSlot&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  listener_ = std::exchange(other.listener_, {});
  return *this;
}

void ConnectionSlot::give_back() noexcept {
  const WeakRef<Listener> listener = std::exchange(listener_, {});
  if (Listener* alive = listener.get()) alive->slot_given_back();
}

struct Listener::Source {
  explicit Source(ListenSocket opened) : socket(std::move(opened)) {}

  ListenSocket socket;
  std::optional<IoWatch> watch;  // in a loop; goes before the descriptor
  bool is_broken = false;
};

Listener::Listener(SocketCalls* calls)
    : calls_(calls != nullptr ? *calls : SocketCalls::system()) {}

Listener::Listener(std::vector<ListenSocket> sockets, SocketCalls* calls) : Listener(calls) {
  for (ListenSocket& socket : sockets) add_socket(std::move(socket));
}

Listener::~Listener() = default;

void Listener::add_socket(ListenSocket socket) {
  Source& source = *sources_.emplace_back(std::make_unique<Source>(std::move(socket)));
  if (loop() == nullptr) return;
  try {
    watch(source);
  } catch (...) {
    sources_.pop_back();
    throw;
  }
}

void Listener::on_accept(AcceptCallback callback) {
  on_accept_ = std::move(callback);
  update();
}

Future<AcceptedConnection> Listener::accept() {
  if (!is_listening())
    return Future<AcceptedConnection>::failed(
        Error(ErrorKind::disconnected, {}, "accept", {}, "the listener has stopped"));
  const auto place = waiters_.emplace(waiters_.end());
  place->on_cancel([this, place] {
    waiters_.erase(place);
    update();
  });
  auto future = place->future();
  update();
  return future;
}

void Listener::set_max_connections(std::size_t count) {
  max_connections_ = count;
  update();
}

void Listener::pause() {
  is_paused_ = true;
  update();
}

void Listener::resume() {
  is_paused_ = false;
  update();
}

Future<> Listener::stop() {
  ++epoch_;
  if (rest_) rest_->disarm();
  sources_.clear();
  fail_waiters(Error(ErrorKind::disconnected, {}, "accept", {}, "the listener has stopped"));
  if (open_ == 0) return Future<>::resolved();
  return drained_.emplace_back().future();
}

void Listener::fail_waiters(const Error& error) {
  for (auto waiting = std::exchange(waiters_, {}); auto& promise : waiting) promise.fail(error);
}

std::vector<SocketAddress> Listener::addresses() const {
  std::vector<SocketAddress> list;
  for (const auto& source : sources_) list.push_back(source->socket.address);
  return list;
}

SocketAddress Listener::address() const {
  return sources_.empty() ? SocketAddress() : sources_.front()->socket.address;
}

int Listener::socktype() const noexcept {
  return sources_.empty() ? 0 : sources_.front()->socket.socktype;
}

void Listener::added_to_loop(Loop& loop) {
  rest_.emplace(loop.timers(), [this] { update(); });
  for (const auto& source : sources_) watch(*source);
}

void Listener::removing_from_loop(Loop&) {
  for (const auto& source : sources_) source->watch.reset();
  rest_.reset();
  waiters_.clear();  // they are abandoned
}

bool Listener::wants_connections() const noexcept {
  const bool is_able =
      loop() != nullptr && !is_paused_ && open_ < max_connections_ && !(rest_ && rest_->is_armed());
  return is_able && (on_accept_ || !waiters_.empty());
}

void Listener::update() {
  const IoEvents wanted = wants_connections() ? IoEvents(IoEvent::read) : IoEvents();
  for (const auto& source : sources_)
    if (source->watch && !source->is_broken) source->watch->want(wanted);
}

void Listener::watch(Source& source) {
  source.watch.emplace(*loop());
  source.watch->set_callback([this, &source](IoEvent) { accept_some(source); });
  source.watch->start(source.socket.fd.get(),
                      wants_connections() ? IoEvents(IoEvent::read) : IoEvents());
}

void Listener::accept_some(Source& source) {
  const unsigned epoch = epoch_;
  for (std::size_t i = 0; i < kAcceptsPerTurn && wants_connections(); ++i) {
    AcceptedConnection connection;
    connection.fd = calls_.accept(source.socket.fd.get(), connection.peer);
    if (!connection.fd) {
      const int error = errno;
      if (would_block(error)) break;
      if (is_of_one_connection(error)) continue;
      return accept_failed(source, error);
    }
    const SocketAddress& bound = source.socket.address;
    connection.local = bound.is_wildcard() ? calls_.local_of(connection.fd.get()) : bound;
    deliver(std::move(connection));
    if (epoch != epoch_) return;  // the source is gone
  }
  update();
}

void Listener::deliver(AcceptedConnection connection) {
  has_told_shortage_ = false;
  rest_length_ = kFirstRest;
  ++open_;
  connection.slot = ConnectionSlot(*this);
  if (waiters_.empty()) return on_accept_(*this, std::move(connection));
  Promise<AcceptedConnection> promise = std::move(waiters_.front());
  waiters_.pop_front();
  promise.done(std::move(connection));
}

void Listener::accept_failed(Source& source, int error) {
  const Error failure = Error::from_errno(error, "accept", source.socket.address.to_string());
  if (!is_shortage(error)) {
    // The descriptor would stay ready, and the loop spin.
    source.is_broken = true;
    source.watch.reset();
    const bool is_last = std::all_of(sources_.begin(), sources_.end(),
                                     [](const auto& each) { return each->is_broken; });
    if (is_last) fail_waiters(failure);
    return report(failure, true);
  }
  rest_->arm(saturating_add(loop()->backend().now(), rest_length_));
  rest_length_ = std::min(rest_length_ * 2, kLongestRest);
  update();
  if (!std::exchange(has_told_shortage_, true)) report(failure, false);
}

void Listener::report(const Error& error, bool is_fatal) {
  if (on_accept_error_)
    on_accept_error_(*this, error);
  else if (is_fatal)
    invoke_error(std::make_exception_ptr(error));
}

void Listener::slot_given_back() noexcept {
  --open_;
  if (rest_) rest_->disarm();  // a descriptor may be free now
  update();
  if (open_ > 0) return;
  for (auto waiting = std::exchange(drained_, {}); auto& promise : waiting) promise.done();
}

}  // namespace ioa
