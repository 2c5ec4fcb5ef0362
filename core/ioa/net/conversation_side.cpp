#include "ioa/net/conversation_side.hpp"

#include <utility>

namespace ioa {

ConversationSide::ConversationSide(Conversation& conversation) : conversation_(conversation) {
  conversation.on_receive([this](Conversation&, const Datagram& datagram) {
    if (user_ != nullptr && !is_paused_ && kept_.empty()) return user_->received(datagram);
    keep(datagram);
  });
}

ConversationSide::~ConversationSide() {
  Conversation* conversation = conversation_.get();
  if (conversation == nullptr) return;
  // It may be calling us, and lives on until the turn ends.
  conversation->on_receive(nullptr);
  conversation->on_undelivered(nullptr);
  conversation->on_writable(nullptr);
  conversation->on_sent(nullptr);
  conversation->remove();
}

/// What the memory of a datagram is counted as, so that many small ones are not free.
std::size_t ConversationSide::memory_of(const ReceivedDatagram& datagram) noexcept {
  return sizeof datagram + datagram.bytes.size();
}

/// What was received already when it was paused, too.
void ConversationSide::keep(const Datagram& datagram) {
  kept_memory_ += memory_of(kept_.emplace_back(datagram));
  if (is_full()) conversation_.get()->pause();
}

std::optional<ReceivedDatagram> ConversationSide::take_kept() {
  if (kept_.empty()) return std::nullopt;
  std::optional<ReceivedDatagram> next = std::move(kept_.front());
  kept_memory_ -= memory_of(*next);
  kept_.pop_front();
  return next;
}

bool ConversationSide::is_full() const noexcept {
  return most_kept_ > 0 ? kept_memory_ >= most_kept_ : kept_.size() >= kMostKept;
}

/// Whether more may come for it may have changed.
void ConversationSide::update_conversation() {
  Conversation* conversation = conversation_.get();
  if (conversation == nullptr) return;
  if (most_kept_ > 0 ? is_full() : is_paused_) return conversation->pause();
  if (most_kept_ > 0 || kept_.empty()) conversation->resume();
}

std::uint64_t ConversationSide::thrown_away() const noexcept {
  const Conversation* conversation = conversation_.get();
  return conversation != nullptr ? conversation->dropped() : 0;
}

void ConversationSide::start(User& user) {
  user_ = &user;
  Conversation* conversation = conversation_.get();
  if (conversation == nullptr || conversation->loop() == nullptr) return;
  conversation->on_undelivered([&user](Conversation&, const UndeliveredDatagram& datagram) {
    datagram.was_sent ? user.receiving_failed(datagram.error) : user.sending_failed(datagram.error);
  });
  conversation->on_writable([&user](Conversation&) { user.writable(); });
  conversation->on_sent([&user](Conversation&) { user.all_sent(); });
  give_later_.emplace(*conversation->loop(), [this] { give_kept(); });
  if (!kept_.empty()) give_later_->schedule();
}

/// One at a time, since the user may do anything with this.
void ConversationSide::give_kept() {
  if (is_paused_) return;
  const std::optional<ReceivedDatagram> datagram = take_kept();
  if (!datagram) return;
  if (!kept_.empty()) give_later_->schedule();
  update_conversation();
  user_->received(datagram->view());
}

void ConversationSide::send(std::string_view bytes) {
  if (Conversation* conversation = conversation_.get()) conversation->send(bytes);
}

bool ConversationSide::is_writable() const noexcept {
  const Conversation* conversation = conversation_.get();
  return conversation != nullptr && conversation->is_writable();
}

std::size_t ConversationSide::pending_datagrams() const noexcept {
  const Conversation* conversation = conversation_.get();
  return conversation != nullptr ? conversation->pending_datagrams() : 0;
}

std::size_t ConversationSide::pending_bytes() const noexcept {
  const Conversation* conversation = conversation_.get();
  return conversation != nullptr ? conversation->pending_bytes() : 0;
}

void ConversationSide::pause_receiving() {
  is_paused_ = true;
  update_conversation();
}

void ConversationSide::resume_receiving() {
  is_paused_ = false;
  if (!kept_.empty() && give_later_) give_later_->schedule();
  update_conversation();
}

}  // namespace ioa
