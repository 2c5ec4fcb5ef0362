#include "cli/commands/datagram_transfer.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "cli/commands/pump_words.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

// How long is waited for a datagram once standard input has ended, where -q says nothing.
constexpr Duration kSilence = std::chrono::seconds(1);

bool is_multicast(const SocketAddress& address) noexcept {
  if (address.family() == AF_INET) {
    const auto& ipv4 = *reinterpret_cast<const sockaddr_in*>(address.data());
    return IN_MULTICAST(ntohl(ipv4.sin_addr.s_addr));
  }
  if (address.family() != AF_INET6) return false;
  const auto& ipv6 = *reinterpret_cast<const sockaddr_in6*>(address.data());
  return ipv6.sin6_addr.s6_addr[0] == 0xff;  // RFC 4291 s2.7
}

/// Undoes connect(2), udp(7): from then on datagrams of anybody are received.
void disconnect(int fd) {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  if (::connect(fd, &nowhere, sizeof nowhere) == 0) return;
  const int error = errno;
  throw Error::from_errno(error, "connect", "AF_UNSPEC");
}

std::string with_counts(std::string bytes, std::uint64_t sent, std::uint64_t received) {
  return fmt::format("{} ({} datagrams sent, {} received)", bytes, sent, received);
}

}  // namespace

DatagramTransfer::DatagramTransfer(Context& context, const ConnectOptions& options,
                                   std::int64_t connection)
    : context_(context), options_(options), connection_(connection), taps_(context, options) {}

DatagramTransfer::~DatagramTransfer() {
  if (pump_ != nullptr) pump_->remove();
  const std::string& path = options_.source.path;
  if (is_bound_ && !path.empty() && path.front() != '@') static_cast<void>(::unlink(path.c_str()));
}

Future<ExitStatus> DatagramTransfer::run(NearSide near, UniqueFd peer) {
  is_bound_ = true;
  const SocketAddress address = SocketAddress::peer_of(peer.get());
  DatagramPumpOptions pump = pump_options(near);
  pump.far_name = address.to_string();
  if (options_.datagrams.broadcast || is_multicast(address)) {
    pump.to = address;
    disconnect(peer.get());
  }
  auto made = make_pump(std::move(near), std::move(peer), std::move(pump));
  co_return co_await move_all(std::move(made));
}

Future<ExitStatus> DatagramTransfer::run(NearSide near, std::unique_ptr<DatagramSide> peer,
                                         std::string name) {
  DatagramPumpOptions pump = pump_options(near);
  pump.far_name = std::move(name);
  auto made = make_pump(std::move(near), std::move(peer), std::move(pump));
  co_return co_await move_all(std::move(made));
}

Future<ExitStatus> DatagramTransfer::move_all(std::unique_ptr<DatagramPump> pump) {
  began_ = Clock::now();
  pump_ = &context_.loop.add(std::move(pump));
  meter_.emplace(context_.loop, context_.reporter, options_.progress, ProgressUnit::bytes,
                 [this] { return progress(); });
  result_ = co_await pump_->result();
  pump_ = nullptr;
  meter_->finish();
  meter_.reset();
  report_closed(result_);
  report_losses(result_);
  ExitStatus status = status_of(result_);
  taps_.report(result_.sent, result_.received, Clock::now() - began_, label_);
  if (!taps_.close() && status == ExitStatus::done) status = ExitStatus::io_error;
  co_return status;
}

template <class Peer>
std::unique_ptr<DatagramPump> DatagramTransfer::make_pump(NearSide near, Peer peer,
                                                          DatagramPumpOptions pump) {
  event_name_ = near.event_name;
  near_name_ = near.sink_name;
  may_leave_ = near.reader_may_leave;
  if (pump.sends) input_size_ = near.source.bytes_left();
  auto made = std::make_unique<DatagramPump>(std::move(near.source), std::move(near.sink),
                                             std::move(peer), std::move(pump));
  taps_.add_to(*made);
  made->on_eof([this](DatagramPump::Side side) { side_ended(side); });
  return made;
}

DatagramPumpOptions DatagramTransfer::pump_options(const NearSide& near) const {
  const bool is_packet_stream = socket_type(options_.peer) == SOCK_SEQPACKET;
  const bool is_typed = !options_.near && ::isatty(near.source.fd()) == 1;
  const bool finishes = options_.on_peer_eof == OnPeerEof::finish ||
                        (options_.on_peer_eof == OnPeerEof::automatic && near.finishes);
  DatagramPumpOptions pump;
  pump.framing = options_.datagrams.framing.value_or(is_typed ? DatagramFraming::line
                                                              : DatagramFraming::chunk);
  pump.chunk_size = options_.datagrams.mtu;
  if (options_.peer.is_unix()) pump.longest = Socket::kMaxReceiveSize;
  pump.near_eof = near_eof(options_.on_stdin_eof);
  pump.far_eof = finishes ? FarEof::finish : FarEof::exit;
  pump.quit_after = options_.quit_after;
  const bool keeps = options_.on_stdin_eof == OnStdinEof::keep;
  if (!pump.quit_after && !is_packet_stream && !keeps) pump.quit_after = kSilence;
  pump.idle_timeout = options_.idle_timeout;
  pump.sends = near.gives && options_.direction != Direction::receive_only;
  pump.receives = options_.direction != Direction::send_only;
  pump.rate = options_.rate;
  pump.near_half_closes = near.half_closes;
  pump.near_reader_may_leave = near.reader_may_leave;
  pump.near_source_name = near.source_name;
  pump.near_sink_name = near.sink_name;
  pump.near_leaves_quietly = near.is_stdout;
  return pump;
}

void DatagramTransfer::side_ended(DatagramPump::Side side) {
  const bool is_far = side == DatagramPump::Side::far;
  if (!is_far) has_near_ended_ = true;
  if (connection_ == 0) return;
  context_.reporter.event(
      "eof", {{"conn", connection_}, {"side", std::string_view(is_far ? "peer" : event_name_)}});
}

ProgressReading DatagramTransfer::progress() const {
  const auto [sent, received] = bytes();
  if (!input_size_) return {sent + received, {}, {}};
  ProgressReading reading{sent, input_size_, {}};
  if (received > 0) reading.note = format_bytes(received) + " received";
  return reading;
}

void DatagramTransfer::end_near() {
  if (pump_ != nullptr) pump_->end_near();
}

void DatagramTransfer::finish() {
  if (pump_ != nullptr) pump_->interrupt();
}

void DatagramTransfer::interrupt(int signal) {
  signal_ = signal;
  if (pump_ != nullptr) pump_->interrupt();
}

void DatagramTransfer::cut_off(Duration limit) {
  limit_ = limit;
  if (pump_ != nullptr) pump_->cut_off();
}

std::pair<std::uint64_t, std::uint64_t> DatagramTransfer::bytes() const {
  return pump_ != nullptr ? std::pair(pump_->bytes_sent(), pump_->bytes_received())
                          : std::pair(result_.sent, result_.received);
}

std::string DatagramTransfer::moved() const {
  if (pump_ == nullptr)
    return with_counts(bytes_moved(result_.sent, result_.received), result_.datagrams_sent,
                       result_.datagrams_received);
  return with_counts(bytes_moved(pump_->bytes_sent(), pump_->bytes_received()),
                     pump_->datagrams_sent(), pump_->datagrams_received());
}

ExitStatus DatagramTransfer::status_of(const DatagramPumpResult& result) {
  is_complete_ = result.end == PumpEnd::complete || result.end == PumpEnd::quit;
  const bool is_finished = result.end == PumpEnd::interrupted && signal_ == 0;
  if (is_finished || (result.end == PumpEnd::idle_timeout && ends_by_silence_))
    return has_lost(result) ? ExitStatus::io_error : ExitStatus::done;
  const PumpLimits limits{options_.idle_timeout, limit_, signal_, label_};
  const ExitStatus status =
      report_end(context_.reporter, result.end, result.error, limits,
                 with_counts(bytes_moved(result.sent, result.received, result.undelivered),
                             result.datagrams_sent, result.datagrams_received));
  return is_complete_ && has_lost(result) ? ExitStatus::io_error : status;
}

/// A command may end and leave unread what it is sent: that is none of these.
std::uint64_t DatagramTransfer::not_taken(const DatagramPumpResult& result) const noexcept {
  const bool has_left = may_leave_ && result.end == PumpEnd::complete;
  return result.thrown_away + (has_left ? 0 : result.kept);
}

/// Whether something that was received has not arrived.
bool DatagramTransfer::has_lost(const DatagramPumpResult& result) const noexcept {
  return result.truncated > 0 || not_taken(result) > 0 ||
         (result.end == PumpEnd::idle_timeout && result.unwritten > 0);
}

void DatagramTransfer::report_closed(const DatagramPumpResult& result) {
  if (connection_ == 0) return;
  context_.reporter.event(
      "closed", {{"conn", connection_},
                 {"bytes_sent", static_cast<std::int64_t>(result.sent)},
                 {"bytes_received", static_cast<std::int64_t>(result.received)},
                 {"datagrams_sent", static_cast<std::int64_t>(result.datagrams_sent)},
                 {"datagrams_received", static_cast<std::int64_t>(result.datagrams_received)},
                 {"duration_ms", milliseconds(Clock::now() - began_)},
                 {"reason", reason_of(result.end)}});
}

/// What has been lost without an error of any call.
void DatagramTransfer::report_losses(const DatagramPumpResult& result) {
  const std::string label = label_.empty() ? std::string() : label_ + ": ";
  if (result.truncated > 0)
    context_.reporter.error(fmt::format("{}{} datagrams were too long and have lost their ends",
                                        label, result.truncated));
  if (const std::uint64_t count = not_taken(result))
    context_.reporter.error(fmt::format("{}{} datagrams were dropped, as {} took nothing", label,
                                        count, escape(near_name_)));
  if (result.end == PumpEnd::idle_timeout && result.unwritten > 0)
    context_.reporter.error(fmt::format("{}{} bytes received were not written, as {} took nothing",
                                        label, result.unwritten, escape(near_name_)));
  if (result.dropped > 0)
    context_.reporter.warning(
        fmt::format("{} datagrams came faster than they could be written, and were dropped by the "
                    "system",
                    result.dropped));
}

}  // namespace ioa::cli
