#include "cli/commands/listen/exec_service.hpp"

#include <signal.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_search.hpp"
#include "cli/commands/listen/exec_peer.hpp"
#include "cli/split_words.hpp"
#include "ioa/base/error.hpp"

namespace ioa::cli {
namespace {

/// Threads that stay: with one that ends, the commands that it has started are killed.
ThreadPool::Options starter_options() {
  ThreadPool::Options options;
  options.max_threads = 2;  // whoever starts one waits most of the time
  options.idle_time = std::chrono::hours(24 * 365 * 100);
  options.stack_size = std::size_t{256} << 10;
  options.name = "ioa-exec";
  return options;
}

}  // namespace

bool ExecService::serves(const ListenOptions& options) noexcept {
  if (options.serve_by != ServeBy::near || options.near->scheme != Address::Scheme::exec)
    return false;
  const bool are_seen = options.crlf || !options.hex_dump.empty() || options.rate > 0 ||
                        options.stats || options.sha256 ||
                        options.progress != ProgressMode::never ||
                        options.idle_timeout > Duration::zero() || options.datagrams.framing;
  const bool are_ends_special =
      options.says_ends || options.quit_after || options.direction != Direction::both;
  return !are_seen && !are_ends_special;
}

ExecService::ExecService(Context& context, const ListenOptions& options, ServiceHost& host)
    : context_(context),
      options_(options),
      host_(host),
      hangups_(context.loop),
      starters_(context.loop, starter_options()) {
  request_ = SpawnRequest::command(
      split_words(options_.near->command).value_or(std::vector<std::string>()));
  const std::string& name = request_.arguments.front();
  FoundCommand found = find_command(name);
  problem_ = found.problem;
  request_.program = found.path.empty() ? name : std::move(found.path);
  request_.process_group = 0;
  request_.parent_death_signal = SIGKILL;
  // Said, since a thread that starts it blocks all signals itself.
  request_.signals = context_.inherited.value_or(SignalState());
  if (const auto& limit = context_.child_descriptors)
    request_.limits.push_back({RLIMIT_NOFILE, limit->rlim_cur, limit->rlim_max});
}

ExecService::~ExecService() {
  while (ExecPeer* peer = peers_) {
    take_out(*peer);
    delete peer;
  }
}

Future<> ExecService::prepare() {
  if (problem_ != 0) throw Error::from_errno(problem_, "exec", request_.arguments.front());
  co_return;
}

Future<SpawnedChild> ExecService::spawn_elsewhere(SpawnRequest request) {
  return starters_.run([request = std::move(request)] { return spawn(request); });
}

/// What a Unix socket has moved is known to those only who have moved it.
bool ExecService::hands_over(const ListenPeer& peer) const noexcept {
  if (peer.protocol == "unix") return !context_.reporter.wants_events();
  return peer.protocol == "tcp";
}

void ExecService::serve(ListenPeer peer) {
  if (!hands_over(peer)) {
    if (!others_) others_ = std::make_unique<SessionService>(context_, options_, host_);
    return others_->serve(std::move(peer));
  }
  auto* made = new ExecPeer(*this, std::move(peer));
  made->next_ = peers_;
  if (peers_ != nullptr) peers_->previous_ = made;
  peers_ = made;
  made->start();
}

template <class Function>
void ExecService::for_each(Function function) {
  for (ExecPeer* peer = peers_; peer != nullptr;) {
    ExecPeer* next = peer->next_;
    function(*peer);
    peer = next;
  }
}

void ExecService::interrupt(int signal) {
  for_each([&](ExecPeer& peer) { peer.interrupt(signal); });
  if (others_) others_->interrupt(signal);
}

void ExecService::cut_off(Duration limit) {
  for_each([&](ExecPeer& peer) { peer.cut_off(limit); });
  if (others_) others_->cut_off(limit);
}

void ExecService::abort() noexcept {
  for_each([&](ExecPeer& peer) { peer.kill(); });
  if (others_) others_->abort();
}

BytesMoved ExecService::moved() const {
  BytesMoved sum = others_ ? others_->moved() : BytesMoved();
  for (const ExecPeer* peer = peers_; peer != nullptr; peer = peer->next_) {
    const BytesMoved each = peer->moved();
    sum.sent += each.sent;
    sum.received += each.received;
  }
  return sum;
}

void ExecService::take_out(ExecPeer& peer) noexcept {
  if (peer.next_ != nullptr) peer.next_->previous_ = peer.previous_;
  (peer.previous_ != nullptr ? peer.previous_->next_ : peers_) = peer.next_;
  peer.next_ = peer.previous_ = nullptr;
}

}  // namespace ioa::cli
