#pragma once

#include <cstddef>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "ioa/base/clock.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/event_slot.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/loop/notifier.hpp"
#include "ioa/loop/time_queue.hpp"
#include "ioa/net/listen_socket.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa {

class Listener;

/// The place that an accepted connection has among those of its Listener: given back when it is
/// destroyed, which may be after the Listener. Keep it for as long as the connection.
class ConnectionSlot {
 public:
  /// No place.
  ConnectionSlot() = default;
  ConnectionSlot(ConnectionSlot&&) noexcept = default;
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept;
  ~ConnectionSlot() { give_back(); }
  void give_back() noexcept;

 private:
  friend class Listener;
  explicit ConnectionSlot(Listener& listener);
  WeakRef<Listener> listener_;
};

/// A connection that somebody has made to us.
struct AcceptedConnection {
  /// Non-blocking, close-on-exec.
  UniqueFd fd;
  /// Who it is; without a path for most Unix peers.
  SocketAddress peer;
  /// The address of ours that was connected to.
  SocketAddress local;
  /// What counts it, for max_connections and stop().
  ConnectionSlot slot;
};

/// A notifier that accepts connections, at any number of sockets.
///
///     auto& listener = loop.add(std::make_unique<Listener>(std::move(opened.sockets)));
///     listener.on_accept([&loop](Listener&, AcceptedConnection connection) {
///       auto& stream = loop.add(std::make_unique<Stream>(std::move(connection.fd)));
///       stream.on_closed([slot = std::move(connection.slot)](Stream&) mutable {
///         slot.give_back();
///       });
///     });
///
/// EVENTS: on_accept for every connection, several a turn; on_accept_error. A callback may do
/// anything: stop, remove the Listener, run the Loop. Or accept(), a connection at a time, which
/// goes before on_accept. While nobody asks for connections, at the limit, or paused, nothing is
/// accepted: they wait in the kernel's queue.
///
/// ERRORS of single connections (one that is gone before it was accepted) are passed over. Out of
/// descriptors or memory, accepting rests for a moment, or until a slot is given back, and goes on
/// by itself; on_accept_error hears of it once. Any other error ends accepting at that socket, and
/// goes to on_accept_error, or else to invoke_error().
///
/// OWNERSHIP: owns its sockets, and removes their Unix files.
class Listener : public Notifier {
 public:
  using AcceptCallback = UniqueFunction<void(Listener&, AcceptedConnection)>;
  using ErrorCallback = UniqueFunction<void(Listener&, const Error&)>;

  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  /// Connections that one socket accepts in a turn, so that those which are served get theirs.
  static constexpr std::size_t kAcceptsPerTurn = 64;
  /// How long accepting rests when descriptors or memory are short: at first, and (doubling) at
  /// most. Short, since somebody may close one at any time; a rest costs nothing.
  static constexpr Duration kFirstRest = std::chrono::milliseconds(50);
  static constexpr Duration kLongestRest = std::chrono::seconds(1);

  /// Without a socket yet. `calls` are the system calls to use (a test's); null for the real ones.
  explicit Listener(SocketCalls* calls = nullptr);
  explicit Listener(std::vector<ListenSocket> sockets, SocketCalls* calls = nullptr);
  ~Listener() override;

  /// Accepts at this one too. In a loop, throws Error if it cannot be watched.
  void add_socket(ListenSocket socket);

  void on_accept(AcceptCallback callback);
  void on_accept_error(ErrorCallback callback) { on_accept_error_ = std::move(callback); }

  /// The next connection, for whoever asked first. Dropping the Future takes the wish back. Fails
  /// with kind `disconnected` if the Listener stops, with kind `abandoned` if it leaves its loop,
  /// and as accept(2) has failed if that ends accepting at the last socket.
  Future<AcceptedConnection> accept();

  /// At so many connections whose slots have not been given back nothing more is accepted.
  void set_max_connections(std::size_t count);
  std::size_t open_connections() const noexcept { return open_; }

  /// Accepts nothing until resume(); nobody is turned away meanwhile.
  void pause();
  void resume();
  bool is_paused() const noexcept { return is_paused_; }

  /// Closes the sockets: nobody can connect any more, and those in the kernel's queue are reset.
  /// The Future is ready when every slot has been given back; dropping it changes nothing.
  Future<> stop();

  bool is_listening() const noexcept { return !sources_.empty(); }
  /// What the sockets are bound to, in the order in which they were added.
  std::vector<SocketAddress> addresses() const;
  /// The first of them; empty if there is none.
  SocketAddress address() const;
  /// The family and the type of the first of them; AF_UNSPEC and 0 if there is none.
  int family() const { return address().family(); }
  int socktype() const noexcept;

 protected:
  void added_to_loop(Loop& loop) override;
  void removing_from_loop(Loop& loop) override;

 private:
  friend class ConnectionSlot;
  struct Source;

  bool wants_connections() const noexcept;
  void update();
  void watch(Source& source);
  void accept_some(Source& source);
  void deliver(AcceptedConnection connection);
  void accept_failed(Source& source, int error);
  void report(const Error& error, bool is_fatal);
  void fail_waiters(const Error& error);
  void slot_given_back() noexcept;

  SocketCalls& calls_;
  std::vector<std::unique_ptr<Source>> sources_;
  Event<void(Listener&, AcceptedConnection)> on_accept_;
  Event<void(Listener&, const Error&)> on_accept_error_;
  std::list<Promise<AcceptedConnection>> waiters_;
  std::vector<Promise<>> drained_;
  std::optional<TimeWatch> rest_;  // armed: descriptors or memory are short
  Duration rest_length_ = kFirstRest;
  std::size_t max_connections_ = kNoLimit;
  std::size_t open_ = 0;
  unsigned epoch_ = 0;  // of the list of sources: another one after stop()
  bool is_paused_ = false;
  bool has_told_shortage_ = false;
};

}  // namespace ioa
