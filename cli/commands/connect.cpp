#include "cli/commands/connect.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands/establish.hpp"
#include "cli/escape.hpp"
#include "cli/progress_meter.hpp"
#include "cli/run_hooks.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/future/promise.hpp"
#include "ioa/io/pump.hpp"
#include "ioa/loop/timeout.hpp"

namespace ioa::cli {
namespace {

constexpr std::int64_t kConnection = 1;  // the only one of a run

// Nothing tells when somebody opens a FIFO to read.
constexpr Duration kFifoLook = std::chrono::milliseconds(20);

bool is_fifo(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

std::string bytes_moved(std::uint64_t sent, std::uint64_t received, std::uint64_t undelivered = 0) {
  std::string text = fmt::format("{} bytes sent, {} received", sent, received);
  if (undelivered > 0) text += fmt::format(", {} read but not delivered", undelivered);
  return text;
}

NearEof near_eof(OnStdinEof policy) {
  switch (policy) {
    case OnStdinEof::after_reply:
      return NearEof::after_reply;
    case OnStdinEof::close:
      return NearEof::close;
    case OnStdinEof::keep:
      return NearEof::keep;
    case OnStdinEof::half_close:
      break;
  }
  return NearEof::half_close;
}

std::string_view reason_of(PumpEnd end) {
  switch (end) {
    case PumpEnd::complete:
      return "eof";
    case PumpEnd::quit:
      return "quit-after";
    case PumpEnd::far_failed:
      return "peer-error";
    case PumpEnd::near_failed:
      return "stdio-error";
    case PumpEnd::near_left:
      return "stdout-closed";
    case PumpEnd::idle_timeout:
      return "idle-timeout";
    case PumpEnd::interrupted:
      return "signal";
    case PumpEnd::cut_off:
      return "timeout";
  }
  return "";
}

/// How much there is to read from a regular file; nothing for anything else.
std::optional<std::uint64_t> bytes_left(const ByteEnd& source) {
  struct stat status {};
  if (source.kind() != FdKind::regular_file || ::fstat(source.fd(), &status) != 0)
    return std::nullopt;
  const off_t at = std::max<off_t>(0, ::lseek(source.fd(), 0, SEEK_CUR));
  return static_cast<std::uint64_t>(std::max<off_t>(0, status.st_size - at));
}

/// One run of the command: what happens in order is a coroutine, what may cut it short (limits,
/// signals) ends it from outside.
class Session {
 public:
  Session(Context& context, ConnectOptions options)
      : context_(context), options_(std::move(options)), hooks_(context) {}
  ~Session() {
    if (pump_ != nullptr) pump_->remove();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

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
  ProgressReading progress() const;
  Future<> work();
  std::unique_ptr<Pump> make_pump(UniqueFd socket);
  PumpOptions pump_options(const ByteEnd& source) const;
  Future<> open_output();
  ByteEnd output_end();
  ExitStatus report(const PumpResult& result);
  void report_closed(std::uint64_t sent, std::uint64_t received, std::string_view reason);

  Context& context_;
  ConnectOptions options_;
  UniqueFd output_;
  Pump* pump_ = nullptr;  // while it is in the loop
  TimePoint connected_{};
  int signal_ = 0;
  RunHooks hooks_;
  std::optional<std::uint64_t> input_size_;  // where it is known
  std::pair<std::uint64_t, std::uint64_t> moved_;
  std::optional<ProgressMeter> meter_;
  Promise<ExitStatus> outcome_;
  Future<> work_;
};

Future<> Session::work() {
  ExitStatus status = ExitStatus::io_error;
  try {
    co_await open_output();
    Connection connection = co_await establish(context_, options_, options_.peer, kConnection);
    connected_ = Clock::now();
    pump_ = &context_.loop.add(make_pump(std::move(connection.fd)));
    meter_.emplace(context_.loop, context_.reporter, options_.progress, ProgressUnit::bytes,
                   [this] { return progress(); });
    PumpResult result = co_await pump_->result();
    pump_ = nullptr;
    moved_ = {result.sent, result.received};
    meter_->finish();
    status = report(result);
  } catch (const Error& error) {
    if (error.operation() != "open") status = status_of_failure(error);
    context_.reporter.error(escape(error.what()));
  }
  outcome_.done(status);
}

/// Before anything is connected, so that a wrong path costs nothing; what the file holds goes only
/// once there is a connection. A FIFO is waited for until it has a reader.
Future<> Session::open_output() {
  if (options_.output.empty()) co_return;
  const int flags =
      O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (options_.append ? O_APPEND : 0);
  for (;;) {
    output_ = UniqueFd(::open(options_.output.c_str(), flags, 0666));
    if (output_) co_return;
    const int error = errno;
    if (error != ENXIO || !is_fifo(options_.output))
      throw Error::from_errno(error, "open", options_.output);
    co_await sleep_for(context_.loop, kFifoLook);
  }
}

ByteEnd Session::output_end() {
  if (!output_) return ByteEnd::inherited(context_.stdout_fd, ByteEnd::Access::write);
  if (!options_.append && fd_kind(output_.get()) == FdKind::regular_file &&
      ::ftruncate(output_.get(), 0) != 0)
    throw Error::from_errno(errno, "open", options_.output);
  return ByteEnd::own(std::move(output_));
}

std::unique_ptr<Pump> Session::make_pump(UniqueFd socket) {
  ByteEnd sink = output_end();
  ByteEnd source = options_.direction == Direction::receive_only
                       ? ByteEnd::discard()
                       : ByteEnd::inherited(context_.stdin_fd, ByteEnd::Access::read);
  input_size_ = bytes_left(source);
  PumpOptions pump = pump_options(source);
  const bool finishes = pump.far_eof == FarEof::finish && pump.sends;
  auto made = std::make_unique<Pump>(std::move(source), std::move(sink), std::move(socket),
                                     std::move(pump));
  made->on_eof([this, finishes](Pump::Side side) {
    context_.reporter.event(
        "eof", {{"conn", kConnection},
                {"side", std::string_view(side == Pump::Side::far ? "peer" : "stdin")}});
    if (finishes && side == Pump::Side::far)
      context_.reporter.note("going on to send until standard input ends");
  });
  return made;
}

PumpOptions Session::pump_options(const ByteEnd& source) const {
  PumpOptions pump;
  pump.near_eof = near_eof(options_.on_stdin_eof);
  const bool finish =
      options_.on_peer_eof == OnPeerEof::finish ||
      (options_.on_peer_eof == OnPeerEof::automatic && source.kind() == FdKind::regular_file);
  pump.far_eof = finish ? FarEof::finish : FarEof::exit;
  pump.quit_after = options_.quit_after;
  pump.idle_timeout = options_.idle_timeout;
  pump.sends = options_.direction != Direction::receive_only;
  pump.receives = options_.direction != Direction::send_only;
  if (!options_.output.empty()) pump.near_sink_name = options_.output;
  return pump;
}

ExitStatus Session::report(const PumpResult& result) {
  context_.reporter.note(fmt::format("sent by {}, received by {}", Flow::name(result.sent_by),
                                     Flow::name(result.received_by)));
  report_closed(result.sent, result.received, reason_of(result.end));
  const std::string moved = bytes_moved(result.sent, result.received, result.undelivered);
  switch (result.end) {
    case PumpEnd::complete:
    case PumpEnd::quit:
      return ExitStatus::done;
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

void Session::report_closed(std::uint64_t sent, std::uint64_t received, std::string_view reason) {
  context_.reporter.event("closed", {{"conn", kConnection},
                                     {"bytes_sent", static_cast<std::int64_t>(sent)},
                                     {"bytes_received", static_cast<std::int64_t>(received)},
                                     {"duration_ms", milliseconds(Clock::now() - connected_)},
                                     {"reason", reason}});
}

void Session::on_signal(int number) {
  signal_ = number;
  if (pump_ != nullptr) return pump_->interrupt();
  context_.reporter.error(fmt::format("ended by SIG{}: not connected", ::sigabbrev_np(number)));
  outcome_.done(ended_by_signal(number));
}

void Session::on_time_limit() {
  if (pump_ != nullptr) return pump_->cut_off();
  context_.reporter.error(fmt::format("--timeout {} reached: not connected, 0 bytes moved",
                                      duration_text(options_.timeout)));
  outcome_.done(ExitStatus::time_limit);
}

ProgressReading Session::progress() const {
  const auto [sent, received] =
      pump_ != nullptr ? std::pair(pump_->sent(), pump_->received()) : moved_;
  if (!input_size_) return {sent + received, {}, {}};
  ProgressReading reading{sent, input_size_, {}};
  if (received > 0) reading.note = format_bytes(received) + " received";
  return reading;
}

void Session::print_counters() {
  const std::string moved =
      pump_ != nullptr ? bytes_moved(pump_->sent(), pump_->received()) : "not connected";
  context_.reporter.error(fmt::format("{}, {} elapsed", moved,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

}  // namespace

Future<ExitStatus> run_connect(Context& context, ConnectOptions options) {
  Session session(context, std::move(options));
  ExitStatus status = co_await session.run();
  co_return status;
}

}  // namespace ioa::cli
