#include "ioa/net/datagram_server.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "ioa/loop/loop.hpp"
#include "ioa/net/socket_drops.hpp"

namespace ioa {

DatagramServer::DatagramServer(ListenSocket socket)
    : socket_(add_child(std::make_unique<Socket>())),
      address_(std::move(socket.address)),
      file_(std::move(socket.file)) {
  if (socket.socktype != SOCK_DGRAM)
    throw Error::from_errno(EINVAL, "receive", address_.to_string(), "it is no datagram socket");
  socket_.set_leaves_when_closed(false);
  // A socket that is bound to one address sends from there by itself.
  if (address_.is_wildcard()) socket_.set_wants_local_address(true);
  socket_.set_handle(std::move(socket.fd));
  socket_.on_receive([this](Socket&, const Datagram& datagram) { received(datagram); });
  socket_.on_receive_error(
      [this](Socket&, const Error& error) { on_receive_error_(*this, error); });
  socket_.on_undelivered(
      [this](Socket&, const UndeliveredDatagram& datagram) { undelivered(datagram); });
  socket_.on_writable([this](Socket&) { writable(); });
  socket_.on_outgoing_empty([this](Socket&) { all_sent(); });
}

DatagramServer::~DatagramServer() = default;

void DatagramServer::added_to_loop(Loop& loop) {
  idle_timer_.emplace(loop.timers(), [this] { expire(); });
}

void DatagramServer::removing_from_loop(Loop&) {
  idle_timer_->disarm();  // not destroyed: its callback may have brought us here
}

// --- Receiving ------------------------------------------------------------------------------

void DatagramServer::received(const Datagram& datagram) {
  if (is_unanswerable(datagram)) {
    ++ignored_;
    return;
  }
  Conversation* conversation = find(datagram);
  if (conversation == nullptr) conversation = begin(datagram);
  if (conversation == nullptr) return;
  touch(*conversation);
  conversation->received(datagram);
}

bool DatagramServer::is_unanswerable(const Datagram& datagram) const {
  if (!datagram.from.is_inet()) return false;
  if (datagram.from.port() == 0) return true;
  if (datagram.from.port() != address_.port()) return false;
  return datagram.from == (datagram.to.empty() ? address_ : datagram.to);
}

Conversation* DatagramServer::find(const Datagram& datagram) {
  const auto [first, last] = conversations_.equal_range(datagram.from);
  for (auto place = first; place != last; ++place)
    if (place->second->reply_from_ == datagram.reply_from) return place->second;
  return nullptr;
}

/// A new conversation; null if there is none, or none any more.
Conversation* DatagramServer::begin(const Datagram& datagram) {
  if (on_admit_ && !on_admit_(*this, datagram)) return nullptr;
  if (loop() == nullptr) return nullptr;
  if (conversations_.size() >= max_conversations_) {
    on_overflow_(*this, datagram);
    return nullptr;
  }
  auto made = std::make_unique<Conversation>(*this, datagram);
  made->place_ = conversations_.emplace(datagram.from, made.get());
  by_age_.push(*made);
  Conversation& conversation = add_child(std::move(made));
  on_conversation_(*this, conversation);
  return conversation.loop() != nullptr ? &conversation : nullptr;
}

void DatagramServer::pause() {
  is_paused_ = true;
  update_receiving();
}

void DatagramServer::resume() {
  is_paused_ = false;
  update_receiving();
}

void DatagramServer::set_drops_when_paused(bool drops) {
  drops_when_paused_ = drops;
  update_receiving();
}

void DatagramServer::count_paused(bool is_paused) {
  paused_ += is_paused ? 1 : std::size_t(-1);
  update_receiving();
}

void DatagramServer::update_receiving() {
  const bool is_held = is_paused_ || !socket_.is_writable() || (paused_ > 0 && !drops_when_paused_);
  if (is_held == socket_.is_receiving_paused()) return;
  if (is_held)
    socket_.pause_receiving();
  else
    socket_.resume_receiving();
}

std::uint64_t DatagramServer::dropped_by_kernel() const noexcept {
  return detail::datagrams_dropped(socket_.read_fd());
}

// --- Sending --------------------------------------------------------------------------------

void DatagramServer::send(Conversation& conversation, std::string_view bytes) {
  settle_queue(0);
  socket_.send(bytes, conversation.peer_, conversation.reply_from_);
  conversation.bytes_given_ += bytes.size();
  ++conversation.datagrams_given_;
  if (socket_.pending_datagrams() > queued_.size()) {
    queued_.push_back({&conversation, bytes.size()});
    conversation.pending_bytes_ += bytes.size();
    ++conversation.pending_datagrams_;
    if (!std::exchange(conversation.waits_to_be_sent_, true))
      waiting_to_be_sent_.push_back(&conversation);
    if (!socket_.is_writable()) update_receiving();
  }
  touch(conversation);
}

/// Forgets what the socket has sent; the first `failed` of the rest could not be.
void DatagramServer::settle_queue(std::size_t failed) noexcept {
  const std::size_t left = socket_.pending_datagrams() + failed;
  while (queued_.size() > left) leave_queue();
}

void DatagramServer::leave_queue() noexcept {
  const Queued first = queued_.front();
  queued_.pop_front();
  if (first.conversation == nullptr) return;
  first.conversation->pending_bytes_ -= first.bytes;
  --first.conversation->pending_datagrams_;
}

void DatagramServer::undelivered(const UndeliveredDatagram& datagram) {
  if (!datagram.was_sent) {
    settle_queue(1);
    if (queued_.empty()) return;
    const Queued failed = queued_.front();
    leave_queue();
    if (failed.conversation == nullptr) return;
    failed.conversation->bytes_failed_ += failed.bytes;
    ++failed.conversation->datagrams_failed_;
    return failed.conversation->failed(datagram);
  }
  std::vector<Conversation*> concerned;
  const auto [first, last] = conversations_.equal_range(datagram.to);
  for (auto place = first; place != last; ++place) concerned.push_back(place->second);
  for (Conversation* each : concerned)
    if (each->loop() != nullptr) each->failed(datagram);
}

/// Tells whoever had something in the queue, which is empty now.
void DatagramServer::all_sent() {
  settle_queue(0);
  const std::vector<Conversation*> waiting = std::exchange(waiting_to_be_sent_, {});
  for (Conversation* each : waiting) each->waits_to_be_sent_ = false;
  // One that leaves meanwhile lives on until the turn ends.
  for (Conversation* each : waiting)
    if (each->loop() != nullptr) each->on_sent_(*each);
}

std::vector<Conversation*> DatagramServer::all() const {
  std::vector<Conversation*> list;
  for (Conversation* each = by_age_.first(); each != nullptr; each = each->next)
    list.push_back(each);
  return list;
}

void DatagramServer::writable() {
  update_receiving();
  for (Conversation* each : all())
    if (each->loop() != nullptr && socket_.is_writable()) each->on_writable_(*each);
}

// --- Ends -----------------------------------------------------------------------------------

void DatagramServer::touch(Conversation& conversation) {
  if (idle_timeout_ <= Duration::zero() || conversation.loop() == nullptr) return;
  conversation.last_ = loop()->now();
  by_age_.remove(conversation);
  by_age_.push(conversation);
  if (!idle_timer_->is_armed()) arm_idle_timer();
}

void DatagramServer::set_idle_timeout(Duration timeout) {
  idle_timeout_ = timeout;
  if (loop() == nullptr) return;
  idle_timer_->disarm();
  if (timeout <= Duration::zero()) return;
  for (Conversation* each = by_age_.first(); each != nullptr; each = each->next)
    each->last_ = loop()->now();
  arm_idle_timer();
}

void DatagramServer::arm_idle_timer() {
  if (const Conversation* oldest = by_age_.first())
    idle_timer_->arm(saturating_add(oldest->last_, idle_timeout_));
}

void DatagramServer::expire() {
  while (loop() != nullptr) {
    Conversation* oldest = by_age_.first();
    if (oldest == nullptr || saturating_add(oldest->last_, idle_timeout_) > loop()->now()) break;
    oldest->on_idle_(*oldest);
    oldest->remove();
  }
  if (loop() != nullptr && idle_timeout_ > Duration::zero()) arm_idle_timer();
}

void DatagramServer::forget(Conversation& conversation) noexcept {
  conversations_.erase(conversation.place_);
  by_age_.remove(conversation);
  settle_queue(0);
  if (conversation.pending_datagrams_ > 0)
    for (Queued& each : queued_)
      if (each.conversation == &conversation) each.conversation = nullptr;
  if (conversation.waits_to_be_sent_) std::erase(waiting_to_be_sent_, &conversation);
  if (conversation.is_paused_ && loop() != nullptr) conversation.resume();
}

}  // namespace ioa
