#include "cli/commands/listen/listen_run.hpp"

#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cli/commands/establish.hpp"
#include "cli/commands/listen/datagram_service.hpp"
#include "cli/commands/listen/exec_service.hpp"
#include "cli/commands/listen/hub_service.hpp"
#include "cli/commands/listen/listen_datagrams.hpp"
#include "cli/commands/listen/privileges.hpp"
#include "cli/commands/listen/readiness.hpp"
#include "cli/commands/listen/reflect_service.hpp"
#include "cli/commands/listen/senders_service.hpp"
#include "cli/commands/listen/session_service.hpp"
#include "cli/commands/pump_words.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"
#include "ioa/loop/loop.hpp"

namespace ioa::cli {
namespace {

/// Whether somebody has to see the bytes, or to hold them back.
bool has_taps(const ByteOptions& options) noexcept {
  return options.crlf || !options.hex_dump.empty() || options.rate > 0 || options.stats ||
         options.sha256;
}

std::unique_ptr<PeerService> make_service(Context& context, const ListenOptions& options,
                                          ServiceHost& host) {
  if (is_hub(options)) return std::make_unique<HubService>(context, options, host);
  const bool reflects = options.serve_by == ServeBy::echo || options.serve_by == ServeBy::discard;
  // The one peer of a run has what an exit status needs: its bytes are waited for to the last.
  if (reflects && options.keep_open && !has_taps(options))
    return std::make_unique<ReflectService>(context, options, host);
  if (ExecService::serves(options)) return std::make_unique<ExecService>(context, options, host);
  return std::make_unique<SessionService>(context, options, host);
}

/// What serves peers of datagrams; null for what serves streams.
std::unique_ptr<PeerService> make_datagram_service(Context& context, const ListenOptions& options,
                                                   ServiceHost& host) {
  if (!may_have_conversations(options)) return nullptr;
  if (passes_datagrams_on(options))
    return std::make_unique<DatagramService>(context, options, host);
  if (options.serve_by == ServeBy::stdio && options.keep_open)
    return std::make_unique<SendersService>(context, options, host);
  return nullptr;
}

std::string connections(std::int64_t count) {
  return fmt::format("{} connection{}", count, count == 1 ? "" : "s");
}

ExitStatus status_of_preparing(const Error& error) {
  if (error.operation() == "resolve") return status_of_failure(error);
  if (error.operation() == "exec") return status_of_spawn_failure(error);
  return ExitStatus::io_error;
}

/// What could not be listened at is 4, what could not be looked up 3, and the rest of what is done
/// before there is a peer 1.
ExitStatus status_of_listening(const Error& error) noexcept {
  const std::string& operation = error.operation();
  const bool is_file = operation == "open" || operation == "write" || operation == "rename";
  const bool is_id = operation == "setgroups" || operation == "setgid" || operation == "setuid";
  return is_file || is_id ? ExitStatus::io_error : status_of_failure(error);
}

}  // namespace

ListenRun::ListenRun(Context& context, ListenOptions options, std::optional<WorkerSeat> seat)
    : context_(context),
      options_(std::move(options)),
      seat_(std::move(seat)),
      hooks_(context),
      access_(context, std::move(options_.access), options_.numeric) {
  context_.child_descriptors = descriptors_.before();
  if (options_.keep_open) context_.reporter.name_connections();
  service_ = make_service(context_, options_, *this);
  datagrams_ = make_datagram_service(context_, options_, *this);
}

template <class Function>
void ListenRun::for_each_service(Function function) const {
  function(*service_);
  if (datagrams_) function(*datagrams_);
}

ListenRun::~ListenRun() {
  if (listener_ != nullptr) listener_->remove();
}

Future<ExitStatus> ListenRun::run() {
  hooks_.call(*this);
  context_.on_abort = [this] { for_each_service([](PeerService& each) { each.abort(); }); };
  hooks_.limit(*this, seat_ ? seat_->time_left : options_.timeout);
  work_ = work();
  return outcome_.future();
}

/// Who needs nothing of the streams' service does not have it prepared.
Future<> ListenRun::prepare() {
  const bool has_streams =
      !std::all_of(options_.addresses.begin(), options_.addresses.end(),
                   [](const Address& each) { return has_conversations(each); });
  if (has_streams || !datagrams_) co_await service_->prepare();
  if (datagrams_) co_await datagrams_->prepare();
}

Future<ExitStatus> ListenRun::bind(std::vector<ListenPlace>& places) {
  ExitStatus status = ExitStatus::done;
  bool is_prepared = false;
  try {
    co_await access_.prepare();
    co_await prepare();
    is_prepared = true;
    places = co_await open_listen_places(context_.resolver, options_);
    announce(places);
  } catch (const Error& error) {
    status = is_prepared ? status_of_listening(error) : status_of_preparing(error);
    const bool is_limit = is_prepared && is_time_limit(error);
    context_.reporter.error(escape(
        is_limit ? name_connect_limit(error, options_.connect_timeout).what() : error.what()));
  }
  co_return status;
}

/// What is known of peers is of when the supervisor began.
Future<ExitStatus> ListenRun::prepare_worker() {
  ExitStatus status = ExitStatus::done;
  try {
    co_await access_.prepare_anew();
  } catch (const Error& error) {
    status = status_of_preparing(error);
    context_.reporter.error(named(escape(error.what())));
  }
  co_return status;
}

Future<> ListenRun::work() {
  ExitStatus status = ExitStatus::done;
  std::vector<ListenPlace> places;
  if (!seat_) status = co_await bind(places);
  if (seat_) status = co_await prepare_worker();
  if (status != ExitStatus::done) {
    finish(status);
    co_return;
  }
  try {
    if (!seat_) tell_ready(places, options_, context_.reporter);
    listen(seat_ ? std::move(seat_->places) : std::move(places));
    co_return;
  } catch (const Error& error) {
    context_.reporter.error(escape(error.what()));
  }
  finish(ExitStatus::io_error);
}

void ListenRun::announce(const std::vector<ListenPlace>& places) {
  for (const ListenPlace& place : places) {
    for (const ListenSocket& socket : place.sockets) {
      const std::string address = socket.address.to_string();
      context_.reporter.event("listening", {{"address", std::string_view(address)}});
    }
  }
  write_port_file(places, options_);  // where only those who we were may write
  become(options_.ids);
}

void ListenRun::listen(std::vector<ListenPlace> places) {
  listen_for_datagrams(places);
  auto listener = std::make_unique<Listener>();
  for (ListenPlace& place : places)
    for (ListenSocket& socket : place.sockets) listener->add_socket(std::move(socket));
  if (options_.keep_open && options_.max_connections > 0)
    listener->set_max_connections(seat_ ? seat_->share_of(options_.max_connections)
                                        : options_.max_connections);
  listener->on_accept(
      [this](Listener&, AcceptedConnection connection) { admit(std::move(connection)); });
  listener->on_accept_error([this](Listener&, const Error& error) { accept_failed(error); });
  stage_ = Stage::listening;
  listener_ = &context_.loop.add(std::move(listener));
  if (options_.keep_open)
    meter_.emplace(context_.loop, context_.reporter, options_.progress, ProgressUnit::bytes,
                   [this] {
                     const BytesMoved bytes = moved();
                     return ProgressReading{bytes.sent + bytes.received, {}, connections(open_)};
                   });
  await_peer();
}

/// Short of something, the listener rests and goes on. Otherwise nobody can connect any more.
void ListenRun::accept_failed(const Error& error) {
  const int number = error.code().value();
  if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM) {
    if (std::exchange(has_told_shortage_, true)) return;
    return context_.reporter.warning(
        named(fmt::format("{}; accepting rests until there is room", escape(error.what()))));
  }
  context_.reporter.error(named(escape(error.what())));
  stop_listening();
  status_ = ExitStatus::io_error;
  stage_ = Stage::draining;
  if (open_ == 0) finish(*status_);
}

/// Takes the sockets that nothing is accepted at.
void ListenRun::listen_for_datagrams(std::vector<ListenPlace>& places) {
  // Who has a pump has its idle time.
  const Duration idle = datagrams_ ? options_.conversation_idle : Duration::zero();
  for (ListenPlace& place : places) {
    for (ListenSocket& socket : place.sockets) {
      if (socket.socktype != SOCK_DGRAM) continue;
      if (!door_) door_ = std::make_unique<DatagramDoor>(context_, options_, idle);
      door_->add(std::move(socket));
    }
    std::erase_if(place.sockets, [](const ListenSocket& each) { return !each.fd; });
  }
  if (!door_) return;
  door_->on_admit([this](const SocketAddress& peer) { return lets_in(peer); });
  door_->on_enter([this](std::unique_ptr<ConversationSide> conversation,
                         std::string_view protocol) { admit(std::move(conversation), protocol); });
}

void ListenRun::admit(std::unique_ptr<ConversationSide> conversation, std::string_view protocol) {
  ListenPeer peer;
  peer.protocol = protocol;
  peer.connection.peer = conversation->conversation()->peer();
  peer.connection.local = conversation->conversation()->local();
  peer.conversation = std::move(conversation);
  serve(datagrams_ ? *datagrams_ : *service_, std::move(peer));
}

void ListenRun::admit(AcceptedConnection connection) {
  ListenPeer peer;
  peer.protocol = protocol_of(connection.local, connection.fd.get());
  peer.connection = std::move(connection);
  serve(*service_, std::move(peer));
}

void ListenRun::serve(PeerService& service, ListenPeer peer) {
  ++accepted_;
  peer.number = seat_ ? seat_->last_number->fetch_add(1) + 1 : accepted_;
  const SocketAddress& who = peer.connection.peer;
  if (!peer.conversation) {  // the others have been asked before there was a conversation
    const std::string_view why = access_.refusal(who);
    if (!why.empty()) return refuse(peer.number, who, why);
  }
  if (options_.access.max_per_ip > 0) places_.emplace(peer.number, access_.take_place(who));
  if (context_.reporter.wants_events()) {
    const std::string address = peer.connection.peer.to_string();
    const std::string local = peer.connection.local.to_string();
    context_.reporter.event("accepted", {{"conn", peer.number},
                                         {"address", std::string_view(address)},
                                         {"local", std::string_view(local)}});
  }
  ++served_;
  ++open_;
  if (accept_timer_) accept_timer_->disarm();
  if (!options_.keep_open) {
    stage_ = Stage::serving;
    stop_listening();
  }
  service.serve(std::move(peer));
}

/// A host that goes on sending datagrams is refused each time, and told of once.
bool ListenRun::lets_in(const SocketAddress& peer) {
  constexpr std::size_t kMostKnown = 1024;
  const std::string_view why = access_.refusal(peer);
  if (why.empty()) return true;
  if (refused_hosts_.size() >= kMostKnown) refused_hosts_.clear();
  if (refused_hosts_.insert(peer.host()).second) refuse(++accepted_, peer, why);
  return false;
}

/// It is closed when this returns: it was never one of ours.
void ListenRun::refuse(std::int64_t number, const SocketAddress& peer, std::string_view why) {
  const std::string address = peer.to_string();
  context_.reporter.event(
      "rejected", {{"conn", number}, {"address", std::string_view(address)}, {"reason", why}});
  context_.reporter.warning(fmt::format("refused {}: {}", escape(address), why));
}

/// --accept-timeout counts while nobody is served.
void ListenRun::await_peer() {
  if (options_.accept_timeout <= Duration::zero()) return;
  if (!accept_timer_)
    accept_timer_.emplace(context_.loop.timers(), [this] {
      stop_listening();
      context_.reporter.error(fmt::format("--accept-timeout {} reached: no connection was made",
                                          duration_text(options_.accept_timeout)));
      finish(ExitStatus::time_limit);
    });
  context_.loop.refresh_now();
  accept_timer_->arm(saturating_add(context_.loop.now(), options_.accept_timeout));
}

void ListenRun::stop_listening() {
  if (door_) door_->close();
  if (Listener* listener = std::exchange(listener_, nullptr)) {
    static_cast<void>(listener->stop());
    listener->remove();
  }
}

void ListenRun::peer_ended(const PeerEnd& end) {
  --open_;
  gone_.sent += end.sent;
  gone_.received += end.received;
  places_.erase(end.number);
  if (!options_.keep_open) return finish(status_.value_or(end.status));
  if (open_ > 0) return;
  if (status_) return finish(*status_);
  if (stage_ == Stage::listening) await_peer();
}

void ListenRun::stop_serving(ExitStatus status) {
  stop_listening();
  finish(status);
}

void ListenRun::on_signal(int number) {
  if (!seat_) static_cast<void>(notify_manager("STOPPING=1"));
  stop_listening();
  if (accept_timer_) accept_timer_->disarm();
  if (options_.keep_open && stage_ != Stage::preparing) return drain(number);
  if (stage_ == Stage::serving) {
    stage_ = Stage::ending;
    return for_each_service([&](PeerService& each) { each.interrupt(number); });
  }
  context_.reporter.error(
      fmt::format("ended by SIG{}: no connection was made", ::sigabbrev_np(number)));
  finish(ended_by_signal(number));
}

void ListenRun::drain(int signal) {
  if (stage_ != Stage::listening) return;
  stage_ = Stage::draining;
  status_ = ExitStatus::done;
  settling_ = settle();
  if (open_ == 0 && settling_ == 0) return finish(*status_);
  if (!options_.drain && open_ > settling_) return end_drain(signal);
  if (!options_.drain) return;
  for_each_service([](PeerService& each) { each.no_more_peers(); });
  context_.reporter.note(named(fmt::format("waiting for {} to end", connections(open_))));
  if (*options_.drain == Duration::zero()) return;
  drain_timer_.emplace(context_.loop.timers(), [this, signal] { end_drain(signal); });
  drain_timer_->arm(saturating_add(context_.loop.now(), *options_.drain));
}

/// What is still there is cut.
void ListenRun::end_drain(int signal) {
  stage_ = Stage::ending;
  status_ = ExitStatus::io_error;
  const std::int64_t cut = std::max<std::int64_t>(0, open_ - settling_);
  context_.reporter.error(
      named(fmt::format("ended by SIG{}: {} cut", ::sigabbrev_np(signal), connections(cut))));
  for_each_service([&](PeerService& each) { each.interrupt(signal); });
}

std::int64_t ListenRun::settle() {
  std::int64_t settling = 0;
  for_each_service([&](PeerService& each) { settling += each.settle(); });
  return settling;
}

void ListenRun::on_time_limit() {
  const bool is_served = stage_ == Stage::serving || stage_ == Stage::ending;
  stop_listening();
  if (options_.keep_open) {
    context_.reporter.error(
        named(fmt::format("--timeout {} reached: {}", duration_text(options_.timeout), summary())));
  } else if (!is_served) {
    context_.reporter.error(fmt::format("--timeout {} reached: no connection was made",
                                        duration_text(options_.timeout)));
    return finish(ExitStatus::time_limit);
  }
  stage_ = Stage::ending;
  status_ = ExitStatus::time_limit;
  if (open_ == 0) return finish(*status_);
  for_each_service([&](PeerService& each) { each.cut_off(options_.timeout); });
}

void ListenRun::print_counters() {
  context_.reporter.error(named(fmt::format(
      "{}, {} elapsed", summary(), format_measured(Clock::now() - context_.reporter.started()))));
}

BytesMoved ListenRun::moved() const {
  BytesMoved sum = gone_;
  for_each_service([&](const PeerService& each) {
    const BytesMoved open = each.moved();
    sum.sent += open.sent;
    sum.received += open.received;
  });
  return sum;
}

std::string ListenRun::summary() const {
  const BytesMoved bytes = moved();
  return fmt::format("{} served, {} open, {}", connections(served_), open_,
                     bytes_moved(bytes.sent, bytes.received));
}

/// Of several that speak, which one.
std::string ListenRun::named(std::string_view message) const {
  return seat_ ? fmt::format("worker {}: {}", seat_->index + 1, message) : std::string(message);
}

void ListenRun::finish(ExitStatus status) {
  const bool has_dropped = door_ && door_->report_losses();
  if (meter_) meter_->finish();
  meter_.reset();
  ExitStatus of_service = service_->conclude();
  if (has_dropped && of_service == ExitStatus::done) of_service = ExitStatus::io_error;
  outcome_.done(status == ExitStatus::done ? of_service : status);
}

}  // namespace ioa::cli
