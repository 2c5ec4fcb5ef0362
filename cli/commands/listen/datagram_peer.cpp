#include "cli/commands/listen/datagram_peer.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "cli/commands/listen/datagram_service.hpp"
#include "cli/commands/pump_words.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"

namespace ioa::cli {

DatagramPeer::DatagramPeer(DatagramService& service, Context& context, const ListenOptions& options,
                           ListenPeer peer)
    : context_(context),
      options_(options),
      side_(std::move(peer.conversation)),
      number_(peer.number),
      service_(&service),
      name_(peer.connection.peer.to_string()),
      began_(Clock::now()) {
  if (options.keep_open)
    label_ = name_.empty() ? fmt::format("connection {}", number_) : escape(name_);
  side_->conversation()->on_idle([this](Conversation&) { end(PumpEnd::idle_timeout); });
}

void DatagramPeer::added_to_loop(Loop&) { side_->start(*this); }

void DatagramPeer::received(const Datagram& datagram) {
  if (options_.serve_by == ServeBy::echo) side_->send(datagram.bytes);
}

/// Too long for where it goes, or to nobody: that is no reason to leave the peer alone.
void DatagramPeer::sending_failed(const Error& error) {
  const int number = error.code().value();
  if (number == EMSGSIZE || number == EDESTADDRREQ) return lost(error);
  end(PumpEnd::far_failed, Error::from_errno(number, "send", name_));
}

void DatagramPeer::lost(const Error& error) {
  if (std::exchange(has_lost_, true)) return;
  say(fmt::format("a datagram was not sent: {}", escape(error.what())));
}

void DatagramPeer::all_sent() {
  if (signal_ != 0) return end(PumpEnd::interrupted);
  end_if_settled();
}

void DatagramPeer::end_if_settled() {
  if (service_ != nullptr && service_->is_draining_ && is_settled()) end(PumpEnd::interrupted);
}

void DatagramPeer::interrupt(int signal) {
  signal_ = signal;
  if (side_->pending_datagrams() == 0) end(PumpEnd::interrupted);
}

void DatagramPeer::cut_off(Duration limit) {
  limit_ = limit;
  end(PumpEnd::cut_off);
}

BytesMoved DatagramPeer::moved() const {
  const Conversation* conversation = side_ ? side_->conversation() : nullptr;
  if (conversation == nullptr) return {};
  return {conversation->bytes_sent(), conversation->bytes_received()};
}

void DatagramPeer::say(const std::string& message) const {
  context_.reporter.error(label_.empty() ? message : fmt::format("{}: {}", label_, message));
}

void DatagramPeer::end(PumpEnd end, const std::optional<Error>& error,
                       std::optional<ExitStatus> status) {
  if (!side_ || service_ == nullptr) return;
  PeerEnd result;
  result.number = number_;
  if (const Conversation* conversation = side_->conversation()) {
    result.sent = conversation->bytes_sent();
    result.received = conversation->bytes_received();
    const bool is_failure = end == PumpEnd::far_failed || end == PumpEnd::near_failed;
    const PumpLimits limits{options_.conversation_idle, limit_, signal_, label_};
    const std::string moved = fmt::format(
        "{} ({} datagrams sent, {} received)", bytes_moved(result.sent, result.received),
        conversation->datagrams_sent(), conversation->datagrams_received());
    if (is_failure || !options_.keep_open)
      result.status = report_end(context_.reporter, end, error, limits, moved);
    if (const std::uint64_t truncated = conversation->truncated()) {
      say(fmt::format("{} datagrams were too long and have lost their ends", truncated));
      has_lost_ = true;
    }
    if (const std::uint64_t dropped = conversation->dropped()) {
      say(fmt::format("{} datagrams were dropped, as {} took nothing", dropped,
                      options_.near ? escape(options_.near->to_string()) : "nobody"));
      has_lost_ = true;
    }
    report_closed(*conversation, end);
  }
  if (status) result.status = *status;
  if (has_lost_ && result.status == ExitStatus::done) result.status = ExitStatus::io_error;
  side_.reset();
  DatagramService* service = std::exchange(service_, nullptr);
  remove();
  service->ended(*this, result);
}

void DatagramPeer::report_closed(const Conversation& conversation, PumpEnd end) const {
  if (!context_.reporter.wants_events()) return;
  const auto number = [](std::uint64_t count) { return static_cast<std::int64_t>(count); };
  context_.reporter.event("closed",
                          {{"conn", number_},
                           {"bytes_sent", number(conversation.bytes_sent())},
                           {"bytes_received", number(conversation.bytes_received())},
                           {"datagrams_sent", number(conversation.datagrams_sent())},
                           {"datagrams_received", number(conversation.datagrams_received())},
                           {"duration_ms", milliseconds(Clock::now() - began_)},
                           {"reason", reason_of(end)}});
}

}  // namespace ioa::cli
