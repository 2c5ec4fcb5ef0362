#pragma once

#include <cstddef>
#include <cstdint>
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
/// Paused it pauses the conversation at once; or, with keep_up_to(), keeps so much first, so that a
/// server that drops what comes for paused ones (DatagramServer::set_drops_when_paused) receives
/// for the others, and drops only what is too much.
///
/// LIFETIME: the conversation ends with it. If that ends before (its server goes), nothing is
/// received any more, and what is sent is lost.
class ConversationSide final : public DatagramSide {
 public:
  static constexpr std::size_t kMostKept = 64;

  explicit ConversationSide(Conversation& conversation);
  ~ConversationSide() override;

  /// Keeps datagrams while it is paused, too, as long as they take no more than so many bytes of
  /// memory, and one datagram; before anything has come.
  void keep_up_to(std::size_t bytes) noexcept { most_kept_ = bytes; }

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
  std::optional<ReceivedDatagram> take_kept() override;
  std::size_t kept() const noexcept override { return kept_.size(); }
  std::uint64_t thrown_away() const noexcept override;

 private:
  static std::size_t memory_of(const ReceivedDatagram& datagram) noexcept;
  void keep(const Datagram& datagram);
  void give_kept();
  bool is_full() const noexcept;
  void update_conversation();

  WeakRef<Conversation> conversation_;
  User* user_ = nullptr;
  std::deque<ReceivedDatagram> kept_;
  std::size_t kept_memory_ = 0;
  std::size_t most_kept_ = 0;  // in memory; 0: kMostKept datagrams, and none while it is paused
  std::optional<DeferredCall> give_later_;
  bool is_paused_ = false;
};

}  // namespace ioa
