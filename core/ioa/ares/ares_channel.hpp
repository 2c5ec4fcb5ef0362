#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "ioa/ares/datagram_batch.hpp"
#include "ioa/base/clock.hpp"
#include "ioa/base/unique_fd.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/socket_address.hpp"

struct ares_channeldata;

namespace ioa {
class Loop;
}

namespace ioa::detail {

/// One question on its way to one server. It belongs to the AresChannel from asking until it has
/// ended.
class AresProbe {
 public:
  enum class End {
    reply,    ///< There is a reply that belongs to the question; its code may be a failure.
    broken,   ///< The server cannot be reached, or has cut the connection.
    expired,  ///< Nothing came in time.
    dropped,  ///< The channel was cleared, or is being destroyed.
  };

  AresProbe() = default;
  AresProbe(const AresProbe&) = delete;
  AresProbe& operator=(const AresProbe&) = delete;

  /// Something came with its number that is no reply: the server's, or that of somebody who
  /// guesses.
  bool saw_malformed() const noexcept { return saw_malformed_; }

 protected:
  virtual ~AresProbe() = default;

 private:
  friend class AresChannel;
  /// The last that it hears; it may destroy itself, and ask again, but not destroy the channel. The
  /// bytes are there for this call.
  virtual void ended(End end, std::span<const unsigned char> reply) noexcept = 0;

  class AresChannel* channel_ = nullptr;
  std::uint16_t id_ = 0;
  bool saw_malformed_ = false;
  bool saw_format_error_ = false;
};

/// The questions that one server is asked by one transport: a channel of c-ares, which numbers no
/// questions, tries none twice and knows no other server. What it has on the wire is watched by the
/// Loop, sent and received in batches, and looked at before c-ares sees it.
///
/// Questions by UDP go from one socket while there are any, by ports that the system picks; their
/// numbers are random. OWNERSHIP: the Loop outlives it; it stays where it was made.
class AresChannel {
 public:
  enum class Transport { udp, tcp };

  /// `receive_buffer` is in bytes; the system may grant less. What is not answered within `expiry`
  /// is given up. Throws Error (ENOMEM).
  AresChannel(Loop& loop, const SocketAddress& server, Transport transport, int receive_buffer,
              Duration expiry);
  AresChannel(const AresChannel&) = delete;
  AresChannel& operator=(const AresChannel&) = delete;
  /// Every probe has ended (`dropped`) when this returns.
  ~AresChannel();

  /// Asks. `query` is a message with one question; its number is replaced. The probe may end inside
  /// this call.
  void ask(AresProbe& probe, std::span<unsigned char> query);
  /// How many have been asked and have not ended.
  std::size_t pending() const noexcept { return pending_; }
  bool is_full() const noexcept { return pending_ >= kMaxPending; }
  /// Ends those that have expired.
  void expire();
  /// Ends all of them.
  void clear();
  /// Why it was broken last: an errno value.
  int last_error() const noexcept { return last_error_; }

  /// Questions at once: random numbers that are free must be easy to find.
  static constexpr std::size_t kMaxPending = 32768;

 private:
  struct Socket;
  struct Calls;  // what c-ares calls

  std::uint16_t take_id(AresProbe& probe);
  std::uint16_t random_number();
  Socket* find(int fd) noexcept;
  void ready(Socket& socket, IoEvent event);
  void flush();
  ssize_t receive_stream(int fd, void* buffer, std::size_t size);
  ssize_t send_stream(int fd, std::span<const iovec> parts);
  bool is_for_ares(unsigned char* bytes, std::size_t size) noexcept;

  Loop& loop_;
  SocketAddress server_;
  int receive_buffer_;
  ares_channeldata* channel_ = nullptr;
  std::list<Socket> sockets_;  // one, or for a moment none
  DeferredCall flush_;
  std::vector<AresProbe*> probes_;  // by their numbers
  std::size_t pending_ = 0;
  std::array<std::uint16_t, 256> random_{};
  std::size_t random_left_ = 0;
  sockaddr_storage told_server_{};  // the server as c-ares knows it
  socklen_t told_server_size_ = 0;
  int last_error_ = 0;
};

}  // namespace ioa::detail
