#include "cli/commands/listen/senders_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "cli/commands/pump_words.hpp"
#include "cli/escape.hpp"
#include "ioa/base/duration_text.hpp"

namespace ioa::cli {
namespace {

ConnectOptions sender_options(const ListenOptions& listen) {
  ConnectOptions options;
  static_cast<ByteOptions&>(options) = listen;
  options.peer.scheme = Address::Scheme::udp;
  options.datagrams = listen.datagrams;
  // Each sender has its own silence, and the run ends when it is told to.
  options.idle_timeout = Duration::zero();
  options.on_stdin_eof = OnStdinEof::keep;
  options.quit_after.reset();
  return options;
}

}  // namespace

/// The far side of the transfer: all senders.
class SendersService::Side final : public DatagramSide {
 public:
  explicit Side(SendersService& service) : service_(&service) { service.side_ = this; }
  /// A pump that has left the loop is buried later: this outlives its service then.
  void forget_service() noexcept { service_ = nullptr; }
  ~Side() override;

  User* user() const noexcept { return user_; }
  bool is_paused() const noexcept { return is_paused_; }

  void start(User& user) override;
  void send(std::string_view bytes) override;
  bool is_writable() const noexcept override;
  std::size_t pending_datagrams() const noexcept override;
  std::size_t pending_bytes() const noexcept override;
  void pause_receiving() override { set_paused(true); }
  void resume_receiving() override { set_paused(false); }
  bool is_receiving_paused() const noexcept override { return is_paused_; }

 private:
  void set_paused(bool is_paused);

  SendersService* service_;
  User* user_ = nullptr;
  bool is_paused_ = false;
};

/// One of them.
class SendersService::Sender final : private DatagramSide::User {
 public:
  Sender(SendersService& service, ListenPeer peer)
      : service_(service),
        side_(std::move(peer.conversation)),
        number_(peer.number),
        name_(peer.connection.peer.to_string()) {
    side_->conversation()->on_idle([this](Conversation&) { end("idle-timeout"); });
  }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  ConversationSide& side() noexcept { return *side_; }
  BytesMoved moved() const {
    const Conversation* conversation = side_->conversation();
    if (conversation == nullptr) return {};
    return {conversation->bytes_sent(), conversation->bytes_received()};
  }
  void start() {
    if (service_.side_->is_paused()) side_->pause_receiving();
    side_->start(*this);
  }
  /// Destroys it.
  void end(std::string_view reason);

  std::list<std::unique_ptr<Sender>>::iterator place;

 private:
  DatagramSide::User* pump() const noexcept {
    return service_.side_ != nullptr ? service_.side_->user() : nullptr;
  }
  void received(const Datagram& datagram) override;
  void peer_has_ended() override {}
  void receiving_failed(const Error& error) override { failed(error); }
  void sending_failed(const Error& error) override;
  void writable() override {
    if (this == service_.last_ && pump() != nullptr) pump()->writable();
  }
  void all_sent() override {
    if (pump() != nullptr) pump()->all_sent();
  }
  void failed(const Error& error);

  SendersService& service_;
  std::unique_ptr<ConversationSide> side_;
  std::int64_t number_;
  std::string name_;
  TimePoint began_ = Clock::now();
};

// --- One sender -----------------------------------------------------------------------------

void SendersService::Sender::received(const Datagram& datagram) {
  // What is read may have waited for somebody to be sent to.
  const bool is_first = std::exchange(service_.last_, this) == nullptr;
  if (pump() == nullptr) return;
  pump()->received(datagram);
  if (is_first && pump() != nullptr) pump()->writable();
}

/// What cannot be sent to anybody is input that was not delivered; the rest is this one's affair.
void SendersService::Sender::sending_failed(const Error& error) {
  if (error.code().value() == EMSGSIZE && pump() != nullptr) return pump()->sending_failed(error);
  failed(error);
}

void SendersService::Sender::failed(const Error& error) {
  service_.context_.reporter.error(
      fmt::format("{}: {}", name_.empty() ? fmt::format("connection {}", number_) : escape(name_),
                  escape(error.what())));
  end("peer-error");
}

void SendersService::Sender::end(std::string_view reason) {
  PeerEnd end;
  end.number = number_;
  if (const Conversation* conversation = side_->conversation()) {
    end.sent = conversation->bytes_sent();
    end.received = conversation->bytes_received();
    const auto number = [](std::uint64_t count) { return static_cast<std::int64_t>(count); };
    service_.context_.reporter.event(
        "closed", {{"conn", number_},
                   {"bytes_sent", number(end.sent)},
                   {"bytes_received", number(end.received)},
                   {"datagrams_sent", number(conversation->datagrams_sent())},
                   {"datagrams_received", number(conversation->datagrams_received())},
                   {"duration_ms", milliseconds(Clock::now() - began_)},
                   {"reason", reason}});
  }
  service_.ended(*this, end);
}

// --- All of them ----------------------------------------------------------------------------

SendersService::Side::~Side() {
  if (service_ != nullptr) service_->side_ = nullptr;
}

void SendersService::Side::start(User& user) {
  user_ = &user;
  if (service_ == nullptr) return;
  for (const auto& sender : service_->senders_) sender->start();
}

void SendersService::Side::send(std::string_view bytes) {
  if (service_ != nullptr && service_->last_ != nullptr) service_->last_->side().send(bytes);
}

bool SendersService::Side::is_writable() const noexcept {
  return service_ != nullptr && service_->last_ != nullptr && service_->last_->side().is_writable();
}

std::size_t SendersService::Side::pending_datagrams() const noexcept {
  std::size_t sum = 0;
  if (service_ == nullptr) return sum;
  for (const auto& sender : service_->senders_) sum += sender->side().pending_datagrams();
  return sum;
}

std::size_t SendersService::Side::pending_bytes() const noexcept {
  std::size_t sum = 0;
  if (service_ == nullptr) return sum;
  for (const auto& sender : service_->senders_) sum += sender->side().pending_bytes();
  return sum;
}

void SendersService::Side::set_paused(bool is_paused) {
  is_paused_ = is_paused;
  if (service_ == nullptr) return;
  for (const auto& sender : service_->senders_)
    is_paused ? sender->side().pause_receiving() : sender->side().resume_receiving();
}

SendersService::SendersService(Context& context, const ListenOptions& options, ServiceHost& host)
    : context_(context),
      host_(host),
      options_(sender_options(options)),
      near_(context, options_),
      transfer_(context, options_, 0) {}

SendersService::~SendersService() {
  if (side_ != nullptr) side_->forget_service();
}

Future<> SendersService::prepare() {
  co_await near_.prepare();
  co_await transfer_.prepare();
}

void SendersService::serve(ListenPeer peer) {
  const auto place =
      senders_.insert(senders_.end(), std::make_unique<Sender>(*this, std::move(peer)));
  (*place)->place = place;
  if (side_ != nullptr && side_->user() != nullptr) return (*place)->start();
  if (!work_.valid()) work_ = work();
}

/// From the first sender to the end of the run.
Future<> SendersService::work() {
  ExitStatus status = ExitStatus::io_error;
  try {
    ConnectionNames nobody;
    NearSide near = co_await near_.open(nobody, Duration::zero());
    auto side = std::make_unique<Side>(*this);
    std::string name = "the last sender";
    status = co_await transfer_.run(std::move(near), std::move(side), std::move(name));
  } catch (const Error& error) {
    context_.reporter.error(escape(error.what()));
  }
  is_over_ = true;
  const bool is_in_order = is_settling_ && status == ExitStatus::done;
  end_all(is_settling_ ? "signal" : "stdio-error");
  host_.stop_serving(is_in_order ? ExitStatus::done : status);
}

void SendersService::ended(Sender& sender, const PeerEnd& end) {
  if (last_ == &sender) last_ = nullptr;
  const std::unique_ptr<Sender> gone = std::move(*sender.place);
  senders_.erase(gone->place);
  host_.peer_ended(end);
}

void SendersService::end_all(std::string_view reason) {
  while (!senders_.empty()) senders_.front()->end(reason);
}

/// What was received goes to standard output first.
std::int64_t SendersService::settle() {
  if (is_over_ || !work_.valid()) return 0;
  if (!std::exchange(is_settling_, true)) transfer_.finish();
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(senders_.size()));
}

void SendersService::interrupt(int) { static_cast<void>(settle()); }

void SendersService::cut_off(Duration) { end_all("timeout"); }

BytesMoved SendersService::moved() const {
  BytesMoved sum;
  for (const auto& sender : senders_) {
    const BytesMoved each = sender->moved();
    sum.sent += each.sent;
    sum.received += each.received;
  }
  return sum;
}

}  // namespace ioa::cli
