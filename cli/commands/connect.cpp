#include "cli/commands/connect.hpp"

#include <fmt/format.h>
#include <string.h>

#include <string>
#include <string_view>
#include <utility>

#include "cli/commands/datagram_transfer.hpp"
#include "cli/commands/establish.hpp"
#include "cli/commands/pump_words.hpp"
#include "cli/commands/socket_kinds.hpp"
#include "cli/escape.hpp"
#include "cli/near_side.hpp"
#include "cli/run_hooks.hpp"
#include "cli/transfer.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/future/promise.hpp"

namespace ioa::cli {
namespace {

constexpr std::int64_t kConnection = 1;  // the only one of a run

/// One run of the command: what happens in order is a coroutine, what may cut it short (limits,
/// signals) ends it from outside.
///
/// `Mover` moves the bytes: a Transfer, or a DatagramTransfer.
template <class Mover>
class Session {
 public:
  Session(Context& context, ConnectOptions options)
      : context_(context),
        options_(std::move(options)),
        near_(context, options_),
        transfer_(context, options_, kConnection),
        hooks_(context) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Future<ExitStatus> run() {
    hooks_.call(*this);
    context_.on_abort = [this] {
      if (NearChild* child = near_.child()) child->kill();
    };
    hooks_.limit(*this, options_.timeout);
    work_ = work();
    return outcome_.future();
  }

  void on_signal(int number);
  void on_time_limit();
  void print_counters();

 private:
  Future<> work();
  Future<ExitStatus> connected(Connection connection);
  void report_failure(const Error& error);
  void report_closed(std::string_view reason);
  std::string moved_nothing() const;
  ExitStatus status_with_child(ExitStatus status);
  ExitStatus status_of(const Error& error) const noexcept;

  enum class Stage { preparing, connecting, opening, moving };

  Context& context_;
  ConnectOptions options_;
  NearSideOpener near_;
  Mover transfer_;
  Stage stage_ = Stage::preparing;
  TimePoint connected_{};
  RunHooks hooks_;
  Promise<ExitStatus> outcome_;
  Future<> work_;
};

template <class Mover>
Future<> Session<Mover>::work() {
  ExitStatus status = ExitStatus::io_error;
  try {
    co_await near_.prepare();
    co_await transfer_.prepare();
    stage_ = Stage::connecting;
    Connection connection = co_await establish(context_, options_, options_.peer, kConnection);
    stage_ = Stage::opening;
    connected_ = Clock::now();
    status = co_await connected(std::move(connection));
  } catch (const Error& error) {
    status = status_of(error);
    report_failure(error);
  }
  outcome_.done(status);
}

template <class Mover>
void Session<Mover>::report_failure(const Error& error) {
  const bool was_connected = stage_ == Stage::opening || is_reset_connection(error);
  std::string what = escape(error.what());
  if (stage_ == Stage::opening && is_time_limit(error))
    what = escape(name_connect_limit(error, options_.connect_timeout).what());
  else if (was_connected)
    what += ": " + bytes_moved(0, 0);
  context_.reporter.error(what);
  if (stage_ == Stage::opening) report_closed("stdio-error");
}

/// What is to be said in place of counters where there are none yet.
template <class Mover>
std::string Session<Mover>::moved_nothing() const {
  return stage_ == Stage::opening ? bytes_moved(0, 0) : "not connected";
}

/// A connection that was there before there was anything to join it to.
template <class Mover>
void Session<Mover>::report_closed(std::string_view reason) {
  context_.reporter.event("closed", {{"conn", kConnection},
                                     {"bytes_sent", std::int64_t{0}},
                                     {"bytes_received", std::int64_t{0}},
                                     {"duration_ms", milliseconds(Clock::now() - connected_)},
                                     {"reason", reason}});
}

template <class Mover>
Future<ExitStatus> Session<Mover>::connected(Connection connection) {
  ConnectionNames names;
  names.remote = connection.peer;
  names.local = connection.local;
  names.protocol = options_.peer.is_unix() ? "unix" : protocol_name(options_.peer);
  names.number = kConnection;
  NearSide near = co_await near_.open(names, options_.connect_timeout);
  stage_ = Stage::moving;
  if (NearChild* child = near_.child()) child->on_exit([this] { transfer_.end_near(); });
  ExitStatus status = co_await transfer_.run(std::move(near), std::move(connection.fd));
  // A command that has said all it has to say, to a peer that has heard it, may end by itself.
  const bool is_ending = transfer_.is_complete() && transfer_.has_near_ended();
  co_await near_.end(is_ending);
  co_return status_with_child(status);
}

/// What a command says of itself counts where the bytes have nothing to complain about.
template <class Mover>
ExitStatus Session<Mover>::status_with_child(ExitStatus status) {
  NearChild* child = near_.child();
  if (child == nullptr || status != ExitStatus::done || !child->own_end()) return status;
  return static_cast<ExitStatus>(child->own_end()->shell_status());
}

template <class Mover>
ExitStatus Session<Mover>::status_of(const Error& error) const noexcept {
  switch (stage_) {
    case Stage::preparing:
      return error.operation() == "exec" ? status_of_spawn_failure(error) : ExitStatus::io_error;
    case Stage::connecting:
      return status_of_failure(error);
    case Stage::opening:
      if (near_.is_child()) return status_of_spawn_failure(error);
      return error.operation() == "open" ? ExitStatus::io_error : status_of_failure(error);
    case Stage::moving:
      break;
  }
  return ExitStatus::io_error;
}

template <class Mover>
void Session<Mover>::on_signal(int number) {
  if (transfer_.is_running()) return transfer_.interrupt(number);
  if (stage_ == Stage::moving) return;  // the child is being ended already
  context_.reporter.error(
      fmt::format("ended by SIG{}: {}", ::sigabbrev_np(number), moved_nothing()));
  if (stage_ == Stage::opening) report_closed("signal");
  outcome_.done(ended_by_signal(number));
}

template <class Mover>
void Session<Mover>::on_time_limit() {
  if (transfer_.is_running()) return transfer_.cut_off(options_.timeout);
  if (stage_ == Stage::moving) return;
  context_.reporter.error(fmt::format("--timeout {} reached: {}{}", duration_text(options_.timeout),
                                      moved_nothing(),
                                      stage_ == Stage::opening ? "" : ", 0 bytes moved"));
  if (stage_ == Stage::opening) report_closed("timeout");
  outcome_.done(ExitStatus::time_limit);
}

template <class Mover>
void Session<Mover>::print_counters() {
  const std::string moved = stage_ == Stage::moving ? transfer_.moved() : "not connected";
  context_.reporter.error(fmt::format("{}, {} elapsed", moved,
                                      format_measured(Clock::now() - context_.reporter.started())));
}

}  // namespace

Future<ExitStatus> run_connect(Context& context, ConnectOptions options) {
  if (has_datagrams(options.peer)) {
    Session<DatagramTransfer> session(context, std::move(options));
    ExitStatus status = co_await session.run();
    co_return status;
  }
  Session<Transfer> session(context, std::move(options));
  ExitStatus status = co_await session.run();
  co_return status;
}

}  // namespace ioa::cli
