#include "cli/near_child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include "cli/command_search.hpp"
#include "cli/process_group.hpp"
#include "cli/split_words.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/timeout.hpp"
#include "ioa/process/pseudo_terminal.hpp"
#include "ioa/process/spawn.hpp"

namespace ioa::cli {
namespace {

// What the kernel does not let go is not waited for longer.
constexpr Duration kPatience = std::chrono::seconds(2);

// How often is looked whether it has ended: soon, then less often.
constexpr Duration kFirstLook = std::chrono::milliseconds(1);
constexpr Duration kLastLook = std::chrono::milliseconds(20);

std::string name_of(const Address& command) {
  constexpr std::size_t kMost = 60;
  std::string name = command.command;
  if (name.size() > kMost) name = name.substr(0, kMost) + "…";
  return name;
}

void set_non_blocking(const UniqueFd& fd) {
  // A new description of our own: nobody else is surprised.
  static_cast<void>(::fcntl(fd.get(), F_SETFL, O_NONBLOCK | ::fcntl(fd.get(), F_GETFL)));
}

}  // namespace

void ConnectionNames::add_to(Environment& environment) const {
  const auto port = [](const SocketAddress& address) {
    return address.is_inet() ? std::to_string(address.port()) : std::string();
  };
  environment.set("IOA_REMOTE_ADDR", remote.host());
  environment.set("IOA_REMOTE_PORT", port(remote));
  environment.set("IOA_LOCAL_ADDR", local.host());
  environment.set("IOA_LOCAL_PORT", port(local));
  environment.set("IOA_PROTO", protocol);
  environment.set("IOA_CONN", std::to_string(number));
}

NearChild::NearChild(Context& context, const Address& command, Duration kill_after)
    : context_(context), scheme_(command.scheme), name_(name_of(command)), kill_after_(kill_after) {
  if (scheme_ == Address::Scheme::exec)
    words_ = split_words(command.command).value_or(std::vector<std::string>());
  else
    words_ = {command.command};
}

NearChild::~NearChild() {
  if (is_running()) kill();
}

void NearChild::kill() const noexcept {
  if (group_ > 0) signal_group(group_, SIGKILL);
}

void NearChild::look_for_command() const {
  if (scheme_ != Address::Scheme::exec) return;
  const std::string program = words_.empty() ? "" : words_.front();
  if (const int error = command_problem(program)) throw Error::from_errno(error, "exec", program);
}

SpawnRequest NearChild::request() const {
  SpawnRequest request = scheme_ == Address::Scheme::exec ? SpawnRequest::command(words_)
                                                          : SpawnRequest::shell(words_.front());
  request.parent_death_signal = SIGKILL;
  request.signals = context_.inherited;
  if (const auto& limit = context_.child_descriptors)
    request.limits.push_back({RLIMIT_NOFILE, limit->rlim_cur, limit->rlim_max});
  return request;
}

void NearChild::start(const ConnectionNames& connection) {
  SpawnRequest request = this->request();
  connection_ = connection.number;
  connection.add_to(request.environment);
  scheme_ == Address::Scheme::pty ? open_terminal(request) : open_pipes(request);
  SpawnedChild child = spawn(request);
  child_ends_.clear();
  group_ = child.pid;
  started_ = Clock::now();
  context_.reporter.event("child.started", {{"conn", connection_},
                                            {"pid", std::int64_t{group_}},
                                            {"command", std::span<const std::string>(words_)}});
  watch_.emplace(context_.loop, std::move(child),
                 [this](const ExitReport& report) { exited(report); });
}

void NearChild::open_pipes(SpawnRequest& request) {
  request.process_group = 0;
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) throw Error::from_errno(errno, "pipe");
  UniqueFd in_read(in[0]);
  UniqueFd in_write(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) throw Error::from_errno(errno, "pipe");
  UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  set_non_blocking(in_write);
  set_non_blocking(out_read);
  request.descriptors = {FdAction::dup(in_read.get(), STDIN_FILENO),
                         FdAction::dup(out_write.get(), STDOUT_FILENO)};
  child_ends_.push_back(std::move(in_read));
  child_ends_.push_back(std::move(out_write));
  input_ = ByteEnd::own(std::move(in_write));
  output_ = ByteEnd::own(std::move(out_read));
}

/// Its standard error is the terminal too: that is where a shell writes its prompt.
void NearChild::open_terminal(SpawnRequest& request) {
  PseudoTerminal pty = open_pseudo_terminal();
  request.new_session = true;
  request.controlling_terminal = STDIN_FILENO;
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    request.descriptors.push_back(FdAction::dup(pty.terminal.get(), fd));
  child_ends_.push_back(std::move(pty.terminal));
  input_ = ByteEnd::borrow_terminal_controller(pty.controller.get());
  output_ = ByteEnd::terminal_controller(std::move(pty.controller));
}

void NearChild::exited(const ExitReport& report) {
  if (!was_told_) own_end_ = report.status;
  if (context_.reporter.wants_events()) {
    const std::string fate = report.status.text();
    std::vector<EventField> fields{{"conn", connection_},
                                   {"pid", std::int64_t{report.pid}},
                                   {"status", std::int64_t{report.status.shell_status()}}};
    if (const auto number = report.status.signal())
      fields.push_back({"signal", std::int64_t{*number}});
    fields.push_back({"duration_ms", milliseconds(Clock::now() - started_)});
    fields.push_back({"message", std::string_view(fate)});
    context_.reporter.event("child.exited", fields);
  }
  on_exit_();
}

Future<> NearChild::end(bool is_ending) {
  if (group_ == 0) co_return;
  if (is_ending) co_await ended_within(kill_after_);
  if (is_running() || is_group_alive(group_)) {
    was_told_ = is_running();
    co_await end_group(context_.loop, group_, kill_after_);
    co_await ended_within(kPatience);  // it has ended: that is to be heard of, and reaped
  }
  group_ = 0;
}

Future<> NearChild::ended_within(Duration limit) {
  const TimePoint due =
      limit > Duration::zero() ? saturating_add(context_.loop.now(), limit) : TimePoint::max();
  Duration step = kFirstLook;
  while (is_running()) {
    const Duration left = due - context_.loop.now();
    if (left <= Duration::zero()) co_return;
    co_await sleep_for(context_.loop, std::min(step, left));
    step = std::min(step * 2, kLastLook);
  }
}

ExitStatus status_of_spawn_failure(const Error& error) noexcept {
  if (error.operation() != "exec") return ExitStatus::child_failed;
  const int number = error.code().value();
  const bool is_missing = number == ENOENT || number == ENOTDIR;
  return is_missing ? ExitStatus::command_not_found : ExitStatus::cannot_execute;
}

}  // namespace ioa::cli
