#include "cli/transfer.hpp"

#include <fmt/format.h>

#include <utility>

#include "cli/commands/pump_words.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
Transfer::Transfer(Context& context, const ByteOptions& options, std::int64_t connection)
    : context_(context), options_(options), connection_(connection), taps_(context, options) {}

Transfer::~Transfer() {
  if (pump_ != nullptr) pump_->remove();
}

Future<> Transfer::prepare() { co_await taps_.prepare(); }

Future<ExitStatus> Transfer::run(NearSide near, UniqueFd peer) {
  began_ = Clock::now();
  pump_ = &context_.loop.add(make_pump(std::move(near), std::move(peer)));
  meter_.emplace(context_.loop, context_.reporter, options_.progress, ProgressUnit::bytes,
                 [this] { return progress(); });
  PumpResult result = co_await pump_->result();
  pump_ = nullptr;
  moved_ = {result.sent, result.received};
  meter_->finish();
  meter_.reset();
  ExitStatus status = report(result);
  if (!taps_.close() && status == ExitStatus::done) status = ExitStatus::io_error;
  co_return status;
}

PumpOptions Transfer::pump_options(const NearSide& near) const {
  PumpOptions pump;
  pump.near_eof = near_eof(options_.on_stdin_eof);
  pump.far_eof = finishes_ ? FarEof::finish : FarEof::exit;
  pump.quit_after = options_.quit_after;
  pump.idle_timeout = options_.idle_timeout;
  pump.sends = gives_;
  pump.receives = options_.direction != Direction::send_only;
  pump.rate = options_.rate;
  pump.buffer = options_.buffer;
  pump.near_half_closes = near.half_closes;
  pump.near_is_one = near.half_closes || near.echoes;
  pump.near_reader_may_leave = near.reader_may_leave;
  pump.near_source_name = near.source_name;
  pump.near_sink_name = near.sink_name;
  pump.near_leaves_quietly = near.is_stdout;
  return pump;
}

std::unique_ptr<Pump> Transfer::make_pump(NearSide near, UniqueFd peer) {
  gives_ = near.gives && options_.direction != Direction::receive_only;
  finishes_ = options_.on_peer_eof == OnPeerEof::finish ||
              (options_.on_peer_eof == OnPeerEof::automatic && near.finishes);
  near_name_ = near.source_name;
  event_name_ = near.event_name;
  if (gives_) input_size_ = near.source.bytes_left();
  PumpOptions pump = pump_options(near);
  auto made = std::make_unique<Pump>(std::move(near.source), std::move(near.sink), std::move(peer),
                                     std::move(pump));
  taps_.add_to(*made);
  made->on_eof([this](Pump::Side side) { side_ended(side); });
  return made;
}

void Transfer::side_ended(Pump::Side side) {
  const bool is_far = side == Pump::Side::far;
  (is_far ? has_peer_ended_ : has_near_ended_) = true;
  context_.reporter.event(
      "eof", {{"conn", connection_}, {"side", std::string_view(is_far ? "peer" : event_name_)}});
  say_waiting(!is_far);
}

/// -v says what a run waits for that has only one side left.
void Transfer::say_waiting(bool for_peer) {
  if (!context_.reporter.is_verbose() || (has_near_ended_ && has_peer_ended_)) return;
  if (for_peer) {
    if (options_.direction == Direction::send_only || options_.on_stdin_eof == OnStdinEof::close)
      return;
    context_.reporter.note(options_.quit_after
                               ? fmt::format("waiting for the peer to end, {} at most",
                                             duration_text(*options_.quit_after))
                               : "waiting for the peer to end");
  } else if (gives_ && finishes_) {
    context_.reporter.note(
        fmt::format("going on to send until {} ends; a peer that has gone is noticed when "
                    "something is sent",
                    escape(near_name_)));
  }
}

ProgressReading Transfer::progress() const {
  const auto [sent, received] = bytes();
  if (!input_size_) return {sent + received, {}, {}};
  ProgressReading reading{sent, input_size_, {}};
  if (received > 0) reading.note = format_bytes(received) + " received";
  return reading;
}

void Transfer::end_near() {
  if (pump_ != nullptr) pump_->end_near();
}

void Transfer::interrupt(int signal) {
  signal_ = signal;
  if (pump_ != nullptr) pump_->interrupt();
}

void Transfer::cut_off(Duration limit) {
  limit_ = limit;
  if (pump_ != nullptr) pump_->cut_off();
}

std::string Transfer::moved() const {
  const auto [sent, received] = bytes();
  return bytes_moved(sent, received);
}

std::pair<std::uint64_t, std::uint64_t> Transfer::bytes() const {
  return pump_ != nullptr ? std::pair(pump_->sent(), pump_->received()) : moved_;
}

ExitStatus Transfer::report(const PumpResult& result) {
  if (context_.reporter.is_verbose())
    context_.reporter.note(fmt::format("sent by {}, received by {}", Flow::name(result.sent_by),
                                       Flow::name(result.received_by)));
  if (result.unwanted > 0)
    context_.reporter.note(
        fmt::format("{} bytes received that {} did not read", result.unwanted, escape(near_name_)));
  report_closed(result);
  const ExitStatus status = status_of(result);
  taps_.report(result.sent, result.received, Clock::now() - began_, label_);
  return status;
}

ExitStatus Transfer::status_of(const PumpResult& result) {
  is_complete_ = result.end == PumpEnd::complete || result.end == PumpEnd::quit;
  if (is_complete_) return ExitStatus::done;
  const PumpLimits limits{options_.idle_timeout, limit_, signal_, label_};
  return report_end(context_.reporter, result.end, result.error, limits, moved_in_words(result));
}

/// Of input whose size is known, a peer that has gone leaves undelivered what was not read as well.
std::string Transfer::moved_in_words(const PumpResult& result) const {
  const bool is_known = input_size_ && !options_.crlf && result.end == PumpEnd::far_failed;
  if (!is_known || *input_size_ <= result.sent + result.undelivered)
    return bytes_moved(result.sent, result.received, result.undelivered);
  return fmt::format("{}, {} not delivered", bytes_moved(result.sent, result.received),
                     *input_size_ - result.sent);
}

void Transfer::report_closed(const PumpResult& result) {
  context_.reporter.event("closed", {{"conn", connection_},
                                     {"bytes_sent", static_cast<std::int64_t>(result.sent)},
                                     {"bytes_received", static_cast<std::int64_t>(result.received)},
                                     {"duration_ms", milliseconds(Clock::now() - began_)},
                                     {"reason", reason_of(result.end)}});
}

}  // namespace ioa::cli
