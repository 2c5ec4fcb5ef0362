#pragma once

#include "cli/commands/listen/datagram_peer.hpp"
#include "ioa/net/socket.hpp"

namespace ioa::cli {

/// One peer of a DatagramService that is forwarded to --to udp:, unix-dgram: or unix-seqpacket:,
/// over a socket of its own, so that answers are told apart. What comes before that is connected
/// waits, and is bounded.
class ForwardedPeer final : public DatagramPeer {
 public:
  using DatagramPeer::DatagramPeer;

  bool is_settled() const override;

 protected:
  void added_to_loop(Loop& loop) override;
  void received(const Datagram& datagram) override;
  void writable() override;

 private:
  Future<> connect();
  void open(UniqueFd fd);
  void answered(const Datagram& datagram);
  void upstream_failed(const char* operation, const Error& error);

  Socket* upstream_ = nullptr;  // once it is connected
  bool waits_for_answer_ = true;
};

}  // namespace ioa::cli
