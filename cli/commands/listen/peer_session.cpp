#include "cli/commands/listen/peer_session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <type_traits>
#include <utility>

#include "cli/commands/datagram_transfer.hpp"
#include "cli/commands/establish.hpp"
#include "cli/commands/listen/peer_label.hpp"
#include "cli/commands/listen/session_service.hpp"
#include "cli/escape.hpp"
#include "cli/transfer.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

/// A PeerSession whose bytes are moved by a Transfer, or a DatagramTransfer.
template <class Mover>
class JoinedSession final : public PeerSession {
 public:
  JoinedSession(SessionService& service, Context& context, const ListenOptions& options,
                ListenPeer peer, PreparedNear near)
      : PeerSession(service, context, options, std::move(peer), std::move(near)),
        mover_(context, *transfer_options_, peer_.number) {
    mover_.set_label(label_);
  }

  void interrupt(int signal) override {
    if (is_opening()) return give_up(ended_by_signal(signal), "signal");
    mover_.interrupt(signal);
  }
  void cut_off(Duration limit) override {
    if (is_opening()) return give_up(ExitStatus::time_limit, "timeout");
    mover_.cut_off(limit);
  }
  BytesMoved moved() const override {
    const auto [sent, received] = mover_.bytes();
    return {sent, received};
  }

 private:
  Future<PeerEnd> transfer(NearSide near) override {
    co_await mover_.prepare();
    if (NearChild* child = near_->child()) child->on_exit([this] { mover_.end_near(); });
    PeerEnd end;
    end.status = co_await move_all(std::move(near));
    const auto [sent, received] = mover_.bytes();
    end.sent = sent;
    end.received = received;
    // A command that has said all it has to say, to a peer that has heard it, may end by itself.
    const bool is_ending = mover_.is_complete() && mover_.has_near_ended();
    co_await near_->end(is_ending);
    co_return end;
  }

  Future<ExitStatus> move_all(NearSide near) {
    if constexpr (std::is_same_v<Mover, DatagramTransfer>) {
      if (peer_.conversation) {
        mover_.set_ends_by_silence(options_.keep_open);
        return mover_.run(std::move(near), std::move(peer_.conversation),
                          peer_.connection.peer.to_string());
      }
    }
    return mover_.run(std::move(near), std::move(peer_.connection.fd));
  }

  Mover mover_;
};

}  // namespace

PeerSession::PeerSession(SessionService& service, Context& context, const ListenOptions& options,
                         ListenPeer peer, PreparedNear near)
    : context_(context),
      options_(options),
      peer_(std::move(peer)),
      transfer_options_(std::move(near.options)),
      near_(std::move(near.opener)),
      is_prepared_(near.is_prepared),
      service_(&service),
      began_(Clock::now()) {
  if (options.keep_open) label_ = peer_label(peer_);
}

void PeerSession::added_to_loop(Loop&) { work_ = work(); }

void PeerSession::removing_from_loop(Loop&) { work_.cancel(); }

void PeerSession::abort() noexcept {
  if (NearChild* child = near_->child()) child->kill();
}

Future<> PeerSession::work() {
  PeerEnd end;
  bool has_failed = false;
  try {
    NearSide near = co_await open_near();
    is_opening_ = false;
    end = co_await transfer(std::move(near));
    end.status = status_with_child(end.status);
  } catch (const Error& error) {
    has_failed = true;
    end.status = status_of(error);
    const bool is_limit = is_opening_ && is_time_limit(error);
    const std::string what = escape(
        is_limit ? name_connect_limit(error, options_.connect_timeout).what() : error.what());
    context_.reporter.error(label_.empty() ? what : fmt::format("{}: {}", label_, what));
  }
  has_failed ? give_up(end.status, "stdio-error") : conclude(end);
}

/// The first one was prepared before there was a peer.
Future<NearSide> PeerSession::open_near() {
  if (options_.serve_by == ServeBy::echo) co_return echo_side();
  if (!is_prepared_) co_await near_->prepare();
  ConnectionNames names;
  names.remote = peer_.connection.peer;
  names.local = peer_.connection.local;
  names.protocol = peer_.protocol;
  names.number = peer_.number;
  NearSide near = co_await near_->open(names, options_.connect_timeout);
  // A client that has asked and shut down still gets its whole answer; somebody who types has seen
  // that it is gone.
  if (near.source.kind() != FdKind::terminal) near.finishes = true;
  co_return near;
}

NearSide PeerSession::echo_side() const {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw Error::from_errno(errno, "pipe");
  NearSide near;
  near.source = ByteEnd::own(UniqueFd(ends[0]));
  near.sink = ByteEnd::own(UniqueFd(ends[1]));
  near.source_name = near.sink_name = "echo";
  near.is_stdout = false;
  near.finishes = true;
  near.echoes = true;
  return near;
}

void PeerSession::give_up(ExitStatus status, std::string_view reason) {
  context_.reporter.event("closed", {{"conn", peer_.number},
                                     {"bytes_sent", std::int64_t{0}},
                                     {"bytes_received", std::int64_t{0}},
                                     {"duration_ms", milliseconds(Clock::now() - began_)},
                                     {"reason", reason}});
  PeerEnd end;
  end.status = status;
  conclude(end);
}

void PeerSession::conclude(PeerEnd end) {
  end.number = peer_.number;
  peer_.connection = {};
  peer_.conversation.reset();
  if (SessionService* service = std::exchange(service_, nullptr)) {
    service->take_out(*this);
    service->host_.peer_ended(end);
  }
  remove();
}

/// What a command says of itself counts where the bytes have nothing to complain about.
ExitStatus PeerSession::status_with_child(ExitStatus status) const {
  const NearChild* child = near_->child();
  if (child == nullptr || status != ExitStatus::done || !child->own_end()) return status;
  return static_cast<ExitStatus>(child->own_end()->shell_status());
}

ExitStatus PeerSession::status_of(const Error& error) const noexcept {
  if (!is_opening_) return ExitStatus::io_error;
  if (near_->is_child()) return status_of_spawn_failure(error);
  return error.operation() == "open" || error.operation() == "pipe" ? ExitStatus::io_error
                                                                    : status_of_failure(error);
}

std::unique_ptr<PeerSession> make_peer_session(SessionService& service, Context& context,
                                               const ListenOptions& options, ListenPeer peer,
                                               PreparedNear near) {
  if (peer.conversation || peer.protocol == "unix-seqpacket")
    return std::make_unique<JoinedSession<DatagramTransfer>>(service, context, options,
                                                             std::move(peer), std::move(near));
  return std::make_unique<JoinedSession<Transfer>>(service, context, options, std::move(peer),
                                                   std::move(near));
}

}  // namespace ioa::cli
