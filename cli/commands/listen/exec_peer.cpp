#include "cli/commands/listen/exec_peer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "cli/commands/listen/exec_service.hpp"
#include "cli/commands/pump_words.hpp"
#include "cli/escape.hpp"
#include "cli/near_child.hpp"
#include "cli/process_group.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/process/spawn.hpp"

namespace ioa::cli {
namespace {

// The kernel has no event for "all acknowledged": it is asked, first soon, then less often.
constexpr Duration kFirstLook = std::chrono::milliseconds(1);
constexpr Duration kLastLook = std::chrono::milliseconds(50);

/// Why a connection cannot go on; 0 if it can, or has ended in order. The command may have been
/// told instead of us: who looks first takes the error away.
int failure_of(int fd, const TcpProgress& progress) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  return progress.is_closed && progress.unacknowledged > 0 ? ECONNRESET : 0;
}

}  // namespace

ExecPeer::ExecPeer(ExecService& service, ListenPeer peer)
    : service_(service), peer_(std::move(peer)) {}

ExecPeer::~ExecPeer() {
  if (is_running()) kill();
  if (peer_.connection.fd) service_.hangups_.remove(peer_.connection.fd.get());
}

/// Starting a command takes until it runs, which others need not wait for; who is alone is served
/// sooner without the way to a thread and back.
void ExecPeer::start() {
  // Commands expect that a read waits. It is new, so that there are no other flags to keep.
  static_cast<void>(::fcntl(peer_.connection.fd.get(), F_SETFL, 0));
  if (service_.options_.keep_open) {
    starting_ = start_elsewhere();
    return;
  }
  try {
    started(spawn(request()));
  } catch (const Error& error) {
    start_failed(error);
  }
}

SpawnRequest ExecPeer::request() const {
  const int fd = peer_.connection.fd.get();
  SpawnRequest request = service_.request_;
  request.descriptors = {FdAction::dup(fd, STDIN_FILENO), FdAction::dup(fd, STDOUT_FILENO)};
  ConnectionNames names;
  names.remote = peer_.connection.peer;
  names.local = peer_.connection.local;
  names.protocol = peer_.protocol;
  names.number = peer_.number;
  names.add_to(request.environment);
  return request;
}

/// Not to be dropped while it runs: who gives up a thread's job may lose the thread, with which all
/// commands die that it has started. The descriptor stays open meanwhile, whatever happens.
Future<> ExecPeer::start_elsewhere() {
  is_starting_ = true;
  try {
    SpawnedChild child = co_await service_.spawn_elsewhere(request());
    is_starting_ = false;
    started(std::move(child));
  } catch (const Error& error) {
    is_starting_ = false;
    start_failed(error);
  }
}

void ExecPeer::started(SpawnedChild child) {
  Context& context = service_.context_;
  group_ = child.pid;
  context.reporter.event("child.started",
                         {{"conn", peer_.number},
                          {"pid", std::int64_t{group_}},
                          {"command", std::span<const std::string>(service_.request_.arguments)}});
  watch_.emplace(context.loop, std::move(child),
                 [this](const ExitReport& report) { child_ended(report); });
  if (end_ != PumpEnd::complete) {  // meanwhile
    if (end_ == PumpEnd::cut_off) close(progress());
    return tell_group();
  }
  // A Unix socket says the same of a peer that has sent its last byte, which a command may outlive.
  // One that cannot be watched ends with its command only.
  if (peer_.protocol == "tcp")
    static_cast<void>(service_.hangups_.add(peer_.connection.fd.get(), *this));
}

/// The host is not to be told before it has let go of us.
void ExecPeer::start_failed(const Error& error) {
  if (group_ > 0) signal_group(group_, SIGKILL);  // it runs, and cannot be watched
  end_ = PumpEnd::near_failed;
  error_ = error;
  failed_.emplace(service_.context_.loop, [this] {
    close(progress());
    conclude_if_over();
  });
  failed_->schedule();
}

void ExecPeer::interrupt(int signal) {
  if (failed_) return;
  signal_ = signal;
  if (!is_closed_) end(PumpEnd::interrupted);
  if (is_starting_) return;
  tell_group();
  if (!is_running() && !is_closed_) close(progress());
  conclude_if_over();
}

void ExecPeer::cut_off(Duration limit) {
  if (failed_) return;
  limit_ = limit;
  if (!is_closed_) end(PumpEnd::cut_off);
  if (is_starting_) return;
  if (!is_closed_) close(progress());
  tell_group();
  conclude_if_over();
}

void ExecPeer::kill() const noexcept {
  if (group_ > 0 && (is_running() || is_ending_)) signal_group(group_, SIGKILL);
}

TcpProgress ExecPeer::progress() const noexcept {
  return tcp_progress(peer_.connection.fd.get(), is_shut_down_).value_or(TcpProgress());
}

BytesMoved ExecPeer::moved() const noexcept {
  if (is_closed_) return {result_.sent, result_.received};
  const TcpProgress now = progress();
  return {now.written - std::min(now.unacknowledged, now.written), now.read};
}

/// The first reason counts.
void ExecPeer::end(PumpEnd reason) {
  if (end_ == PumpEnd::complete) end_ = reason;
}

/// The connection is over, and the command may not have noticed. One that has shut down its side
/// itself may have something left to do, as may one whose output ends otherwise.
void ExecPeer::hung_up() {
  if (is_closed_ || !is_running()) return;
  if (const int error = failure_of(peer_.connection.fd.get(), progress())) {
    error_ = Error::from_errno(error, "recv");
    end(PumpEnd::far_failed);
    return tell_group();
  }
  const Duration patience = service_.options_.kill_after;
  if (patience <= Duration::zero()) return;
  Loop& loop = service_.context_.loop;
  timer_.emplace(loop.timers(), [this] { tell_group(); });
  timer_->arm(saturating_add(loop.now(), patience));
}

/// Tells the command to end, and all of its group.
void ExecPeer::tell_group() {
  if (is_ending_ || !is_running()) return;  // its number may be another's by now
  was_told_ = true;
  ending_ = end_group();
}

Future<> ExecPeer::end_group() {
  is_ending_ = true;
  Loop& loop = service_.context_.loop;
  co_await cli::end_group(loop, group_, service_.options_.kill_after);
  co_await sleep_for(loop, Duration::zero());  // whoever began this is to come back first
  is_ending_ = false;
  conclude_if_over();
}

void ExecPeer::child_ended(const ExitReport& report) {
  if (!was_told_) own_end_ = report.status;
  Reporter& reporter = service_.context_.reporter;
  if (reporter.wants_events()) {
    const std::string fate = report.status.text();
    std::vector<EventField> fields{{"conn", peer_.number},
                                   {"pid", std::int64_t{report.pid}},
                                   {"status", std::int64_t{report.status.shell_status()}}};
    if (const auto number = report.status.signal())
      fields.push_back({"signal", std::int64_t{*number}});
    fields.push_back({"duration_ms", milliseconds(Clock::now() - began_)});
    fields.push_back({"message", std::string_view(fate)});
    reporter.event("child.exited", fields);
  }
  timer_.reset();
  // Whom it has left behind goes with it.
  if (!is_ending_ && signal_group(group_, 0)) ending_ = end_group();
  if (!is_closed_) deliver();
  conclude_if_over();
}

/// Closes the connection once nothing that the command has written can be lost any more: a peer
/// that goes on sending to a socket that is closed makes the kernel drop what is under way.
void ExecPeer::deliver() {
  const TcpProgress now = progress();
  if (now.unacknowledged == 0 || end_ != PumpEnd::complete) return close(now);
  const int fd = peer_.connection.fd.get();
  if (const int error = now.is_closed ? ECONNRESET : failure_of(fd, now)) {
    error_ = Error::from_errno(error, "send");
    end(PumpEnd::far_failed);
    return close(now);
  }
  if (!std::exchange(is_shut_down_, true)) {
    ::shutdown(fd, SHUT_WR);
    delay_ = kFirstLook;
  }
  Loop& loop = service_.context_.loop;
  if (!timer_)
    timer_.emplace(loop.timers(), [this] {
      deliver();
      conclude_if_over();
    });
  timer_->arm(saturating_add(loop.now(), delay_));
  delay_ = std::min(delay_ * 2, kLastLook);
}

/// Shut down too, since there may be others who hold the socket.
void ExecPeer::close(const TcpProgress& now) {
  const std::uint64_t lost = std::min(now.unacknowledged, now.written);
  result_.sent = now.written - lost;
  result_.received = now.read;
  Reporter& reporter = service_.context_.reporter;
  std::string label = service_.options_.keep_open ? peer_label(peer_) : std::string();
  if (failed_)
    reporter.error(label.empty() ? escape(error_->what())
                                 : fmt::format("{}: {}", label, escape(error_->what())));
  else
    result_.status = report_end(reporter, end_, error_, {{}, limit_, signal_, std::move(label)},
                                bytes_moved(result_.sent, result_.received, lost));
  if (end_ == PumpEnd::complete)
    reporter.event("eof", {{"conn", peer_.number}, {"side", std::string_view("near")}});
  report_closed(reason_of(end_));
  UniqueFd& fd = peer_.connection.fd;
  service_.hangups_.remove(fd.get());
  ::shutdown(fd.get(), SHUT_RDWR);
  fd.reset();
  timer_.reset();
  is_closed_ = true;
}

void ExecPeer::report_closed(std::string_view reason) const {
  Reporter& reporter = service_.context_.reporter;
  if (!reporter.wants_events()) return;
  reporter.event("closed", {{"conn", peer_.number},
                            {"bytes_sent", static_cast<std::int64_t>(result_.sent)},
                            {"bytes_received", static_cast<std::int64_t>(result_.received)},
                            {"duration_ms", milliseconds(Clock::now() - began_)},
                            {"reason", reason}});
}

ExitStatus ExecPeer::status() const noexcept {
  if (failed_) return status_of_spawn_failure(*error_);
  if (result_.status != ExitStatus::done || !own_end_) return result_.status;
  return static_cast<ExitStatus>(own_end_->shell_status());
}

void ExecPeer::conclude_if_over() {
  if (!is_closed_ || is_running() || is_ending_) return;
  PeerEnd end = result_;
  end.status = status();
  ServiceHost& host = service_.host_;
  service_.take_out(*this);
  delete this;
  host.peer_ended(end);
}

}  // namespace ioa::cli
