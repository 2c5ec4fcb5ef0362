#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ioa/base/error.hpp"
#include "ioa/net/datagram.hpp"

namespace ioa {

/// The far side of a DatagramPump: who its datagrams go to, and come from. A socket of its own
/// (SocketSide), or a conversation of a server (ConversationSide).
///
/// It calls its user from the loop, never inside a call that the user makes. OWNERSHIP: the user
/// owns it, and may destroy it in any callback.
class DatagramSide {
 public:
  /// Who uses it.
  class User {
   public:
    virtual void received(const Datagram& datagram) = 0;
    /// Nothing more comes: the peer of a packet connection has ended.
    virtual void peer_has_ended() = 0;
    /// Receiving has failed, or an ICMP error came back.
    virtual void receiving_failed(const Error& error) = 0;
    /// The oldest datagram that waited cannot be sent; it counts as pending no longer.
    virtual void sending_failed(const Error& error) = 0;
    /// is_writable() is true again.
    virtual void writable() = 0;
    /// None that waited is left.
    virtual void all_sent() = 0;

   protected:
    ~User() = default;
  };

  DatagramSide() = default;
  DatagramSide(const DatagramSide&) = delete;
  DatagramSide& operator=(const DatagramSide&) = delete;
  virtual ~DatagramSide() = default;

  /// Begins to call `user`, who calls nothing before; once, in a loop.
  virtual void start(User& user) = 0;

  /// As Socket::send().
  virtual void send(std::string_view bytes) = 0;
  virtual bool is_writable() const noexcept = 0;
  virtual std::size_t pending_datagrams() const noexcept = 0;
  virtual std::size_t pending_bytes() const noexcept = 0;
  virtual void pause_receiving() = 0;
  virtual void resume_receiving() = 0;
  virtual bool is_receiving_paused() const noexcept = 0;

  /// Whether it is a packet connection, which has an end.
  virtual bool has_end() const noexcept { return false; }
  /// Says that end.
  virtual void end_sending() {}
  /// An error that has arrived and that nobody was told: its errno value, or 0.
  virtual int take_error() noexcept { return 0; }
  /// Datagrams that the kernel threw away because nobody received them in time.
  virtual std::uint64_t dropped() const noexcept { return 0; }
  /// The next of those that have come while receiving was paused, and that its user would be told
  /// of later; nothing if there is none.
  virtual std::optional<ReceivedDatagram> take_kept() { return std::nullopt; }
  /// How many of those there are.
  virtual std::size_t kept() const noexcept { return 0; }
  /// How many it has thrown away, as receiving was paused and nothing more could be kept.
  virtual std::uint64_t thrown_away() const noexcept { return 0; }
};

}  // namespace ioa
