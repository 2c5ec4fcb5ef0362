#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "ioa/ares/ares_channel.hpp"
#include "ioa/loop/backend.hpp"
#include "ioa/loop/watch.hpp"
#include "ioa/net/socket_address.hpp"

namespace ioa::detail {

/// The questions that one server is asked by datagrams, which are sent and received in batches.
///
/// They go from one socket while there are any, by a port that the system picks, under random
/// ids. A reply is what comes from the server's address to that port with the id and the
/// question of one that waits (RFC 5452 s9.1); everything else is passed over, and ends nothing.
///
/// OWNERSHIP: the Loop outlives it; it stays where it was made.
class UdpChannel final : public AresChannel {
 public:
  /// `receive_buffer` is in bytes; the system may grant less.
  UdpChannel(Loop& loop, const SocketAddress& server, int receive_buffer);
  ~UdpChannel() override;

  void ask(AresProbe& probe, AresQuery query) override;
  /// It ends inside this call.
  void drop(AresProbe& probe) noexcept override;

 private:
  struct Socket;
  static constexpr std::size_t kChains = 1024;  // two pages: they stay in the processor's cache

  bool open();
  void settle();
  void send();
  void ready(IoEvent event);
  void take(std::span<const unsigned char> message);
  void end(AresProbe& probe, AresProbe::End how, std::span<const unsigned char> reply) noexcept;
  void end_all(AresProbe::End how) noexcept;
  void broken(int error);
  AresProbe*& place_of(std::uint16_t id) noexcept;
  std::uint16_t free_id();

  Loop& loop_;
  SocketAddress server_;
  int receive_buffer_;
  std::unique_ptr<Socket> socket_;  // while anything is asked
  DeferredCall settle_;
  std::array<AresProbe*, kChains> probes_{};  // by their ids
  std::uint64_t asked_ = 0;
};

}  // namespace ioa::detail
