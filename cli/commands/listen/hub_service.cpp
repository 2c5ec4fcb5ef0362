#include "cli/commands/listen/hub_service.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>

#include "cli/commands/listen/peer_label.hpp"
#include "cli/commands/pump_words.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

HubKind kind_of(ServeBy serve_by) noexcept {
  switch (serve_by) {
    case ServeBy::broker:
      return HubKind::broker;
    case ServeBy::chat:
      return HubKind::chat;
    default:
      return HubKind::stdio;
  }
}

PumpEnd pump_end(HubEnd end) noexcept {
  switch (end) {
    case HubEnd::complete:
      return PumpEnd::complete;
    case HubEnd::idle_timeout:
      return PumpEnd::idle_timeout;
    case HubEnd::interrupted:
      return PumpEnd::interrupted;
    case HubEnd::cut_off:
      return PumpEnd::cut_off;
    case HubEnd::failed:
    case HubEnd::slow:
      break;
  }
  return PumpEnd::far_failed;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

/// What stands in front of a peer's lines.
std::string prefix_of(const ListenOptions& options, const ListenPeer& peer) {
  if (options.serve_by == ServeBy::chat) return fmt::format("<user{}> ", peer.number);
  if (!options.hub.tag) return {};
  std::string text = options.hub.tag->empty() ? "{peer}" : *options.hub.tag;
  replace_all(text, "{n}", std::to_string(peer.number));
  replace_all(text, "{peer}", label_of(peer));
  return text + '\t';
}

}  // namespace

HubService::HubService(Context& context, const ListenOptions& options, ServiceHost& host)
    : context_(context),
      options_(options),
      host_(host),
      output_(context, options.output, options.append),
      taps_(context, options),
      began_(Clock::now()) {}

HubService::~HubService() {
  if (hub_ != nullptr) hub_->remove();
}

Future<> HubService::prepare() {
  co_await output_.open();
  co_await taps_.prepare();
}

HubPlan HubService::plan() const {
  HubPlan plan;
  plan.kind = kind_of(options_.serve_by);
  plan.slow_peer = options_.hub.slow_peer;
  plan.buffer = options_.buffer;
  plan.on_source_eof = options_.on_stdin_eof;
  plan.finishes = options_.on_peer_eof != OnPeerEof::exit;
  plan.direction = options_.direction;
  plan.quit_after = options_.quit_after;
  plan.idle_timeout = options_.idle_timeout;
  plan.rate = options_.rate;
  plan.tags = options_.hub.tag.has_value();
  plan.crlf = options_.crlf;
  return plan;
}

/// Throws Error if the output cannot be emptied.
void HubService::start() {
  HubPlan plan = this->plan();
  Hub::Ends ends;
  const bool is_stdio = plan.kind == HubKind::stdio;
  if (is_stdio && plan.direction != Direction::receive_only)
    ends.source = ByteEnd::inherited(context_.stdin_fd, ByteEnd::Access::read);
  if (plan.direction != Direction::send_only && (is_stdio || !options_.output.empty()))
    ends.sink = output_.take();
  ends.sink_name = output_.name();
  // Somebody who types has seen that the peer is gone.
  if (options_.on_peer_eof == OnPeerEof::automatic && ends.source.kind() == FdKind::terminal)
    plan.finishes = false;
  auto hub = std::make_unique<Hub>(std::move(plan), std::move(ends));
  taps_.add_to(*hub);
  hub->on_source_eof([this] { source_ended(); });
  hub->on_peer_eof([this](std::int64_t number) { peer_eof(number); });
  hub->on_peer_end([this](const HubPeerEnd& end) { peer_ended(end); });
  hub->on_failure([this](const Error& error, bool of_sink) { failed(error, of_sink); });
  hub_ = &context_.loop.add(std::move(hub));
}

void HubService::serve(ListenPeer peer) {
  if (hub_ == nullptr) {
    try {
      start();
    } catch (const Error& error) {
      context_.reporter.error(escape(error.what()));
      return host_.stop_serving(ExitStatus::io_error);
    }
  }
  Served served;
  served.label = label_of(peer);
  served.began = Clock::now();
  HubPeerNames names{peer.number, prefix_of(options_, peer)};
  served.slot = std::move(peer.connection.slot);
  served_.emplace(peer.number, std::move(served));
  hub_->add_peer(std::move(peer.connection.fd), std::move(names));
}

void HubService::source_ended() {
  context_.reporter.event("eof", {{"side", std::string_view("stdin")}});
}

void HubService::peer_eof(std::int64_t number) {
  served_.at(number).has_ended_its_side = true;
  context_.reporter.event("eof", {{"conn", number}, {"side", std::string_view("peer")}});
}

void HubService::peer_ended(const HubPeerEnd& end) {
  Served peer = std::move(served_.extract(end.number).mapped());
  PeerEnd told;
  told.number = end.number;
  told.sent = end.sent;
  told.received = end.received;
  told.status = fatal_ ? *fatal_ : say(end, peer);
  gone_.sent += end.sent;
  gone_.received += end.received;
  dropped_ += end.dropped;
  has_cut_ |= end.end == HubEnd::slow;
  say_closed(end, peer, fatal_ ? "stdio-error" : reason_of(pump_end(end.end)));
  peer.slot.give_back();
  const bool is_last_of_all = fatal_ && options_.keep_open && served_.empty();
  const ExitStatus status = told.status;
  host_.peer_ended(told);
  if (is_last_of_all) host_.stop_serving(status);
}

/// Says why it ended, unless that is in order; returns what the run ends with where it was the only
/// one.
ExitStatus HubService::say(const HubPeerEnd& end, const Served& peer) {
  const std::string label = options_.keep_open ? peer.label + ": " : std::string();
  const std::string moved = bytes_moved(end.sent, end.received, end.undelivered);
  if (end.dropped > 0)
    context_.reporter.error(
        fmt::format("{}{} bytes dropped, as it read too slowly: {}", label, end.dropped, moved));
  if (end.end == HubEnd::slow) {
    context_.reporter.error(
        fmt::format("{}--slow-peer disconnect: it read too slowly: {}", label, moved));
    return ExitStatus::io_error;
  }
  // Who has left a conversation of others is owed nothing that they say after that.
  const bool has_left =
      end.end == HubEnd::failed && peer.has_ended_its_side && options_.serve_by != ServeBy::stdio;
  // The server says that it cuts connections.
  const bool is_said = options_.keep_open && end.undelivered == 0 &&
                       (end.end == HubEnd::interrupted || end.end == HubEnd::cut_off);
  if (has_left || is_said) return ExitStatus::done;
  const PumpLimits limits{options_.idle_timeout, limit_, signal_,
                          options_.keep_open ? peer.label : std::string()};
  return report_end(context_.reporter, pump_end(end.end), end.error, limits, moved);
}

void HubService::say_closed(const HubPeerEnd& end, const Served& peer, std::string_view reason) {
  if (end.end == HubEnd::slow) reason = "slow-peer";
  context_.reporter.event("closed", {{"conn", end.number},
                                     {"bytes_sent", static_cast<std::int64_t>(end.sent)},
                                     {"bytes_received", static_cast<std::int64_t>(end.received)},
                                     {"duration_ms", milliseconds(Clock::now() - peer.began)},
                                     {"reason", reason}});
}

/// The run ends, once each peer is told of.
void HubService::failed(const Error& error, bool of_sink) {
  const bool has_left =
      of_sink && error.code() == std::errc::broken_pipe && options_.output.empty();
  fatal_ = has_left ? ended_by_signal(SIGPIPE) : ExitStatus::io_error;
  if (!has_left)
    context_.reporter.error(
        fmt::format("{}: {}", escape(error.what()),
                    bytes_moved(gone_.sent + hub_->sent(), gone_.received + hub_->received())));
  hub_->cut_off();
  if (served_.empty()) host_.stop_serving(*fatal_);
}

void HubService::interrupt(int signal) {
  signal_ = signal;
  if (hub_ != nullptr) hub_->interrupt();
}

void HubService::cut_off(Duration limit) {
  limit_ = limit;
  if (hub_ != nullptr) hub_->cut_off();
}

BytesMoved HubService::moved() const {
  if (hub_ == nullptr) return {};
  return {hub_->sent(), hub_->received()};
}

ExitStatus HubService::conclude() {
  ExitStatus status = dropped_ > 0 || has_cut_ ? ExitStatus::io_error : ExitStatus::done;
  if (dropped_ > 0 && options_.keep_open)
    context_.reporter.error(fmt::format("--slow-peer drop: {} bytes dropped in all", dropped_));
  if (hub_ == nullptr) return status;
  if (const std::optional<Error> error = hub_->close_sink(); error && !fatal_) {
    context_.reporter.error(escape(error->what()));
    status = ExitStatus::io_error;
  }
  if (!taps_.close()) status = ExitStatus::io_error;
  taps_.report(gone_.sent, gone_.received, Clock::now() - began_);
  return status;
}

}  // namespace ioa::cli
