#include "cli/commands/listen/session_service.hpp"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "cli/commands/listen/peer_session.hpp"
#include "cli/commands/output_file.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

/// What a transfer takes. Several would draw their meters over each other, so the server has one.
ConnectOptions transfer_options(const ListenOptions& listen) {
  ConnectOptions options;
  static_cast<ByteOptions&>(options) = listen;
  if (listen.keep_open) options.progress = ProgressMode::never;
  if (listen.serve_by == ServeBy::discard) {
    options.near.emplace();
    options.near->scheme = Address::Scheme::discard;
  }
  // What is said of datagrams is said of a seqpacket peer's packets too; no stream looks at it.
  options.peer.scheme = Address::Scheme::unix_seqpacket;
  options.datagrams = listen.datagrams;
  return options;
}

/// The same for a peer that shares its socket with others.
ConnectOptions datagram_options(const ListenOptions& listen) {
  ConnectOptions options = transfer_options(listen);
  options.peer.scheme = Address::Scheme::udp;
  options.idle_timeout = listen.conversation_idle;
  return options;
}

/// Opening a FIFO waits for its reader, who would then see it close.
bool is_fifo(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

SessionService::SessionService(Context& context, const ListenOptions& options, ServiceHost& host)
    : context_(context), listen_(options), host_(host) {
  struct Both {
    ConnectOptions of_streams;
    ConnectOptions of_datagrams;
  };
  // Either keeps both: the opener that is made before there is a peer has those of streams.
  const auto both =
      std::make_shared<const Both>(Both{transfer_options(options), datagram_options(options)});
  options_ = {both, &both->of_streams};
  datagram_options_ = {both, &both->of_datagrams};
  if (options.near) target_ = NearSideOpener::target_of(*options.near);
}

SessionService::~SessionService() {
  while (PeerSession* session = sessions_) {
    take_out(*session);
    session->forget_service();
    session->remove();
  }
}

Future<> SessionService::prepare() {
  first_ = std::make_unique<NearSideOpener>(context_, *options_);
  co_await first_->prepare();
  if (options_->hex_dump.empty() || is_fifo(options_->hex_dump)) co_return;
  OutputFile dump(context_, options_->hex_dump, options_->append);
  co_await dump.open();
}

void SessionService::serve(ListenPeer peer) {
  const auto& options = peer.conversation ? datagram_options_ : options_;
  PreparedNear near{options, std::move(first_), true};
  if (!near.opener) near = {options, std::make_unique<NearSideOpener>(context_, *options), false};
  near.opener->set_target(target_);
  auto session = make_peer_session(*this, context_, listen_, std::move(peer), std::move(near));
  add(*session);
  context_.loop.add(std::move(session));
}

void SessionService::interrupt(int signal) {
  for (PeerSession* session = sessions_; session != nullptr;) {
    PeerSession* next = session->next_;
    session->interrupt(signal);
    session = next;
  }
}

void SessionService::cut_off(Duration limit) {
  for (PeerSession* session = sessions_; session != nullptr;) {
    PeerSession* next = session->next_;
    session->cut_off(limit);
    session = next;
  }
}

void SessionService::abort() noexcept {
  for (PeerSession* session = sessions_; session != nullptr; session = session->next_)
    session->abort();
}

BytesMoved SessionService::moved() const {
  BytesMoved sum;
  for (const PeerSession* session = sessions_; session != nullptr; session = session->next_) {
    const BytesMoved each = session->moved();
    sum.sent += each.sent;
    sum.received += each.received;
  }
  return sum;
}

void SessionService::add(PeerSession& session) noexcept {
  session.next_ = sessions_;
  if (sessions_ != nullptr) sessions_->previous_ = &session;
  sessions_ = &session;
}

void SessionService::take_out(PeerSession& session) noexcept {
  if (session.next_ != nullptr) session.next_->previous_ = session.previous_;
  (session.previous_ != nullptr ? session.previous_->next_ : sessions_) = session.next_;
  session.next_ = session.previous_ = nullptr;
}

}  // namespace ioa::cli
