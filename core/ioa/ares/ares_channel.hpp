#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ioa::detail {

/// A message with one question, as c-ares has made it.
struct AresQuery {
  struct Free {
    void operator()(unsigned char* made) const noexcept;
  };

  std::unique_ptr<unsigned char, Free> bytes;
  std::size_t size = 0;

  std::span<unsigned char> message() const noexcept { return {bytes.get(), size}; }
  /// What its reply will have too (RFC 1035 s4.1.1).
  void set_id(std::uint16_t id) const noexcept;
};

/// One question on its way to one server. It belongs to the AresChannel from asking until it has
/// ended.
class AresProbe {
 public:
  enum class End {
    reply,    ///< There is a reply that belongs to the question; its code may be a failure.
    broken,   ///< The server cannot be reached, or has cut the connection.
    dropped,  ///< Nobody waited for it any more, or the channel is being destroyed.
  };

  AresProbe() = default;
  AresProbe(const AresProbe&) = delete;
  AresProbe& operator=(const AresProbe&) = delete;

  /// Something came with its id that is no reply: the server's, or that of somebody who
  /// guesses.
  bool saw_malformed() const noexcept { return saw_malformed_; }

 protected:
  virtual ~AresProbe() = default;

 private:
  friend class TcpChannel;
  friend class UdpChannel;
  /// The last that it hears; it may destroy itself, and ask again, but not destroy the channel. The
  /// bytes are there for this call.
  virtual void ended(End end, std::span<const unsigned char> reply) noexcept = 0;

  // What the channel notes on it.
  class TcpChannel* connection_ = nullptr;
  AresProbe* next_ = nullptr;
  AresQuery query_;
  std::uint64_t number_ = 0;  // of all that were asked
  std::uint16_t id_ = 0;
  bool saw_malformed_ = false;
};

/// The questions that one server is asked by one transport.
class AresChannel {
 public:
  AresChannel() = default;
  AresChannel(const AresChannel&) = delete;
  AresChannel& operator=(const AresChannel&) = delete;
  /// Every probe has ended (`dropped`) when this returns.
  virtual ~AresChannel() = default;

  /// Asks, under an id of its own. The probe may end inside this call.
  virtual void ask(AresProbe& probe, AresQuery query) = 0;
  /// Nobody waits for this one any more: it will end, at once where that is possible.
  virtual void drop(AresProbe& probe) noexcept = 0;

  /// How many have been asked and have not ended.
  std::size_t pending() const noexcept { return pending_; }
  bool is_full() const noexcept { return pending_ >= kMaxPending; }
  /// Why it was broken last: an errno value.
  int last_error() const noexcept { return last_error_; }

  /// Questions at once: random ids that are free must be easy to find.
  static constexpr std::size_t kMaxPending = 32768;

 protected:
  /// RFC 5452 s9.2: a number that nobody can guess.
  std::uint16_t random_number();

  std::size_t pending_ = 0;
  int last_error_ = 0;

 private:
  std::array<std::uint16_t, 256> random_{};
  std::size_t random_left_ = 0;
};

}  // namespace ioa::detail
