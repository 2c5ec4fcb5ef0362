#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>

#include "ioa/loop/notifier.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/conversation.hpp"
#include "ioa/net/datagram_side.hpp"

namespace ioa {

/// One conversation of a DatagramServer as the far side of a DatagramPump.
///
/// Made when the conversation begins, it keeps the datagrams that come before start(): while what
/// serves the peer is made. So that they have a bound it pauses the conversation after kMostKept.
///
/// LIFETIME: the conversation ends with it. If that ends before (its server goes), nothing is
/// received any more, and what is sent is lost.
class ConversationSide final : public DatagramSide {
 public:
  static constexpr std::size_t kMostKept = 64;

  explicit ConversationSide(Conversation& conversation);
  ~ConversationSide() override;

  /// Null once it has gone.
  Conversation* conversation() const noexcept { return conversation_.get(); }

  void start(User& user) override;
  void send(std::string_view bytes) override;
  bool is_writable() const noexcept override;
  std::size_t pending_datagrams() const noexcept override;
  std::size_t pending_bytes() const noexcept override;
  void pause_receiving() override;
  void resume_receiving() override;
  bool is_receiving_paused() const noexcept override { return is_paused_; }

 private:
  void keep(const Datagram& datagram);
  void give_kept();

  WeakRef<Conversation> conversation_;
  User* user_ = nullptr;
  std::deque<ReceivedDatagram> kept_;
  std::optional<DeferredCall> give_later_;
  bool is_paused_ = false;
};

}  // namespace ioa
