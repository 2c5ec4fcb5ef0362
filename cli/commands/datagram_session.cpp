#include "cli/commands/datagram_session.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands/establish.hpp"
#include "cli/commands/output_file.hpp"
#include "cli/commands/pump_words.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "cli/escape.hpp"
#include "cli/run_hooks.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/net/datagram_pump.hpp"

namespace ioa::cli {
namespace {

constexpr std::int64_t kConnection = 1;  // the only one of a run

// How long is waited for a datagram once standard input has ended, where -q says nothing.
constexpr Duration kSilence = std::chrono::seconds(1);

bool is_multicast(const SocketAddress& address) noexcept {
  if (address.family() == AF_INET) {
    const auto& ipv4 = *reinterpret_cast<const sockaddr_in*>(address.data());
    return IN_MULTICAST(ntohl(ipv4.sin_addr.s_addr));
  }
  if (address.family() != AF_INET6) return false;
  return IN6_IS_ADDR_MULTICAST(
      &reinterpret_cast<const sockaddr_in6*>(address.data())->sin6_addr);  // NOLINT
}

/// Undoes connect(2), udp(7): from then on datagrams of anybody are received.
void disconnect(int fd) {
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  if (::connect(fd, &nowhere, sizeof nowhere) == 0) return;
  const int error = errno;
  throw Error::from_errno(error, "connect", "AF_UNSPEC");
}

/// The path that a Unix datagram socket was bound to, for as long as this lives.
class BoundPath {
 public:
  BoundPath() = default;
  BoundPath(const BoundPath&) = delete;
  BoundPath& operator=(const BoundPath&) = delete;
  ~BoundPath() {
    if (!path_.empty()) static_cast<void>(::unlink(path_.c_str()));
  }
  void hold(const std::string& path) {
    if (!path.empty() && path.front() != '@') path_ = path;
  }

 private:
  std::string path_;
};

/// One run of the command; as that of a stream, but what is moved are datagrams.
class DatagramSession {
 public:
  DatagramSession(Context& context, ConnectOptions options)
      : context_(context),
        options_(std::move(options)),
        output_(context, options_.output, options_.append),
        hooks_(context) {}
  ~DatagramSession() {
    if (pump_ != nullptr) pump_->remove();
  }
  DatagramSession(const DatagramSession&) = delete;
  DatagramSession& operator=(const DatagramSession&) = delete;

  Future<ExitStatus> run() {
    hooks_.call(*this);
    hooks_.limit(*this, options_.timeout);
    work_ = work();
    return outcome_.future();
  }

  void on_signal(int number);
  void on_time_limit();
  void print_counters();

 private:
  Future<> work();
  std::unique_ptr<DatagramPump> make_pump(Connection connection);
  DatagramPumpOptions pump_options(const SocketAddress& peer) const;
  ExitStatus report(const DatagramPumpResult& result);
  void report_closed(const DatagramPumpResult& result);
  void report_losses(const DatagramPumpResult& result);

  Context& context_;
  ConnectOptions options_;
  OutputFile output_;
  BoundPath source_path_;
  DatagramPump* pump_ = nullptr;  // while it is in the loop
  TimePoint connected_{};
  int signal_ = 0;
  RunHooks hooks_;
  Promise<ExitStatus> outcome_;
  Future<> work_;
};

Future<> DatagramSession::work() {
  ExitStatus status = ExitStatus::io_error;
  try {
    co_await output_.open();
    Connection connection = co_await establish(context_, options_, options_.peer, kConnection);
    source_path_.hold(options_.source.path);
    connected_ = Clock::now();
    pump_ = &context_.loop.add(make_pump(std::move(connection)));
    DatagramPumpResult result = co_await pump_->result();
    pump_ = nullptr;
    status = report(result);
  } catch (const Error& error) {
    if (error.operation() != "open") status = status_of_failure(error);
    context_.reporter.error(escape(error.what()));
  }
  outcome_.done(status);
}

std::unique_ptr<DatagramPump> DatagramSession::make_pump(Connection connection) {
  DatagramPumpOptions pump = pump_options(connection.peer);
  if (!pump.to.empty()) disconnect(connection.fd.get());
  ByteEnd source = pump.sends ? ByteEnd::inherited(context_.stdin_fd, ByteEnd::Access::read)
                              : ByteEnd::discard();
  auto made = std::make_unique<DatagramPump>(std::move(source), output_.take(),
                                             std::move(connection.fd), std::move(pump));
  made->on_eof([this](DatagramPump::Side side) {
    context_.reporter.event(
        "eof", {{"conn", kConnection},
                {"side", std::string_view(side == DatagramPump::Side::far ? "peer" : "stdin")}});
  });
  return made;
}

DatagramPumpOptions DatagramSession::pump_options(const SocketAddress& peer) const {
  const bool is_packet_stream = socket_type(options_.peer) == SOCK_SEQPACKET;
  const bool keeps = options_.on_stdin_eof == OnStdinEof::keep;
  DatagramPumpOptions pump;
  pump.framing = options_.datagrams.framing.value_or(
      ::isatty(context_.stdin_fd) == 1 ? DatagramFraming::line : DatagramFraming::chunk);
  pump.chunk_size = options_.datagrams.mtu;
  if (options_.peer.is_unix()) pump.longest = Socket::kMaxReceiveSize;
  if (options_.datagrams.broadcast || is_multicast(peer)) pump.to = peer;
  pump.near_eof = near_eof(options_.on_stdin_eof);
  const bool is_file = fd_kind(context_.stdin_fd) == FdKind::regular_file;
  const bool finish = options_.on_peer_eof == OnPeerEof::finish ||
                      (options_.on_peer_eof == OnPeerEof::automatic && is_file);
  pump.far_eof = finish ? FarEof::finish : FarEof::exit;
  pump.quit_after = options_.quit_after;
  if (!pump.quit_after && !is_packet_stream && !keeps) pump.quit_after = kSilence;
  pump.idle_timeout = options_.idle_timeout;
  pump.sends = options_.direction != Direction::receive_only;
  pump.receives = options_.direction != Direction::send_only;
  pump.near_sink_name = output_.name();
  pump.far_name = peer.to_string();
  return pump;
}

std::string text_of(const DatagramPumpResult& result) {
  return fmt::format("{} ({} datagrams sent, {} received)",
                     bytes_moved(result.sent, result.received, result.undelivered),
                     result.datagrams_sent, result.datagrams_received);
}

ExitStatus DatagramSession::report(const DatagramPumpResult& result) {
  report_closed(result);
  report_losses(result);
  const std::string moved = text_of(result);
  switch (result.end) {
    case PumpEnd::complete:
    case PumpEnd::quit:
      return result.truncated > 0 ? ExitStatus::io_error : ExitStatus::done;
    case PumpEnd::near_left:
      return ended_by_signal(SIGPIPE);
    case PumpEnd::idle_timeout:
      context_.reporter.error(fmt::format("--idle-timeout {} reached: {}",
                                          duration_text(options_.idle_timeout), moved));
      return ExitStatus::time_limit;
    case PumpEnd::interrupted:
      context_.reporter.error(fmt::format("ended by SIG{}: {}", ::sigabbrev_np(signal_), moved));
      return ended_by_signal(signal_);
    case PumpEnd::cut_off:
      context_.reporter.error(
          fmt::format("--timeout {} reached: {}", duration_text(options_.timeout), moved));
      return ExitStatus::time_limit;
    case PumpEnd::far_failed:
    case PumpEnd::near_failed:
      break;
  }
  context_.reporter.error(fmt::format("{}: {}", escape(result.error->what()), moved));
  return ExitStatus::io_error;
}

void DatagramSession::report_closed(const DatagramPumpResult& result) {
  context_.reporter.event(
      "closed", {{"conn", kConnection},
                 {"bytes_sent", static_cast<std::int64_t>(result.sent)},
                 {"bytes_received", static_cast<std::int64_t>(result.received)},
                 {"datagrams_sent", static_cast<std::int64_t>(result.datagrams_sent)},
                 {"datagrams_received", static_cast<std::int64_t>(result.datagrams_received)},
                 {"duration_ms", milliseconds(Clock::now() - connected_)},
                 {"reason", reason_of(result.end)}});
}

/// What has been lost without an error of any call.
void DatagramSession::report_losses(const DatagramPumpResult& result) {
  if (result.truncated > 0)
    context_.reporter.error(
        fmt::format("{} datagrams were too long and have lost their ends", result.truncated));
  if (result.dropped > 0)
    context_.reporter.warning(
        fmt::format("{} datagrams came faster than they could be written, and were dropped by the "
                    "system",
                    result.dropped));
}

void DatagramSession::on_signal(int number) {
  signal_ = number;
  if (pump_ != nullptr) return pump_->interrupt();
  context_.reporter.error(fmt::format("ended by SIG{}: not connected", ::sigabbrev_np(number)));
  outcome_.done(ended_by_signal(number));
}

void DatagramSession::on_time_limit() {
  if (pump_ != nullptr) return pump_->cut_off();
  context_.reporter.error(fmt::format("--timeout {} reached: not connected, 0 bytes moved",
                                      duration_text(options_.timeout)));
  outcome_.done(ExitStatus::time_limit);
}

void DatagramSession::print_counters() {
  std::string moved = "not connected";
  if (pump_ != nullptr)
    moved = fmt::format("{} ({} datagrams sent, {} received)",
                        bytes_moved(pump_->bytes_sent(), pump_->bytes_received()),
                        pump_->datagrams_sent(), pump_->datagrams_received());
  context_.reporter.error(fmt::format("{}, {} elapsed", moved,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

}  // namespace

Future<ExitStatus> run_datagrams(Context& context, ConnectOptions options) {
  DatagramSession session(context, std::move(options));
  ExitStatus status = co_await session.run();
  co_return status;
}

}  // namespace ioa::cli
