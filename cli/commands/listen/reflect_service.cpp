#include "cli/commands/listen/reflect_service.hpp"

#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "cli/commands/pump_words.hpp"
#include "ioa/base/byte_buffer.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/base/error.hpp"
#include "ioa/base/syscall.hpp"
#include "ioa/io/scratch_buffer.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {

/// One peer. It is its own watch, and in the list of its service: there may be very many.
class ReflectedPeer final : public IoWatchBase {
 public:
  ReflectedPeer(ReflectService& service, ListenPeer peer)
      : service_(service),
        slot_(std::move(peer.connection.slot)),
        number_(peer.number),
        fd_(std::move(peer.connection.fd)),
        keeps_records_(peer.protocol == "unix-seqpacket") {
    if (service_.options_.idle_timeout > Duration::zero()) {
      idle_ =
          std::make_unique<TimeWatch>(service_.context_.loop.timers(), [this] { idle_for_long(); });
      touch();
    }
    start(service_.context_.loop, fd_.get(), IoEvent::read);
  }
  virtual ~ReflectedPeer() { stop(); }  // before the descriptor goes

  /// Takes nothing more, and closes with what it was to get sent, as far as it takes that: a peer
  /// that does not read is not waited for.
  void interrupt(int signal) {
    signal_ = signal;
    if (pending_ && !send_pending()) return;
    if (pending_) say(fmt::format("ended by SIG{}", ::sigabbrev_np(signal)));
    interrupted();
  }
  void cut_off(Duration limit) {
    say(fmt::format("--timeout {} reached", duration_text(limit)));
    service_.close(*this, "timeout", ExitStatus::time_limit);
  }

 private:
  friend class ReflectService;

  /// What a send did not take.
  struct Pending {
    ByteBuffer bytes;
    bool is_sent() const noexcept { return bytes.empty(); }
  };

  bool io_event(IoEvent event) override {
    return event == IoEvent::write ? send_pending() : receive();
  }
  Loop& watching_loop() const noexcept override { return service_.context_.loop; }

  bool echoes() const noexcept { return service_.options_.serve_by == ServeBy::echo; }
  void touch() {
    if (!idle_) return;
    Loop& loop = service_.context_.loop;
    idle_->arm(saturating_add(loop.now(), service_.options_.idle_timeout));
  }

  bool receive();
  bool send_back(std::string_view bytes);
  bool send_pending();
  bool peer_ended();
  bool failed(const char* call);
  void idle_for_long();
  void interrupted();
  void say(std::string_view what) const;

  ReflectService& service_;
  ReflectedPeer* previous_ = nullptr;
  ReflectedPeer* next_ = nullptr;
  ConnectionSlot slot_;
  std::int64_t number_;
  TimePoint began_ = Clock::now();
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::unique_ptr<Pending> pending_;  // while the peer takes less than it sends
  std::unique_ptr<TimeWatch> idle_;
  UniqueFd fd_;  // goes before the slot
  int signal_ = 0;
  bool keeps_records_;
};

/// One read a readiness: the next one is told at once if there is more, and others come in between.
bool ReflectedPeer::receive() {
  std::span<char> space = scratch_buffer();
  if (!keeps_records_) space = space.first(std::min(space.size(), service_.options_.buffer));
  const int flags = MSG_DONTWAIT | (keeps_records_ ? MSG_TRUNC : 0);
  const ssize_t got =
      retry_on_eintr([&] { return ::recv(fd_.get(), space.data(), space.size(), flags); });
  if (got < 0) return would_block(errno) || failed("recv");
  if (got == 0) return peer_ended();
  const auto size = static_cast<std::size_t>(got);
  if (size > space.size()) {
    errno = EMSGSIZE;
    return failed("recv");
  }
  received_ += size;
  touch();
  return !echoes() || send_back({space.data(), size});
}

bool ReflectedPeer::send_back(std::string_view bytes) {
  const ssize_t put = retry_on_eintr(
      [&] { return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (put < 0 && !would_block(errno)) return failed("send");
  const auto size = static_cast<std::size_t>(std::max<ssize_t>(put, 0));
  sent_ += size;
  if (size == bytes.size()) return true;
  pending_ = std::make_unique<Pending>();
  pending_->bytes.append(bytes.substr(size));
  want(IoEvent::write);  // and nothing is read meanwhile
  return true;
}

bool ReflectedPeer::send_pending() {
  if (!pending_) return true;
  const std::string_view bytes = pending_->bytes.view();
  const ssize_t put = retry_on_eintr(
      [&] { return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (put < 0) return would_block(errno) || failed("send");
  sent_ += static_cast<std::size_t>(put);
  touch();
  pending_->bytes.consume(static_cast<std::size_t>(put));
  if (!pending_->is_sent()) return true;
  pending_.reset();
  if (signal_ != 0) {
    interrupted();
    return false;
  }
  want(IoEvent::read);
  return true;
}

/// All that it has sent has been sent back by now, as nothing is read before that.
bool ReflectedPeer::peer_ended() {
  service_.context_.reporter.event("eof", {{"conn", number_}, {"side", std::string_view("peer")}});
  service_.close(*this, "eof", ExitStatus::done);
  return false;
}

bool ReflectedPeer::failed(const char* call) {
  say(Error::from_errno(errno, call).what());
  service_.close(*this, "peer-error", ExitStatus::io_error);
  return false;
}

void ReflectedPeer::idle_for_long() {
  say(fmt::format("--idle-timeout {} reached", duration_text(service_.options_.idle_timeout)));
  service_.close(*this, "idle-timeout", ExitStatus::time_limit);
}

void ReflectedPeer::interrupted() { service_.close(*this, "signal", ended_by_signal(signal_)); }

void ReflectedPeer::say(std::string_view what) const {
  const std::uint64_t left = pending_ ? pending_->bytes.size() : 0;
  service_.context_.reporter.error(
      fmt::format("connection {}: {}: {}", number_, what, bytes_moved(sent_, received_, left)));
}

ReflectService::ReflectService(Context& context, const ListenOptions& options, ServiceHost& host)
    : context_(context), options_(options), host_(host) {}

ReflectService::~ReflectService() {
  while (ReflectedPeer* peer = peers_) {
    peers_ = peer->next_;
    delete peer;
  }
}

void ReflectService::serve(ListenPeer peer) {
  const std::int64_t number = peer.number;
  ReflectedPeer* made = nullptr;
  try {
    made = new ReflectedPeer(*this, std::move(peer));
  } catch (const Error& error) {  // the system has no room for another watch
    context_.reporter.error(fmt::format("connection {}: {}", number, error.what()));
    return host_.peer_ended({number, 0, 0, ExitStatus::io_error});
  }
  made->next_ = peers_;
  if (peers_ != nullptr) peers_->previous_ = made;
  peers_ = made;
}

template <class Function>
void ReflectService::for_each(Function function) {
  for (ReflectedPeer* peer = peers_; peer != nullptr;) {
    ReflectedPeer* next = peer->next_;
    function(*peer);
    peer = next;
  }
}

void ReflectService::interrupt(int signal) {
  for_each([&](ReflectedPeer& peer) { peer.interrupt(signal); });
}

void ReflectService::cut_off(Duration limit) {
  for_each([&](ReflectedPeer& peer) { peer.cut_off(limit); });
}

BytesMoved ReflectService::moved() const {
  BytesMoved sum;
  for (const ReflectedPeer* peer = peers_; peer != nullptr; peer = peer->next_) {
    sum.sent += peer->sent_;
    sum.received += peer->received_;
  }
  return sum;
}

void ReflectService::close(ReflectedPeer& peer, std::string_view reason, ExitStatus status) {
  if (peer.next_ != nullptr) peer.next_->previous_ = peer.previous_;
  (peer.previous_ != nullptr ? peer.previous_->next_ : peers_) = peer.next_;
  if (context_.reporter.wants_events())
    context_.reporter.event("closed",
                            {{"conn", peer.number_},
                             {"bytes_sent", static_cast<std::int64_t>(peer.sent_)},
                             {"bytes_received", static_cast<std::int64_t>(peer.received_)},
                             {"duration_ms", milliseconds(Clock::now() - peer.began_)},
                             {"reason", reason}});
  const PeerEnd end{peer.number_, peer.sent_, peer.received_, status};
  delete &peer;
  host_.peer_ended(end);
}

}  // namespace ioa::cli
